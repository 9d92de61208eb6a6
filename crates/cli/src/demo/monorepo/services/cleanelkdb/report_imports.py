"""Asks for the report imports that are due: the report_import_scheduler."""


def due(accounts, hour):
    """The accounts whose bills are read at this hour."""
    return [account["id"] for account in accounts if hour % account.get("every", 1) == 0]
