"""Small random inputs for the tests of this package."""

import numpy as np
import pyarrow as pa

from analysis.contracts.costs import Costs
from analysis.contracts.segments import PERFORMANCE, Bands, SegmentSpec, Support
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.segment_metrics.binary import BinaryStatistics
from analysis.segment_metrics.binary_rows import (
    BinaryRows,
    PairedRows,
    PairedStatistics,
    RowCodes,
    binary_statistics,
    paired_statistics,
)
from analysis.segment_metrics.groupings import Grouping, single
from analysis.segments import SegmentCodes

NO_LEAST = Support(0, 0, 0)


def make_segment(name: str, expression: str, purpose: str = PERFORMANCE, **rest: object) -> SegmentSpec:
    """A segment with the id "v-NAME"."""
    return SegmentSpec(id=f"v-{name}", name=name, expression=expression, purpose=purpose, **rest)  # type: ignore[arg-type]


AGE = make_segment("Age", "age", "PROTECTED", bands=Bands((25.0, 35.0), ("under 25", "25 to 34", "35 and over")))
COLOUR = make_segment("Colour", "colour", "PROTECTED")
EMPLOYED = make_segment("Employed", "employed")


def make_columns(rng: np.random.Generator, n: int) -> pa.Table:
    """Columns age (whole number), colour (two texts) and employed (truth value)."""
    return pa.table(
        {
            "age": rng.integers(16, 60, n),
            "colour": np.where(rng.random(n) < 0.25, "Black", "White"),
            "employed": rng.random(n) < 0.7,
        }
    )


def make_binary(n: int = 2000, seed: int = 0, *, baseline: bool = True, decimals: int = 3) -> EvaluationRows:
    """Two models that see the same signal with different noise; scores have ties."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    signal = rng.normal(size=n) + 1.2 * truth

    def scores() -> np.ndarray:
        return np.round(1 / (1 + np.exp(-(signal + 0.5 * rng.normal(size=n) - 0.8))), decimals)

    return EvaluationRows(
        row_ids=np.arange(n),
        truth=truth,
        columns=make_columns(rng, n),
        candidate=ModelOutput(scores=scores(), threshold=0.5),
        baseline=ModelOutput(scores=scores(), threshold=0.45) if baseline else None,
    )


def make_spec(**changes: object) -> EvaluateSpec:
    """A two-class spec over three segments."""
    given: dict[str, object] = {
        "task": "BINARY",
        "segments": (AGE, COLOUR, EMPLOYED),
        "positive_label": "released",
        "costs": Costs(1200, 400),
    }
    return EvaluateSpec(**(given | changes))  # type: ignore[arg-type]


def make_grouping(codes: np.ndarray, size: int) -> Grouping:
    """The grouping in which row i belongs to group codes[i]; over 200 groups are crossed from two segments."""
    wide = 100 if size > 200 else size
    labels = tuple(f"v{level}" for level in range(wide))
    low = SegmentCodes(make_segment("Low", "low"), (codes % wide).astype(np.uint8), labels)
    if size <= 200:
        return single(low)
    high = SegmentCodes(make_segment("High", "high"), (codes // wide).astype(np.uint8), labels[: -(-size // wide)])
    cells = tuple(divmod(group, wide) for group in range(size))
    table = np.arange(len(high.labels) * wide, dtype=np.int32)
    return Grouping((high, low), codes.size, table, cells)


def reduce_binary(codes: np.ndarray, size: int, rows: BinaryRows) -> BinaryStatistics:
    """The statistics of rows whose groups are given as numbers."""
    grouping = make_grouping(codes, size)
    return binary_statistics(grouping, rows, RowCodes.gather(grouping.parts, rows.order))


def reduce_pair(
    codes: np.ndarray, size: int, one: BinaryRows, two: BinaryRows
) -> tuple[BinaryStatistics, BinaryStatistics, PairedStatistics]:
    """The statistics of two models on the same rows, and those of the pair."""
    grouping = make_grouping(codes, size)
    a, b, plain = (RowCodes.gather(grouping.parts, order) for order in (one.order, two.order, None))
    first, second = binary_statistics(grouping, one, a), binary_statistics(grouping, two, b)
    paired = paired_statistics(grouping, PairedRows.of(one, two), (a, b, plain), (first.ranks, second.ranks))
    return first, second, paired
