"""Rows in files, as an evaluation that does not fit one table meets them; also run outside pytest, on Ray."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.inputs import EvaluationRows
from analysis.streaming import Scan
from analysis.tests.factories import make_binary, make_segment, make_spec

SCAN = Scan("truth", "score", baseline_score="other", row="row", threshold=0.5, baseline_threshold=0.45)
SPEC = make_spec(
    segments=(*make_spec().segments, make_segment("Late", "late")), triples=(("Age", "Colour", "Employed"),)
)


def rows_of(n: int = 3000, seed: int = 4) -> EvaluationRows:
    """Rows whose last segment has a level and missing values that only later parts know."""
    rows = make_binary(n, seed, decimals=4)
    late = ["b"] * (n // 2) + ["a", None] * (n // 4)
    return replace(rows, columns=rows.columns.append_column("late", pa.array(late)))


def table_of(rows: EvaluationRows) -> pa.Table:
    assert rows.baseline is not None
    table = rows.columns
    for name, values in (
        ("row", rows.row_ids),
        ("truth", rows.truth),
        ("score", rows.candidate.scores),
        ("other", rows.baseline.scores),
    ):
        table = table.append_column(name, pa.array(values))
    return table


def write(folder: Path, table: pa.Table, files: int) -> list[Path]:
    size = -(-table.num_rows // files)
    paths = [folder / f"part-{index}.parquet" for index in range(files)]
    for index, path in enumerate(paths):
        pq.write_table(table.slice(index * size, size), path)
    return paths
