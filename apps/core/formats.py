"""How numbers, money, times and sizes read on a page, in a sentence and in an export. Pure functions.

Rules: three significant figures for measures, whole counts with thin spaces, a true minus sign,
"–" for what is not defined. A difference always carries a sign.
"""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

THIN = "\u202f"
MINUS = "\u2212"
UNDEFINED = "–"

_SYMBOLS = {"CAD": "C$", "USD": "US$", "AUD": "A$", "EUR": "€", "GBP": "£", "JPY": "¥", "CHF": "CHF", "INR": "₹"}
_NO_MINOR = {"JPY", "KRW", "CLP", "VND", "ISK"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Number = int | float | Decimal


def is_undefined(value: Any) -> bool:
    """True for what has no number to show: None, empty text, not-a-number."""
    if value is None or value == "":
        return True
    return isinstance(value, float | Decimal) and not math.isfinite(value)


def _grouped(text: str) -> str:
    """Thin spaces between thousands (also for four figures) and a true minus."""
    sign = MINUS if text.startswith("-") else ""
    whole, _, part = text.lstrip("-").partition(".")
    groups = f"{int(whole):,}".replace(",", THIN)
    return f"{sign}{groups}.{part}" if part else f"{sign}{groups}"


def _decimals(size: float) -> int:
    if size >= 100:
        return 0
    if size >= 10:
        return 1
    return 2 if size >= 1 else 3


def num(value: Any) -> str:
    """A measure with three significant figures ("0.812", "36.3", "17 605"); whole numbers as they are."""
    if is_undefined(value) or isinstance(value, bool | str):
        return UNDEFINED if is_undefined(value) else str(value)
    if isinstance(value, int):
        return _grouped(str(value))
    size = abs(float(value))
    if size and size < 0.0005:
        mantissa, _, exponent = f"{float(value):.2e}".partition("e")
        power = str(int(exponent)).translate(_SUPERSCRIPT)
        return f"{mantissa.replace('-', MINUS)}{THIN}×{THIN}10{power}"
    if size >= 1e15:
        mantissa, _, exponent = f"{float(value):.2e}".partition("e")
        return f"{mantissa.replace('-', MINUS)}{THIN}×{THIN}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return _unsigned_zero(_grouped(f"{value:.{_decimals(size)}f}"))


def _unsigned_zero(text: str) -> str:
    return text.lstrip(MINUS) if not any(c in "123456789" for c in text) else text


def fixed(value: Any, decimals: int) -> str:
    """A number with a stated count of decimals, for columns that must align."""
    if is_undefined(value):
        return UNDEFINED
    return _unsigned_zero(_grouped(f"{value:.{decimals}f}"))


def signed(text: str) -> str:
    """Give a shown number its sign: "+0.014", "−0.006", "±0.0" when nothing is left after rounding."""
    if text == UNDEFINED or text.startswith(MINUS):
        return text
    return f"+{text}" if any(c in "123456789" for c in text) else f"±{text}"


def difference(value: Any) -> str:
    """A difference in the unit of the metric, with its sign."""
    return signed(num(float(value) if isinstance(value, Decimal) else value))


def percent(value: Any, decimals: int = 1) -> str:
    """A share 0..1 as "18.9 %"."""
    return UNDEFINED if is_undefined(value) else f"{fixed(float(value) * 100, decimals)}{THIN}%"


def points(value: Any, decimals: int = 1) -> str:
    """A difference of shares in percentage points: 0.17 reads "+17.0"."""
    return UNDEFINED if is_undefined(value) else signed(fixed(float(value) * 100, decimals))


def interval(low: Any, high: Any, kind: str = "num") -> str:
    """The interval beside a number: "[0.790, 0.833]"; `kind` is num, percent, difference or points.

    Both ends have as many decimals as the end that needs more.
    """
    if is_undefined(low) or is_undefined(high):
        return ""
    low, high = float(low), float(high)
    if kind in ("percent", "points"):
        ends = [fixed(low * 100, 1), fixed(high * 100, 1)]
    elif max(abs(low), abs(high)) < 0.0005 and (low or high):
        ends = [num(low), num(high)]
    else:
        decimals = _decimals(max(abs(low), abs(high)))
        ends = [fixed(low, decimals), fixed(high, decimals)]
    if kind in ("points", "difference"):
        ends = [signed(end) for end in ends]
    return f"[{ends[0]}, {ends[1]}]"


def money(minor: Any, currency: str = "EUR") -> str:
    """Integer minor units with a currency: "C$ 1 200", "−C$ 808", "€ 0.05"."""
    if is_undefined(minor):
        return UNDEFINED
    symbol = _SYMBOLS.get(currency.upper(), currency.upper())
    amount = Decimal(str(minor)) / (1 if currency.upper() in _NO_MINOR else 100)
    whole = amount == amount.to_integral_value() or abs(amount) >= 1000
    text = fixed(abs(amount), 0 if whole else 2)
    sign = MINUS if amount < 0 and any(c in "123456789" for c in text) else ""
    return f"{sign}{symbol}{THIN}{text}"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: "1 file", "50 001 files"."""
    return f"{num(count)} {one if count == 1 else many or f'{one}s'}"


def size(count: Any) -> str:
    """Bytes in binary units: "48.2 KiB"."""
    if is_undefined(count):
        return UNDEFINED
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(amount) < 1024 or unit == "TiB":
            return f"{num(int(amount)) if unit == 'B' else num(amount)}{THIN}{unit}"
        amount /= 1024
    raise AssertionError("unreachable")


def duration(value: Any) -> str:
    """Seconds or a timedelta: "35 ms", "0.13 s", "2 m 14 s", "3 h 5 m", "2 d 4 h"."""
    if is_undefined(value):
        return UNDEFINED
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds <= -0.0005:
        return MINUS + duration(-seconds)
    seconds = max(seconds, 0.0)
    if seconds < 0.1:
        return f"{seconds * 1000:.0f}{THIN}ms"
    if seconds < 60:
        return f"{fixed(seconds, 2 if seconds < 1 else 1 if seconds < 10 else 0)}{THIN}s"
    whole = round(seconds)
    for big, small, step in (("m", "s", 60), ("h", "m", 3600), ("d", "h", 86400)):
        if whole < step * (60 if step < 3600 else 24) or big == "d":
            rest = whole % step // (step // 60 if step < 86400 else 3600)
            head = f"{num(whole // step)}{THIN}{big}"
            return f"{head} {rest}{THIN}{small}" if rest else head
    raise AssertionError("unreachable")


_AGO = ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600))


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Relative time: "just now", "5 min ago", "in 6 days", "3 Nov 2026" beyond a month."""
    now = now or datetime.now(UTC)
    seconds = (now - moment).total_seconds()
    past, left = seconds >= 0, abs(seconds)
    if left < 10:
        return "just now" if past else "in a moment"
    for limit, unit, step in _AGO:
        if left < limit:
            text = f"{int(left // step)}{THIN}{unit}"
            break
    else:
        days = int(left // 86400)
        if days > 30:
            return day(moment)
        text = "1 day" if days == 1 else f"{days} days"
        if days == 1 and past:
            return "yesterday"
    return f"{text} ago" if past else f"in {text}"


def day(moment: Any) -> str:
    """A day: "3 Nov 2026"."""
    return UNDEFINED if moment is None else f"{moment.day} {moment:%b %Y}"


def stamp(moment: datetime) -> str:
    """The absolute time with its zone, for the title of a relative one: "Wed 18 Nov 2026, 14:02:31 UTC"."""
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M:%S %Z}".strip()


def short_id(value: Any) -> str:
    """Eight characters that tell things apart: the tail of a time-ordered UUID, else the head."""
    text = value.hex if isinstance(value, uuid.UUID) else str(value)
    plain = text.replace("-", "")
    if len(plain) == 32 and plain[12] == "7" and all(c in "0123456789abcdef" for c in plain):
        return plain[-8:]
    return text[:8]
