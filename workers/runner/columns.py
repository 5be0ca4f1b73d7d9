"""Facts about one column of a canonical table, read block by block: exact up to stated sizes, said so beyond
them.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MAX_DISTINCT = 50_000
SAMPLE_ROWS = 1_000_000
BINS = 30
TOP = 20
QUANTILES = ("0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99")
_SKETCH = 4_096

Floats = npt.NDArray[np.float64]


class _Distinct:
    """Counts of values: exact to MAX_DISTINCT, then an estimate from the smallest hashes (error about 1.6
    %).
    """

    def __init__(self) -> None:
        self.counts: dict[Any, int] | None = {}
        self._smallest: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)

    def feed(self, values: pa.Array) -> None:
        """Takes a block without nulls."""
        import pandas as pd

        found = pc.value_counts(values)
        keys, numbers = found.field("values"), found.field("counts").to_pylist()
        hashes = pd.util.hash_array(np.asarray(keys.to_numpy(zero_copy_only=False)), categorize=False)
        self._smallest = np.unique(np.concatenate([self._smallest, hashes]))[:_SKETCH]
        if self.counts is None:
            return
        for key, number in zip(keys.to_pylist(), numbers, strict=True):
            self.counts[key] = self.counts.get(key, 0) + number
        if len(self.counts) > MAX_DISTINCT:
            self.counts = None

    def number(self) -> int:
        """Distinct values, exact while `counts` are kept."""
        if self.counts is not None:
            return len(self.counts)
        if len(self._smallest) < _SKETCH:
            return len(self._smallest)
        return int((_SKETCH - 1) / (float(self._smallest[-1]) / 2.0**64))

    def top(self) -> list[list[Any]]:
        """The most frequent values with their counts; [] when there are too many to count."""
        if self.counts is None:
            return []
        ordered = sorted(self.counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return [[_plain(value), count] for value, count in ordered[:TOP]]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _blocks(path: Path, name: str) -> Iterator[pa.Array]:
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(131_072, columns=[name], use_threads=False):
        yield batch.column(0)


def column_facts(path: Path, name: str, kind: str, rows: int) -> dict[str, Any]:
    """One entry of the profile's `columns`. Quantiles come from an even sample when there are over a million
    rows.
    """
    missing = 0
    distinct = _Distinct()
    low: Any = None
    high: Any = None
    numbers = _Numbers(rows) if kind in ("INTEGER", "NUMBER") else None
    for block in _blocks(path, name):
        missing += block.null_count
        values = block.drop_null()
        if not len(values):
            continue
        distinct.feed(values)
        if kind != "BOOLEAN":
            bounds = pc.min_max(values)
            least, most = bounds["min"].as_py(), bounds["max"].as_py()
            low = least if low is None or least < low else low
            high = most if high is None or most > high else high
        if numbers is not None:
            numbers.feed(block)
    facts: dict[str, Any] = {
        "name": name,
        "type": kind,
        "missing": missing,
        "distinct": distinct.number(),
        "distinct_exact": distinct.counts is not None,
        "min": _plain(low),
        "max": _plain(high),
        "mean": None,
        "std": None,
        "quantiles": None,
        "histogram": None,
        "top": distinct.top(),
    }
    if isinstance(facts["min"], str) and len(facts["min"]) > 200:
        facts["min"] = facts["min"][:200]
    if isinstance(facts["max"], str) and len(facts["max"]) > 200:
        facts["max"] = facts["max"][:200]
    if numbers is not None and numbers.count:
        facts |= numbers.facts()
        facts["histogram"] = _histogram(path, name, kind, float(low), float(high))
    return facts


class _Numbers:
    """Mean and spread by merging blocks, and the values (all, or every k-th) that quantiles come from."""

    def __init__(self, rows: int) -> None:
        self._every = max(1, math.ceil(rows / SAMPLE_ROWS))
        self._offset = 0
        self._kept: list[Floats] = []
        self.count = 0
        self._mean = self._squares = 0.0

    def feed(self, block: pa.Array) -> None:
        """Takes a block with its nulls."""
        values = np.asarray(pc.cast(block, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
        start = -self._offset % self._every
        self._offset += len(values)
        kept = values[start :: self._every]
        self._kept.append(kept[np.isfinite(kept)])
        values = values[np.isfinite(values)]
        if not len(values):
            return
        mean, count = float(values.mean()), len(values)
        shift = mean - self._mean
        total = self.count + count
        self._squares += float(((values - mean) ** 2).sum()) + shift * shift * self.count * count / total
        self._mean += shift * count / total
        self.count = total

    def facts(self) -> dict[str, Any]:
        """Mean, sample standard deviation and quantiles."""
        kept = np.concatenate(self._kept)
        points: Any = np.quantile(kept, [float(name) for name in QUANTILES]) if len(kept) else []
        return {
            "mean": self._mean,
            "std": math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else None,
            "quantiles": dict(zip(QUANTILES, (float(point) for point in points), strict=False)),
        }


def _histogram(path: Path, name: str, kind: str, low: float, high: float) -> dict[str, Any] | None:
    """Counts in bins of equal width over all rows; whole numbers with few values get one bin each."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    if low == high:
        edges = np.array([low - 0.5, high + 0.5])
    elif kind == "INTEGER" and high - low < 2 * BINS:
        edges = np.arange(low - 0.5, high + 1.0)
    else:
        edges = np.linspace(low, high, BINS + 1)
    counts = np.zeros(len(edges) - 1, np.int64)
    for block in _blocks(path, name):
        values = np.asarray(pc.cast(block.drop_null(), pa.float64(), safe=False).to_numpy(), np.float64)
        counts += np.histogram(values, bins=edges)[0]
    return {"edges": edges.tolist(), "counts": counts.tolist()}
