"""Brings the exchange rates up to date: the currency_rate_updater."""


def rates(quotes, base="USD"):
    """What one unit of `base` costs in every other currency."""
    return {name: price / quotes[base] for name, price in quotes.items() if name != base}
