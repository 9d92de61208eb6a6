"""Is a new password good enough?"""

SHORTEST = 12


def complaints(password, login):
    """What is wrong with `password`; nothing, for a good one."""
    if len(password) < SHORTEST:
        yield f"shorter than {SHORTEST} characters"
    if login.lower() in password.lower():
        yield "it holds the login"
