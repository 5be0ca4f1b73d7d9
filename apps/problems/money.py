"""Money in whole minor units, with its currency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from analysis.contracts.wording import number_text
from apps.core.errors import Invalid

MOST_MINOR = 10**15
_NO_DECIMALS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF", "XAF", "XOF", "PYG", "UGX"})
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_SYMBOLS = {
    "EUR": "€",
    "GBP": "£",
    "USD": "US$",
    "CAD": "C$",
    "AUD": "A$",
    "NZD": "NZ$",
    "JPY": "¥",
    "INR": "₹",
    "CHF": "CHF",
}
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD", "NZD", "JPY", "INR", "SEK", "NOK", "DKK", "PLN", "CZK")
"""What the form offers; any code of three capital letters is accepted."""


def digits_of(currency: str) -> int:
    """Decimals that the currency has: 2 for most."""
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def symbol_of(currency: str) -> str:
    """How the page writes the currency: "C$", or the code itself."""
    return _SYMBOLS.get(currency, currency)


def major(minor: int, currency: str) -> float:
    """Minor units as a number of whole units: 120000 CAD cents are 1200.0."""
    return float(minor / 10 ** digits_of(currency))


def minor_parse(text: str, currency: str) -> int:
    """What a person typed ("1,200.50", "1200") in minor units. Raises ValueError with a sentence."""
    plain = text.strip().replace(",", "").replace("\u202f", "").replace(" ", "")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise ValueError("Write a number, such as 1200 or 99.50.") from None
    if not value.is_finite() or value < 0:
        raise ValueError("A cost is zero or more.")
    scaled = value.scaleb(digits_of(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {digits_of(currency)} decimals.")
    if scaled > MOST_MINOR:
        raise ValueError("This is more money than is accepted here.")
    return int(scaled)


def money_text(minor: int, currency: str) -> str:
    """ "C$ 1 200", "€ 0.50": decimals only when there are any."""
    value = major(minor, currency)
    decimals = 0 if value == int(value) else digits_of(currency)
    return f"{symbol_of(currency)} {number_text(value, decimals)}"


def minor_check(value: Any, field: str) -> int:
    """A whole number of minor units from zero up. Raises Invalid at `field`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_MINOR:
        raise Invalid.field(field, "A whole number of minor units (cents), zero or more.")
    return value
