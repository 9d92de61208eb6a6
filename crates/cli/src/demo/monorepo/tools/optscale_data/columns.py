"""Rows with names to columns without, as the column store wants them."""


def columns(rows, names):
    """One list a name; a row without that name counts as None."""
    return [[row.get(name) for row in rows] for name in names]
