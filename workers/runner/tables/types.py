"""Types of columns: found over all rows of a text table, and the conversion of its texts to them.

Missing is an empty field or one of MISSING. A number with leading zeros, or with more digits than 64 bits
hold, stays text, because it is a code and not an amount.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

INTEGER, NUMBER, BOOLEAN, STRING = "INTEGER", "NUMBER", "BOOLEAN", "STRING"
DATE, DATETIME = "DATE", "DATETIME"
_ZONED = "DATETIME_ZONED"

MISSING = pa.array(["", "NA", "N/A", "NaN", "nan", "null", "NULL"], pa.string())
ARROW: dict[str, pa.DataType] = {
    INTEGER: pa.int64(),
    NUMBER: pa.float64(),
    BOOLEAN: pa.bool_(),
    STRING: pa.string(),
    DATE: pa.date32(),
    DATETIME: pa.timestamp("us"),
}
_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_PATTERNS: dict[str, str] = {
    BOOLEAN: r"^(true|false|True|False|TRUE|FALSE)$",
    INTEGER: r"^[+-]?(0|[1-9]\d{0,17})$",
    NUMBER: r"^[+-]?((0|[1-9]\d{0,14})(\.\d*)?|[1-9]\d*\.\d*|\.\d+)([eE][+-]?\d{1,3})?$",
    DATE: f"^{_DAY}$",
    DATETIME: f"^{_DAY}({_TIME})?$",
    _ZONED: f"^{_DAY}{_TIME}(Z|[+-]\\d{{2}}:?\\d{{2}})$",
}
_ORDER = (BOOLEAN, INTEGER, NUMBER, DATE, DATETIME, _ZONED)


class TypeFinder:
    """Follows one column through all blocks of a text table."""

    def __init__(self) -> None:
        self._possible = list(_ORDER)
        self._any = False

    def feed(self, texts: pa.Array) -> None:
        """Takes a block of trimmed texts with nulls for missing."""
        if not self._possible:
            return
        values = pc.unique(texts).drop_null()
        if not len(values):
            return
        self._any = True
        self._possible = [kind for kind in self._possible if _fits(values, kind)]

    def type(self) -> str:
        """The narrowest type that fits every value; STRING when none does, or when there was no value."""
        if not self._any or not self._possible:
            return STRING
        return DATETIME if self._possible[0] == _ZONED else self._possible[0]


def _fits(values: pa.Array, kind: str) -> bool:
    if not pc.all(pc.match_substring_regex(values, _PATTERNS[kind])).as_py():
        return False
    if kind in (DATE, DATETIME, _ZONED):
        try:
            convert(values, DATETIME if kind == _ZONED else kind)
        except pa.ArrowInvalid:
            return False
    return True


def clean(texts: pa.Array) -> pa.Array:
    """Texts without the spaces around them, nulls for missing."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(trimmed, value_set=MISSING), pa.scalar(None, pa.string()), trimmed)


def convert(texts: pa.Array, kind: str) -> pa.Array:
    """Cleaned texts as values of a type that was found over all of them. Moments with a zone become UTC."""
    if kind == STRING:
        return texts
    if kind == BOOLEAN:
        return pc.equal(pc.utf8_lower(texts), "true")
    if kind in (INTEGER, NUMBER):
        return pc.cast(pc.replace_substring_regex(texts, pattern=r"^\+", replacement=""), ARROW[kind])
    if kind == DATE:
        return pc.cast(texts, pa.date32())
    zoned = pc.any(pc.match_substring_regex(texts, r"(Z|[+-]\d{2}:?\d{2})$")).as_py()
    if zoned and pc.any(pc.match_substring_regex(texts, _PATTERNS[_ZONED])).as_py():
        return pc.cast(pc.cast(texts, pa.timestamp("us", "UTC")), pa.timestamp("us"))
    return pc.cast(texts, pa.timestamp("us"))


def word_of(kind: pa.DataType) -> str | None:
    """The word for a Parquet column's type, or None when a table cannot hold it."""
    if pa.types.is_boolean(kind):
        return BOOLEAN
    if pa.types.is_integer(kind):
        return NUMBER if pa.types.is_uint64(kind) else INTEGER
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return NUMBER
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return STRING
    if pa.types.is_date(kind):
        return DATE
    if pa.types.is_timestamp(kind):
        return DATETIME
    if pa.types.is_dictionary(kind):
        return word_of(kind.value_type)
    return None


def arrow_convert(values: Any, word: str) -> Any:
    """A Parquet column in its canonical type."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = pc.cast(values, kind.value_type)
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = pc.cast(values, pa.timestamp("us", "UTC"), safe=False)
    values = pc.cast(values, ARROW[word], safe=False)
    if word == NUMBER:  # not-a-number means missing, as it does in a text table
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    return values
