"""Numbers as people read them: units, sensible precision, true minus, thin spaces between thousands."""

from typing import Final

from analysis.contracts.criteria import COST_PARITY, CRITERIA, MEAN_ERROR_PARITY, MEAN_PREDICTION_PARITY, RATIO
from analysis.contracts.metrics import COUNT, MEGABYTES, MILLISECONDS, MONEY, PERCENT, SCORE, Metric

THIN: Final = "\u202f"
MINUS: Final = "\u2212"
UNDEFINED: Final = "–"
UNIT_WORDS: Final = {MEGABYTES: "MB", MILLISECONDS: "ms"}
AMOUNTS: Final = frozenset({COST_PARITY, MEAN_PREDICTION_PARITY, MEAN_ERROR_PARITY})
"""Criteria whose number is money or in the unit of the target; the others compare shares."""


def number_text(value: float, decimals: int) -> str:
    """A number with thin spaces between thousands and a true minus; never "-0"."""
    text = f"{abs(value):,.{decimals}f}".replace(",", THIN)
    negative = value < 0 and any(digit in "123456789" for digit in text)
    return f"{MINUS}{text}" if negative else text


def significant_text(value: float) -> str:
    """Three significant figures without exponent, whole numbers above 100."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    if 0 < size < 0.1:
        decimals = 4 if size >= 0.01 else 5
    return number_text(value, decimals)


def amount_text(metric: Metric, value: float, *, currency: str = "", unit: bool = True) -> str:
    """A value of a metric: "36.3 %", "0.709", "C$ 16 797"; without its unit when `unit` is false."""
    if metric.unit == PERCENT:
        text = number_text(100 * value, 1)
        return f"{text} %" if unit else text
    if metric.unit == MONEY:
        text = number_text(value, 0 if abs(value) >= 100 else 2)
        return f"{currency} {text}" if unit and currency else text
    if metric.unit == COUNT:
        return number_text(value, 0)
    if metric.unit == SCORE:
        return number_text(value, 3)
    text = significant_text(value)
    return f"{text} {UNIT_WORDS[metric.unit]}" if unit and metric.unit in UNIT_WORDS else text


def change_text(metric: Metric, value: float, *, currency: str = "", unit: bool = True) -> str:
    """A difference of a metric: rates in points ("17.0 points"), the rest like the metric itself."""
    if metric.unit == PERCENT:
        text = number_text(100 * value, 1)
        return f"{text} points" if unit else text
    return amount_text(metric, value, currency=currency, unit=unit)


def signed(text: str) -> str:
    """Give a shown number its sign: "+0.014", "−0.006", "±0.0" when nothing is left after rounding."""
    if text == UNDEFINED or text.startswith(MINUS):
        return text
    return f"+{text}" if any(digit in "123456789" for digit in text) else f"±{text}"


def value_text(metric: Metric, value: float | None) -> str:
    """A value without its unit: "36.3", "0.709", "16 797"; "–" for none."""
    return UNDEFINED if value is None else amount_text(metric, value, unit=False)


def change_signed(metric: Metric, value: float | None) -> str:
    """A difference with its sign: "+17.0", "−808", "±0.0"; "–" for none."""
    return UNDEFINED if value is None else signed(amount_text(metric, value, unit=False))


def interval_text(metric: Metric, low: float | None, high: float | None, *, change: bool = False) -> str:
    """ "[11.5, 22.8]", with signs for a change; both ends with as many decimals; empty without an interval."""
    if low is None or high is None:
        return ""
    if metric.unit == PERCENT:
        ends = [number_text(100 * low, 1), number_text(100 * high, 1)]
    elif metric.unit == MONEY:
        decimals = 0 if max(abs(low), abs(high)) >= 100 else 2
        ends = [number_text(low, decimals), number_text(high, decimals)]
    else:
        ends = [amount_text(metric, low, unit=False), amount_text(metric, high, unit=False)]
        places = [len(end.partition(".")[2]) for end in ends]
        if places[0] != places[1]:
            ends = [number_text(low, max(places)), number_text(high, max(places))]
    if change:
        ends = [signed(end) for end in ends]
    return f"[{ends[0]}, {ends[1]}]"


def unit_text(metric: Metric, currency: str = "", *, change: bool = False) -> str:
    """The unit for a column's head: "%", "points", "C$"; empty for bare numbers."""
    if metric.unit == PERCENT:
        return "points" if change else "%"
    return currency if metric.unit == MONEY else UNIT_WORDS.get(metric.unit, "")


def money_text(value: float, currency: str, *, sign: bool = False) -> str:
    """An amount of money with its sign before the currency: "−C$ 808", "+C$ 12"."""
    text = number_text(abs(value), 0 if abs(value) >= 100 else 2)
    lead = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return f"{lead}{currency}{THIN if currency else ''}{text}"


def criterion_text(code: str, value: float, *, most: float = 0.0) -> str:
    """The number of a fairness criterion without its unit: points, a share of the highest, or an amount.

    `most` is the largest number beside it, so that both have as many decimals.
    """
    named = CRITERIA.get(code)
    if named is not None and named.shape == RATIO:
        return number_text(value, 2)
    if code in AMOUNTS:
        return number_text(value, 0) if max(abs(value), abs(most)) >= 100 else significant_text(value)
    return number_text(100 * value, 1)
