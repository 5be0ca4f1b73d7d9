"""Answers of a model made elsewhere: which columns of a table hold what it says of each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_LABELS = 200
"""As many labels as a recipe learns; a confusion of more is no answer to anybody."""


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """Two classes: `column` holds the score of the positive label. A number: `column` holds the number. Many classes:
    `column` holds the label that is said, or `scores` (label, column) the probability of each label, or both.
    """

    column: str = ""
    scores: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> list[str]:
        """Every column that is read."""
        return [*([self.column] if self.column else []), *(name for _, name in self.scores)]

    def to_json(self) -> dict[str, Any]:
        """As a version keeps it; the labels stay in their order."""
        return {"column": self.column, "scores": [list(pair) for pair in self.scores]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "AnswerColumns":
        """From what `to_json` gave."""
        return cls(str(data.get("column") or ""), tuple((str(a), str(b)) for a, b in data.get("scores") or ()))
