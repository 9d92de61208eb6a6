"""The time, always in UTC and always aware of it."""
from datetime import datetime, timezone


def now():
    """The current time."""
    return datetime.now(timezone.utc)


def from_timestamp(seconds):
    """The time that a column of seconds since 1970 means."""
    return datetime.fromtimestamp(seconds, timezone.utc)
