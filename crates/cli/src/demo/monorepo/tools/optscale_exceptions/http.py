"""Which status an exception is answered with."""
from tools.optscale_exceptions.common import Forbidden, NotFound

STATUSES = {NotFound: 404, Forbidden: 403}


def status(error):
    """The HTTP status for `error`: 500 for one that nobody foresaw."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
