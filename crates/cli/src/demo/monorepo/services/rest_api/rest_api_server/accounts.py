"""The clouds that an organization has connected."""


def shown(account):
    """What a user may see of an account: all but the keys."""
    return {name: value for name, value in account.items() if name != "config"}
