"""Who may do what."""

ROLES = {"member": {"read"}, "engineer": {"read", "assign"}, "manager": {"read", "assign", "manage"}}


def may(role, action):
    """A role that does not exist may do nothing."""
    return action in ROLES.get(role, set())
