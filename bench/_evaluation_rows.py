"""Predictions of two models with ten segments, drawn anew from a seed and written as Parquet row group by row group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LEVELS = (2, 2, 3, 4, 5, 6, 8, 10, 12, 20)
"""Levels of each segment: with all pairs, 55 groupings and 2,263 segments."""
SEGMENTS = tuple(f"segment_{index}" for index in range(len(LEVELS)))
ROW_GROUP = 250_000


def rows_write(path: Path, rows: int, seed: int = 11) -> None:
    """Columns row, truth (bool), candidate and baseline (six decimals between 0 and 1), and the segments as texts.

    Levels thin out from the first to the last; each shifts the score a little, so that segments differ.
    """
    writer: pq.ParquetWriter | None = None
    for begun in range(0, rows, ROW_GROUP):
        table = _rows(min(ROW_GROUP, rows - begun), begun, np.random.default_rng((seed, begun)))
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _rows(count: int, begun: int, rng: np.random.Generator) -> pa.Table:
    shift = np.zeros(count)
    segments = {}
    for index, levels in enumerate(LEVELS):
        share = np.geomspace(1, 0.12, levels)
        codes = rng.choice(levels, count, p=share / share.sum()).astype(np.int8)
        shift += 0.2 * np.cos(2.3 * codes + index)
        names = pa.array([f"level {level}" for level in range(levels)])
        segments[SEGMENTS[index]] = pa.DictionaryArray.from_arrays(pa.array(codes), names)
    signal = rng.normal(size=count) + shift
    truth = signal + rng.logistic(scale=0.5, size=count) > 0.7

    def score(noise: float) -> np.ndarray:
        value = 1 / (1 + np.exp(-1.7 * (signal - 0.7 + noise * rng.normal(size=count))))
        return np.clip(np.round(value, 6), 1e-6, 1 - 1e-6)

    return pa.table(
        {
            "row": np.arange(begun, begun + count),
            "truth": truth,
            "candidate": score(0.2),
            "baseline": score(0.5),
            **segments,
        }
    )
