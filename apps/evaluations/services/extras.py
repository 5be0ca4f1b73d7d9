"""What an evaluation may be asked beyond the usual: crossings of three, controls, recall to reach, first classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from analysis.contracts.metrics import BINARY, MULTICLASS
from apps.core.errors import Invalid

EXTRAS: Final = ("controls", "triples", "sensitivities", "top_k")
MOST_TRIPLES: Final = 10
MOST_NUMBERS: Final = 5
MOST_TOP: Final = 100


@dataclass(frozen=True, slots=True)
class Extras:
    """Names are those of segments in force. `controls` are segments within whose groups the others are compared;
    `triples` crossings of three; `sensitivities` shares of the positives that must be found, for the specificity there;
    `top_k` for the share of rows whose class is among the first k.
    """

    controls: tuple[str, ...] = ()
    triples: tuple[tuple[str, ...], ...] = ()
    sensitivities: tuple[float, ...] = ()
    top_k: tuple[int, ...] = ()

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Extras:
        """From a job's spec or the input of a call."""
        return cls(
            controls=tuple(asked.get("controls") or ()),
            triples=tuple(tuple(one) for one in asked.get("triples") or ()),
            sensitivities=tuple(asked.get("sensitivities") or ()),
            top_k=tuple(asked.get("top_k") or ()),
        )

    def spec(self) -> dict[str, Any]:
        """As the child is told; nothing of what was not asked."""
        told = {
            "controls": list(self.controls),
            "triples": [list(one) for one in self.triples],
            "sensitivities": list(self.sensitivities),
            "top_k": list(self.top_k),
        }
        return {name: value for name, value in told.items() if value}

    def fitting(self, names: Iterable[str]) -> Extras:
        """Without what names a segment that is not in force any more: what a retry asks."""
        held = set(names)
        return Extras(
            tuple(one for one in self.controls if one in held),
            tuple(one for one in self.triples if held.issuperset(one)),
            self.sensitivities,
            self.top_k,
        )

    def check(self, task: str, names: Sequence[str]) -> None:
        """Raise Invalid at the field that does not fit the problem's task and its segments."""
        known = f"The segments in force are {', '.join(names) or 'none'}."
        if strange := [one for one in self.controls if one not in names]:
            raise Invalid.field("controls", f"There is no segment “{strange[0][:100]}”. {known}")
        if len(set(self.controls)) != len(self.controls):
            raise Invalid.field("controls", "Name each segment once.")
        for one in self.triples:
            if len(one) != 3 or len(set(one)) != 3 or not set(one) <= set(names):
                raise Invalid.field("triples", f"A crossing names three different segments. {known}")
        if len({frozenset(one) for one in self.triples}) != len(self.triples) or len(self.triples) > MOST_TRIPLES:
            raise Invalid.field("triples", f"At most {MOST_TRIPLES} crossings, each once.")
        self._numbers_check(task)

    def _numbers_check(self, task: str) -> None:
        if self.sensitivities and task != BINARY:
            raise Invalid.field("sensitivities", "Only an answer between two classes has a recall to reach.")
        if len(set(self.sensitivities)) != len(self.sensitivities) or len(self.sensitivities) > MOST_NUMBERS:
            raise Invalid.field("sensitivities", f"At most {MOST_NUMBERS} shares, each once.")
        if any(not (math.isfinite(one) and 0 < one <= 1) for one in self.sensitivities):
            raise Invalid.field("sensitivities", "A share above 0 and at most 1.")
        if self.top_k and task != MULTICLASS:
            raise Invalid.field("top_k", "Only an answer among many classes has a first few.")
        if len(set(self.top_k)) != len(self.top_k) or len(self.top_k) > MOST_NUMBERS:
            raise Invalid.field("top_k", f"At most {MOST_NUMBERS} numbers, each once.")
        if any(not 1 <= one <= MOST_TOP for one in self.top_k):
            raise Invalid.field("top_k", f"A whole number from 1 to {MOST_TOP}.")


def triples_of(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Every crossing of three that there can be."""
    return list(combinations(names, 3))
