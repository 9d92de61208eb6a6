"""Passwords as they are kept: salted and slow to guess."""
import hashlib
import secrets

ROUNDS = 600_000


def new_salt():
    """Sixteen random bytes."""
    return secrets.token_bytes(16)


def hashed(password, salt):
    """What is kept in place of `password`."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS).hex()
