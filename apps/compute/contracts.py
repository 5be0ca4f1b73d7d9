"""What rooms above tell this one: how much of a target is in use; and the words of a test's steps."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

STEPS = (
    ("reach", "Reach the address"),
    ("authenticate", "Be let in"),
    ("submit", "Start a job"),
    ("line", "Its first line"),
    ("callback", "It reaches Fairway"),
    ("packages", "It has the packages"),
    ("exit", "It ends well"),
    ("logs", "Every line is copied"),
)
"""(key, words) of what a test tries, in order."""


@dataclass(frozen=True, slots=True)
class Use:
    """Jobs of a target now: those that run (or start), and those that wait for it."""

    running: int = 0
    waiting: int = 0

    @property
    def open(self) -> int:
        return self.running + self.waiting


UseSource = Callable[[Collection[uuid.UUID]], dict[uuid.UUID, Use]]
_sources: list[UseSource] = []


def use_register(source: UseSource) -> None:
    """A room that puts jobs on targets says how many there are; a target that is left out has none."""
    _sources.append(source)


def use_of(target_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Use]:
    """Jobs of each target now, summed over the rooms that registered."""
    total = dict.fromkeys(target_ids, Use())
    for source in _sources:
        for pk, use in source(target_ids).items():
            before = total[pk]
            total[pk] = Use(before.running + use.running, before.waiting + use.waiting)
    return total
