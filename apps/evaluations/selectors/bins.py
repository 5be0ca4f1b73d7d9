"""Score bins of an evaluation's shown groups, and what other thresholds would do, from the stored statistics alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.contracts.costs import Costs
from analysis.contracts.report import Group, Report
from analysis.mitigation import WhatIf, what_if
from analysis.report import Statistics, StatisticsError
from analysis.segment_metrics.binary import BINS, BinaryStatistics
from apps.core.blobs import blob_open
from apps.core.errors import NotFound

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation

MOST_GROUPS: Final = 20
"""Groups of a segment among which thresholds are looked for."""


@dataclass(frozen=True, slots=True)
class GroupBins:
    """Counts of a group by score: `bins` is [bin, negatives, positives] of every bin with rows, one after another."""

    group: Group
    bins: tuple[int, ...]


def statistics_of(evaluation: Evaluation) -> BinaryStore | None:
    """The stored statistics of a two-class evaluation; None where there are none, or their bytes are gone."""
    if not evaluation.statistics_sha256:
        return None
    try:
        with blob_open(evaluation.statistics_sha256) as handle:
            stored = Statistics.read(handle.read())
        return BinaryStore(stored, stored.binary())
    except (StatisticsError, NotFound):
        return None


@dataclass(frozen=True, slots=True)
class BinaryStore:
    """An opened statistics file of two classes."""

    stored: Statistics
    binary: BinaryStatistics

    @property
    def weighted(self) -> bool:
        """Do its rows count by weights? Then its bins are sums of weights, and no counts."""
        return self.binary.counts.dtype.kind not in "iu"

    def bins(self, report: Report) -> list[GroupBins]:
        """Everyone and the groups of each segment that are shown and have enough data, in the report's order."""
        found = []
        for group in report.groups:
            if group.level > 1 or group.suppressed or group.thin or group.key not in self.stored.rows:
                continue
            counts = self.binary.histogram[self.stored.row(group.key)]
            held = np.flatnonzero(counts.sum(axis=1))
            flat = np.column_stack([held, counts[held]]).ravel()
            found.append(GroupBins(group, tuple(int(one) for one in flat)))
        return found

    def what_if(
        self, report: Report, segment: str, *, constraint: str, shape: str, quality: str, limit: float
    ) -> WhatIf | None:
        """Thresholds for the groups of one segment; None for a segment without groups, or with too many of them."""
        dimension = next((one for one in report.dimensions if one.name == segment), None)
        shown = [
            group
            for group in report.groups
            if group.level == 1 and group.dimensions[0].name == segment and group.key in self.stored.rows
        ]
        if dimension is None or not shown or len(shown) > MOST_GROUPS:
            return None
        costs = report.costs or {}
        return what_if(
            self.binary.take(np.asarray([self.stored.row(group.key) for group in shown], np.int64)),
            [group.label for group in shown],
            [group.thin for group in shown],
            segment=segment,
            protected=dimension.protected,
            threshold=report.threshold if report.threshold is not None else 0.5,
            constraint=constraint,
            limit=limit,
            shape=shape,
            quality=quality,
            costs=Costs(float(costs["false_positive"]), float(costs["false_negative"])) if costs else None,
            level=report.level,
        )


def edge_of(threshold: float) -> int:
    """The bin edge next to a threshold, 0 to `BINS`."""
    return round(threshold * BINS)
