"""Sort values as JSON and back, with their type: what a place in a list is written with."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any


def value_pack(value: Any) -> list[Any]:
    if value is None:
        return ["x"]
    if isinstance(value, bool):
        return ["b", value]
    if isinstance(value, int | float | str):
        return [type(value).__name__[0], value]
    if isinstance(value, datetime):
        return ["t", value.isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    if isinstance(value, timedelta):
        return ["l", value.total_seconds()]
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if isinstance(value, uuid.UUID):
        return ["u", value.hex]
    return ["s", str(value)]


def value_unpack(packed: list[Any]) -> Any:
    if packed[0] == "x":
        return None
    read: dict[str, Callable[[Any], Any]] = {
        "b": bool,
        "i": int,
        "f": float,
        "s": str,
        "t": datetime.fromisoformat,
        "d": date.fromisoformat,
        "l": lambda seconds: timedelta(seconds=seconds),
        "n": Decimal,
        "u": uuid.UUID,
    }
    return read[packed[0]](packed[1])
