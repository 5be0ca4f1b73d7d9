"""Scoring a table with a version that answers: which tables fit, and what the child says when it is done.

Standard library only: the web refuses a table by the same words as the child.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workers.contracts.signature import Signature, datatype_fits

PARQUET: Final = "scores.parquet"
CSV: Final = "scores.csv"
MOST_REFUSALS: Final = 100
"""Refused rows that are listed with why; all of them are counted."""
BINS: Final = 20
_MOST_LABELS: Final = 1000
_MOST_TEXT: Final = 500
_DATATYPES: Final = {"INTEGER": "INT64", "NUMBER": "FP64", "BOOLEAN": "BOOL", "STRING": "BYTES"}
_WORDS: Final = {
    "INTEGER": "whole numbers",
    "NUMBER": "numbers",
    "BOOLEAN": "truth values",
    "STRING": "text",
    "DATE": "days",
    "DATETIME": "moments",
}


class ScoreError(ValueError):
    """What a child said is no result of a batch score."""


def datatype_of(column_type: str) -> str:
    """As which V2 datatype a column's values are asked about; empty for days and moments, which no model takes."""
    return _DATATYPES.get(column_type, "")


def columns_fault(signature: Signature, types: Mapping[str, str], empty: Collection[str] = ()) -> str:
    """Why a table with these column types cannot be scored, naming the column; an empty text when it can.

    A table needs every input of the signature, also those whose values may be missing: it has other columns too, so a
    misspelt one would pass unseen. Columns named in `empty` hold no value and are of any type.
    """
    for tensor in signature.inputs:
        if tensor.name not in types:
            return f'The table has no column "{tensor.name}", which the model reads.'
        kind = types[tensor.name]
        if tensor.name not in empty and not (datatype_of(kind) and datatype_fits(tensor, datatype_of(kind))):
            held = _WORDS.get(kind, kind.lower())
            return f'The column "{tensor.name}" holds {held}; the model takes {_taken(tensor.datatype)}.'
    return ""


def _taken(datatype: str) -> str:
    if datatype == "BYTES":
        return "text"
    if datatype == "BOOL":
        return "truth values"
    return "numbers" if datatype.startswith("FP") else "whole numbers"


@dataclass(frozen=True, slots=True)
class RowRefused:
    """A row that was not scored: its number in the table (from 0), the column to blame ("" for none), and why."""

    row: int
    field: str
    why: str


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """What a table's rows were answered: counts, seconds, the distribution of the answers.

    `labels`: (label, rows) in the model's order, empty for numbers. `edges` and `counts`: the histogram of the number
    that `of` names (the positive class's probability, or what the model says); both empty where labels say all.
    """

    scored: int
    refused: int
    refusals: tuple[RowRefused, ...]
    seconds: float
    labels: tuple[tuple[str, int], ...]
    of: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The `score` of the results payload."""
        return {
            "scored": self.scored,
            "refused": self.refused,
            "refusals": [{"row": one.row, "field": one.field, "why": one.why} for one in self.refusals],
            "seconds": self.seconds,
            "labels": [list(one) for one in self.labels],
            "of": self.of,
            "edges": list(self.edges),
            "counts": list(self.counts),
        }

    @classmethod
    def from_json(cls, data: object) -> "ScoreResult":
        """What `to_json` wrote, with counts that agree. Raises ScoreError."""
        if not isinstance(data, dict):
            raise ScoreError("there is none")
        try:
            found = cls(
                scored=_count(data["scored"]),
                refused=_count(data["refused"]),
                refusals=tuple(
                    RowRefused(_count(one["row"]), _text(one["field"]), _text(one["why"])) for one in data["refusals"]
                ),
                seconds=_number(data["seconds"]),
                labels=tuple((_text(label), _count(rows)) for label, rows in data["labels"]),
                of=_text(data["of"]),
                edges=tuple(_number(one) for one in data["edges"]),
                counts=tuple(_count(one) for one in data["counts"]),
            )
        except ScoreError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"it is malformed ({type(error).__name__})") from error
        if len(found.refusals) != min(found.refused, MOST_REFUSALS) or len(found.labels) > _MOST_LABELS:
            raise ScoreError("its lists do not have the length that its counts state")
        if found.labels and sum(rows for _, rows in found.labels) != found.scored:
            raise ScoreError("its labels do not add up to the scored rows")
        if found.counts and (sum(found.counts) != found.scored or len(found.edges) != len(found.counts) + 1):
            raise ScoreError("its histogram does not add up to the scored rows")
        return found


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ScoreError("a count is no whole number")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScoreError("a number is not finite")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ScoreError("a text is none")
    return value[:_MOST_TEXT].encode("utf-8", "replace").decode()
