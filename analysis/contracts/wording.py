"""Numbers as people read them: units, sensible precision, true minus, thin spaces between thousands."""

from typing import Final

from analysis.contracts.metrics import COUNT, MONEY, PERCENT, SCORE, Metric

THIN: Final = "\u202f"
MINUS: Final = "\u2212"


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
    return significant_text(value)


def change_text(metric: Metric, value: float, *, currency: str = "", unit: bool = True) -> str:
    """A difference of a metric: rates in points ("17.0 points"), the rest like the metric itself."""
    if metric.unit == PERCENT:
        text = number_text(100 * value, 1)
        return f"{text} points" if unit else text
    return amount_text(metric, value, currency=currency, unit=unit)
