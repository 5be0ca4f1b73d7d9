"""Curves from stored bins: ROC, precision-recall, calibration and score histogram, at most 200 points each.

Drawn from the 200 score bins, so thresholds are multiples of 0.01; the areas in the report are exact and need no
curve.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.intervals import Floats, ratio, wilson

CURVE_STEPS = 100
HISTOGRAM_BINS = 50

Ints = npt.NDArray[np.int64]


def curves_draw(histogram: npt.NDArray[np.integer], ece: Floats, *, level: float = 0.95) -> dict[str, Any]:
    """All four curves of one group, as JSON: `histogram` [bins, 2] rows by score bin and truth, `ece` [10, 4]."""
    counts = np.asarray(histogram, np.int64)
    return {
        "roc": roc_curve(counts),
        "pr": pr_curve(counts),
        "calibration": calibration_curve(ece, level=level),
        "histogram": score_histogram(counts),
    }


def _above(counts: Ints) -> tuple[Floats, Ints, Ints]:
    """Thresholds from high to low with negatives and positives at or above each: 101 points, first none, last all."""
    coarse = counts.reshape(CURVE_STEPS, -1, 2).sum(axis=1)
    running = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(coarse[::-1], axis=0)])
    thresholds = np.linspace(1, 0, CURVE_STEPS + 1)
    return thresholds, running[:, 0], running[:, 1]


def roc_curve(counts: Ints) -> dict[str, list[float]]:
    """False positive rate (x) and recall (y) by falling threshold; empty with one outcome only."""
    thresholds, negatives, positives = _above(counts)
    if not (negatives[-1] and positives[-1]):
        return {"x": [], "y": [], "threshold": []}
    moves = _moving(negatives, positives)
    return {
        "x": _numbers(negatives[moves] / negatives[-1]),
        "y": _numbers(positives[moves] / positives[-1]),
        "threshold": _numbers(thresholds[moves]),
    }


def pr_curve(counts: Ints) -> dict[str, list[float]]:
    """Recall (x) and precision (y) by falling threshold, from the first threshold that chooses a row."""
    thresholds, negatives, positives = _above(counts)
    if not positives[-1]:
        return {"x": [], "y": [], "threshold": []}
    moves = _moving(negatives, positives) & (negatives + positives > 0)
    return {
        "x": _numbers(positives[moves] / positives[-1]),
        "y": _numbers(positives[moves] / (positives + negatives)[moves]),
        "threshold": _numbers(thresholds[moves]),
    }


def calibration_curve(ece: Floats, *, level: float = 0.95) -> dict[str, list[float]]:
    """Mean score, share of positives with its Wilson interval, and rows of each tenth that has rows."""
    rows, positives, scores = ece[:, 0], ece[:, 1], ece[:, 2]
    filled = rows > 0
    low, high = wilson(positives[filled], rows[filled], level)
    return {
        "score": _numbers(ratio(scores, rows)[filled]),
        "rate": _numbers(ratio(positives, rows)[filled]),
        "low": _numbers(low),
        "high": _numbers(high),
        "n": [int(one) for one in rows[filled]],
    }


def score_histogram(counts: Ints) -> dict[str, list[float]]:
    """Rows by score, negatives and positives apart: 50 bins."""
    coarse = counts.reshape(HISTOGRAM_BINS, -1, 2).sum(axis=1)
    return {
        "edges": _numbers(np.linspace(0, 1, HISTOGRAM_BINS + 1)),
        "negatives": [int(one) for one in coarse[:, 0]],
        "positives": [int(one) for one in coarse[:, 1]],
    }


def _moving(negatives: Ints, positives: Ints) -> npt.NDArray[np.bool_]:
    """Points that differ from the one before, and the first."""
    moves = np.ones(negatives.size, np.bool_)
    moves[1:] = (np.diff(negatives) + np.diff(positives)) > 0
    return moves


def _numbers(values: npt.ArrayLike) -> list[float]:
    """Six decimals: a curve is for eyes."""
    return [round(float(one), 6) for one in np.asarray(values, np.float64)]
