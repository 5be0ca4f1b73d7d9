"""How the numbers of a report read in tables: value, change with its sign, interval, the unit of a column. Pure."""

from __future__ import annotations

from analysis.contracts.metrics import MONEY, PERCENT, Metric
from analysis.contracts.wording import amount_text, number_text
from apps.core import formats


def value_text(metric: Metric, value: float | None) -> str:
    """A value without its unit: "36.3", "0.709", "16 797"; "–" for none."""
    return formats.UNDEFINED if value is None else amount_text(metric, value, unit=False)


def change_signed(metric: Metric, value: float | None) -> str:
    """A difference with its sign: "+17.0", "−808", "±0.0"; "–" for none."""
    return formats.UNDEFINED if value is None else formats.signed(amount_text(metric, value, unit=False))


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
        ends = [formats.signed(end) for end in ends]
    return f"[{ends[0]}, {ends[1]}]"


def unit_text(metric: Metric, currency: str = "", *, change: bool = False) -> str:
    """The unit for a column's head: "%", "points", "C$"; empty for bare numbers."""
    if metric.unit == PERCENT:
        return "points" if change else "%"
    return currency if metric.unit == MONEY else ""


def money_text(value: float, currency: str, *, sign: bool = False) -> str:
    """An amount of money with its sign before the currency: "−C$ 808", "+C$ 12"."""
    text = number_text(abs(value), 0 if abs(value) >= 100 else 2)
    lead = formats.MINUS if value < 0 else "+" if sign and value > 0 else ""
    return f"{lead}{currency}{formats.THIN if currency else ''}{text}"
