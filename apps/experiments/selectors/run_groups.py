"""Runs in groups by a param or tag: how many there are, and what they measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, FloatField, Max, Min, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, NullIf

from apps.core.filter_conditions import entry
from apps.experiments.models import Run

GROUPS = 200


@dataclass(frozen=True, slots=True)
class Spread:
    """What a group measured: mean, lowest and highest of its numbers; None where no run has one."""

    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs with the same text under a key; None: runs without the key."""

    text: str | None
    count: int
    spreads: tuple[Spread, ...]


def run_groups(
    rows: QuerySet[Run], column: str, key: str, metrics: Sequence[str], *, limit: int = GROUPS
) -> tuple[list[RunGroup], bool]:
    """The largest groups of "params" or "tags" by one key, largest first, and whether there are more.

    Each has a spread for each of `metrics`; NaN counts as not there.
    """
    # From the runs' own documents: with all runs of an experiment in play, joins would cost more.
    texts_of = (KeyTextTransform("0", KeyTransform(metric, "metrics_latest")) for metric in metrics)
    numbers = [NullIf(Cast(Cast(text, TextField()), FloatField()), Value(math.nan)) for text in texts_of]
    texts = rows.order_by().annotate(group_text=entry(column, key)).values("group_text")
    grouped: QuerySet[Any, Any] = texts.annotate(group_count=Count("pk"))
    for number, measured in enumerate(numbers):
        grouped = grouped.annotate(
            **{f"mean_{number}": Avg(measured), f"low_{number}": Min(measured), f"high_{number}": Max(measured)}
        )
    found = list(grouped.order_by("-group_count", "group_text")[: limit + 1])
    groups = [
        RunGroup(
            row["group_text"],
            row["group_count"],
            tuple(Spread(row[f"mean_{n}"], row[f"low_{n}"], row[f"high_{n}"]) for n in range(len(numbers))),
        )
        for row in found[:limit]
    ]
    return groups, len(found) > limit
