"""Days and months, as bills count them."""
from datetime import timedelta


def start_of_day(moment):
    """Midnight before `moment`."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def start_of_month(moment):
    """The first midnight of the month."""
    return start_of_day(moment).replace(day=1)


def days(first, last):
    """Every midnight from `first` up to and without `last`."""
    day = start_of_day(first)
    while day < last:
        yield day
        day += timedelta(days=1)
