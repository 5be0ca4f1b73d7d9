"""Evaluation by segment beside fairlearn's MetricFrame: `make bench-evaluation`.

Rows, ten segments and two models' scores are drawn anew into Parquet files. Measured, in one run: 55 groupings with
every metric and its interval, from the file to the stored report, beside the 14 metrics of MetricFrame on three of the
groupings (two segments and a crossing), extrapolated to 55; ten million rows with their peak of memory; a file that may
not be held in memory; 1,000 bootstrap replicates of all disparities; what a stored report of 2,263 segments answers
without a row; and how the time grows with rows, groupings and threads. Each evaluation runs in a process of its own.
`ARGS=--quick` takes a tenth of the rows.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from analysis.compiled import warm
from analysis.contracts.report import Report
from analysis.contracts.segments import SegmentSpec
from analysis.inputs import EvaluateSpec
from analysis.report import (
    bands_merge,
    crossing_marginalise,
    disparities_replicate,
    interval_move,
    threshold_move,
)
from analysis.statistics import Statistics, statistics_write
from analysis.streaming import Scan, evaluate_files
from bench._evaluation_rows import LEVELS, SEGMENTS, rows_write

SCAN = Scan("truth", "candidate", row="row", threshold=0.5)
GROUPINGS = len(SEGMENTS) + len(list(combinations(SEGMENTS, 2)))
BESIDE = ((SEGMENTS[0],), (SEGMENTS[9],), (SEGMENTS[2], SEGMENTS[5]))
"""What MetricFrame is measured on: a narrow segment, the widest, and a crossing of a middling size."""


def main() -> None:
    """Runs all of it, or one evaluation when asked by itself."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(evaluate_one(*sys.argv[2:])))
        return
    scale = 10 if "--quick" in sys.argv else 1
    million = 1_000_000 // scale
    warm()
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder = Path(name)
        files = {rows: folder / f"{rows}.parquet" for rows in (million // 10, million, million * 10)}
        for rows, path in files.items():
            rows_write(path, rows)
        beside(files[million], folder)
        growth(files, folder, million)
        stored(folder / f"{million}.report")


def spec_of(segments: int = len(SEGMENTS)) -> EvaluateSpec:
    """All crossings of the first so many segments."""
    return EvaluateSpec("BINARY", tuple(SegmentSpec(one, one, one) for one in SEGMENTS[:segments]))


def evaluate_one(path: str, segments: str, threads: str, memory: str, out: str) -> dict[str, float]:
    """One evaluation from the file to the stored report, in this process: its seconds and its peak of memory."""
    warm()
    begun, used = time.perf_counter(), time.process_time()
    memory_bytes = int(memory) or None
    report, arrays = evaluate_files(
        [path], SCAN, spec_of(int(segments)), memory_bytes=memory_bytes, threads=int(threads) or None
    )
    measured = time.perf_counter() - begun
    text, content = json.dumps(report.to_json()), statistics_write(arrays)
    seconds = time.perf_counter() - begun
    if out:
        Path(out).write_text(text)
        Path(f"{out}.npz").write_bytes(content)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_bytes = peak if sys.platform == "darwin" else peak * 1024
    return {
        "seconds": seconds,
        "measured": measured,
        "processor": time.process_time() - used,
        "peak_mb": peak_bytes / 1e6,
        "groups": len(report.groups),
        "megabytes": len(content) / 1e6,
    }


def child(path: Path, *, segments: int = len(SEGMENTS), threads: int = 0, memory: int = 0, out: str = "") -> Any:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.evaluation", "--one", path, segments, threads, memory, out]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def beside(path: Path, folder: Path) -> None:
    """One grouping after the other in fairlearn, all in Fairway; both from the same file."""
    ours = child(path, out=str(folder / f"{path.stem}.report"))
    table = pq.read_table(path)
    report = Report.from_json(json.loads((folder / f"{path.stem}.report").read_text()))
    single, pair, apart = fairlearn_seconds(table, report)
    whole = single * len(SEGMENTS) + pair * (GROUPINGS - len(SEGMENTS))
    title = f"{table.num_rows:,} rows, {GROUPINGS} groupings, {ours['groups'] - 1:.0f} segments"
    print(f"{title}, from Parquet to stored report\n")
    print(f"{'':44}{'seconds':>10}{'ratio':>9}")
    print(f"{'Fairway, every metric with its interval':44}{ours['seconds']:10.2f}{1:9.0f}")
    print(f"{'  of which without writing the report':44}{ours['measured']:10.2f}")
    print(f"{'  processor time':44}{ours['processor']:10.2f}")
    print(f"{'fairlearn, 14 metrics, a segment':44}{single:10.2f}")
    print(f"{'fairlearn, 14 metrics, a crossing':44}{pair:10.2f}")
    print(f"{'fairlearn, all 55 (extrapolated)':44}{whole:10.0f}{whole / ours['seconds']:9.0f}   goal 500")
    print(
        f"largest difference of a value that both define: {apart:.1g}; stored statistics {ours['megabytes']:.1f} MB\n"
    )


def fairlearn_seconds(table: Any, report: Report) -> tuple[float, float, float]:
    """Seconds for a segment (mean) and for a crossing, and the largest difference of a value to the report's."""
    from fairlearn.metrics import (
        MetricFrame,
        count,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_negative_rate,
        true_positive_rate,
    )
    from sklearn import metrics as sk

    warnings.filterwarnings("ignore")
    truth, score = table["truth"].to_numpy().astype(np.int8), table["candidate"].to_numpy()
    said = (score >= 0.5).astype(np.int8)

    def calibration(y: np.ndarray, s: np.ndarray) -> float:
        tenth = np.minimum((s * 10).astype(int), 9)
        return float(np.abs(np.bincount(tenth, s, 10) - np.bincount(tenth, y, 10)).sum() / len(y))

    def both(function: Callable[..., float]) -> Callable[..., float]:
        return lambda y, s: function(y, s) if 0 < y.sum() < len(y) else float("nan")

    labels = {
        "count": count,
        "selection_rate": selection_rate,
        "accuracy": sk.accuracy_score,
        "precision": sk.precision_score,
        "tpr": true_positive_rate,
        "fpr": false_positive_rate,
        "fnr": false_negative_rate,
        "tnr": true_negative_rate,
        "f1": sk.f1_score,
    }
    scores = {
        "roc_auc": both(sk.roc_auc_score),
        "pr_auc": both(sk.average_precision_score),
        "log_loss": lambda y, s: sk.log_loss(y, s, labels=[0, 1]),
        "brier": sk.brier_score_loss,
        "ece": calibration,
    }
    seconds, apart = [], 0.0
    for names in BESIDE:
        by = table.select(list(names)).to_pandas()
        begun = time.perf_counter()
        first = MetricFrame(metrics=labels, y_true=truth, y_pred=said, sensitive_features=by).by_group
        second = MetricFrame(metrics=scores, y_true=truth, y_pred=score, sensitive_features=by).by_group
        seconds.append(time.perf_counter() - begun)
        frame = first.join(second)
        for levels, row in zip(frame.index, frame.to_dict("records"), strict=True):
            parts = zip(names, levels if isinstance(levels, tuple) else (levels,), strict=True)
            group = report.group("&".join(f"{name}={level}" for name, level in parts))
            for name, value in row.items():
                mine = None if group is None else group.metrics[name].value
                if mine is not None and np.isfinite(value):
                    apart = max(apart, abs(mine - value))
    return sum(seconds[:2]) / 2, seconds[2], apart


def growth(files: dict[int, Path], folder: Path, million: int) -> None:
    """With rows, groupings and threads; and where the rows may not be held."""
    print(f"{'growth':44}{'seconds':>10}{'peak MB':>10}{'ratio':>9}")
    base: float | None = None
    for rows, path in files.items():
        found = child(path)
        goal = "   goal 12 s, 2500 MB" if rows == million * 10 else ""
        base = base or found["seconds"]
        print(
            f"{f'{rows:,} rows':44}{found['seconds']:10.2f}{found['peak_mb']:10.0f}{found['seconds'] / base:9.1f}{goal}"
        )
    counted = child(files[million * 10], memory=1)
    print(f"{f'{million * 10:,} rows from counts alone':44}{counted['seconds']:10.2f}{counted['peak_mb']:10.0f}")
    path, base = files[million], None
    for segments in (2, 5, 10):
        found = child(path, segments=segments)
        base = base or found["seconds"]
        title = f"{million:,} rows, {found['groups'] - 1:.0f} segments"
        print(f"{title:44}{found['seconds']:10.2f}{found['peak_mb']:10.0f}{found['seconds'] / base:9.1f}")
    base = None
    for threads in (1, 2):
        found = child(path, threads=threads)
        base = base or found["seconds"]
        title = f"{million:,} rows, threads: {threads}"
        print(f"{title:44}{found['seconds']:10.2f}{found['peak_mb']:10.0f}{found['seconds'] / base:9.2f}")
    print()


def stored(path: Path) -> None:
    """What a stored report answers without a row: the median of five times each, and of the processor's, which says
    what it costs where others work beside it.
    """
    report = Report.from_json(json.loads(path.read_text()))
    statistics = Statistics.read(Path(f"{path}.npz").read_bytes())
    last, before = SEGMENTS[-1], SEGMENTS[-2]
    half = LEVELS[-1] // 2
    bands = {
        "low": [f"level {level}" for level in range(half)],
        "high": [f"level {level}" for level in range(half, LEVELS[-1])],
    }
    steps: tuple[tuple[str, Callable[[], object], str], ...] = (
        ("a threshold moved", lambda: threshold_move(report, statistics, 0.3), "100 ms"),
        ("a threshold moved, all as JSON", lambda: threshold_move(report, statistics, 0.3).to_json(), "100 ms"),
        ("other intervals", lambda: list(interval_move(report, statistics, 0.9).found.values()), "100 ms"),
        ("bands merged", lambda: bands_merge(report, statistics, last, bands), "100 ms"),
        ("a crossing summed", lambda: crossing_marginalise(report, statistics, (before, last), (last,)), "100 ms"),
        ("1,000 replicates of all disparities", lambda: disparities_replicate(report, statistics), "1500 ms"),
    )
    title = f"stored report of {len(statistics.rows) - 1:,} segments"
    print(f"{title:44}{'ms':>10}{'least':>10}{'processor':>11}{'goal':>10}")
    for title, step, goal in steps:
        taken, used = [], []
        for _ in range(5):
            begun, spent = time.perf_counter(), time.process_time()
            step()
            taken.append(1e3 * (time.perf_counter() - begun))
            used.append(1e3 * (time.process_time() - spent))
        print(f"{title:44}{sorted(taken)[2]:10.1f}{min(taken):10.1f}{sorted(used)[2]:11.1f}{goal:>10}")


if __name__ == "__main__":
    main()
