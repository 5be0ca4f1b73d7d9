"""A few rows through every compiled pass in every way it is called: what `compiled.warm` compiles."""

import numpy as np

from analysis.contracts.segments import SegmentSpec
from analysis.segment_metrics.binary_rows import (
    PairedRows,
    RowCodes,
    binary_rows,
    binary_statistics,
    negatives_above,
    paired_statistics,
)
from analysis.segment_metrics.groupings import groupings_build
from analysis.segments import SegmentCodes


def passes_run() -> None:
    """Two models on six rows in three segments, with and without weights."""
    names = ("a", "b", "c")
    codes = np.asarray([0, 1, 0, 1, 0, 1], np.uint8)
    segments = [SegmentCodes(SegmentSpec(name, name, name), codes, ("x", "y")) for name in names]
    groupings, _ = groupings_build(segments, codes.size, triples=[names])
    truth = np.asarray([True, False, False, True, True, False])
    scores = (np.asarray([0.1, 0.4, 0.4, 0.6, 0.8, 0.9]), np.asarray([0.2, 0.3, 0.5, 0.5, 0.7, 0.1]))
    for weight in (None, np.ones(codes.size)):
        models = [binary_rows(truth, score, 0.5, weight) for score in scores]
        ordered = (*(RowCodes.gather(segments, one.order) for one in models), RowCodes.gather(segments, None))
        both = PairedRows.of(models[0], models[1])
        for grouping in groupings:
            found = [binary_statistics(grouping, one, rows) for one, rows in zip(models, ordered[:2], strict=True)]
            ranks = (found[0].ranks, found[1].ranks)
            paired_statistics(grouping, both, (ordered[0], ordered[1], ordered[2]), ranks)
            negatives_above(grouping, models[0], ordered[0], np.ones((grouping.size, 1)))
