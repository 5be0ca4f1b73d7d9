"""Which columns of a file hold what, and its rows batch by batch."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.columns import expression_evaluate
from analysis.contracts.expressions import ExpressionError, parse
from analysis.contracts.expressions import columns as columns_of
from analysis.contracts.segments import QuantileBands, SegmentError
from analysis.inputs import EvaluateSpec, ModelOutput
from analysis.segments import quantile_bands

BATCH: Final = 262_144
"""Rows that are read together."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Which columns of the files hold what: truth, each model's score (two classes, rankings) or prediction, row
    number, weight and query; and the models' thresholds.
    """

    truth: str
    score: str | None = None
    predicted: str | None = None
    baseline_score: str | None = None
    baseline_predicted: str | None = None
    row: str | None = None
    weight: str | None = None
    query: str | None = None
    threshold: float | None = None
    baseline_threshold: float | None = None

    @property
    def has_baseline(self) -> bool:
        """Is there a second model?"""
        return self.baseline_score is not None or self.baseline_predicted is not None

    def names(self, spec: EvaluateSpec, held: Sequence[str]) -> list[str]:
        """The columns to read: those named here and those that the segments read, as far as the file has these."""
        own = [
            self.truth, self.score, self.predicted, self.baseline_score, self.baseline_predicted, self.row, self.weight,
            self.query,
        ]  # fmt: skip
        read = [name for segment in spec.segments for name in columns_of(parse(segment.expression)) if name in held]
        return list(dict.fromkeys([name for name in (*own, *read) if name is not None]))


def batches_read(path: Path | str, scan: Scan, spec: EvaluateSpec) -> Iterator[pa.Table]:
    """The rows of a Parquet file, BATCH at a time, texts as codes. Raises KeyError for a column that is not there."""
    with pq.ParquetFile(path) as plain:
        schema = plain.schema_arrow
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    wanted = scan.names(spec, schema.names)
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        raise KeyError(f"The file has no column {missing[0]}")
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
            yield pa.Table.from_batches([batch])


def numbers_of(column: pa.ChunkedArray, name: str) -> npt.NDArray[Any]:
    """The values of a column. Raises ValueError where one is missing."""
    if column.null_count:
        raise ValueError(f"The column {name} has rows without a value")
    return np.asarray(column.to_numpy())


def outputs_of(table: pa.Table, scan: Scan) -> list[ModelOutput]:
    """What each model says of the rows of a table."""
    sides = [(scan.score, scan.predicted, scan.threshold)]
    if scan.has_baseline:
        sides.append((scan.baseline_score, scan.baseline_predicted, scan.baseline_threshold))
    return [
        ModelOutput(
            scores=None if score is None else numbers_of(table[score], score).astype(np.float64),
            predicted=None if predicted is None else numbers_of(table[predicted], predicted),
            threshold=threshold,
        )
        for score, predicted, threshold in sides
    ]


def bands_fix(paths: Sequence[Path | str], spec: EvaluateSpec) -> EvaluateSpec:
    """The spec with bands of equal size as bands with edges, from all rows of the files: reads these columns alone.

    A segment for which that cannot be is left as it is, and says why where it is evaluated.
    """
    segments = []
    for segment in spec.segments:
        if isinstance(segment.bands, QuantileBands):
            parts = []
            with contextlib.suppress(SegmentError, ExpressionError, KeyError):
                for path in paths:
                    with pq.ParquetFile(path) as file:
                        wanted = [
                            name for name in columns_of(parse(segment.expression)) if name in file.schema_arrow.names
                        ]
                        for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
                            _, values = expression_evaluate(segment.expression, pa.Table.from_batches([batch]))
                            parts.append(pc.drop_null(pc.cast(values, pa.float64())).to_numpy())
                segment = replace(segment, bands=quantile_bands(np.concatenate([*parts, np.zeros(0)]), segment.bands))
        segments.append(segment)
    return replace(spec, segments=tuple(segments))
