"""Long lists in bites that a database takes."""
from itertools import islice


def chunks(rows, size):
    """Lists of at most `size` rows, in order."""
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield chunk
