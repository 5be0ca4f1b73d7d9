"""The tab "Threshold": what another threshold would do to every group, and how quality and disparity trade off.

The numbers of the table are worked out here for the threshold in the address and, with a script, in the browser for
every other one, from the same counts. Nothing is changed by either.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from analysis.contracts.costs import Costs
from analysis.contracts.criteria import CRITERIA, FOUR_FIFTHS
from analysis.contracts.metrics import BINARY, metric_get
from analysis.contracts.report import Estimate, Report
from analysis.contracts.wording import amount_text
from analysis.intervals import normal_z
from analysis.mitigation import ACCURACY, CONSTRAINTS, COST, PER_GROUP, SINGLE, Setting, WhatIf
from analysis.segment_metrics.binary import BINS, count_estimates
from apps.core import formats
from apps.core.errors import NotFound
from apps.core.templatetags._plots import json_block
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts import Speech, interval_text, unit_text, value_text
from apps.evaluations.selectors.bins import BinaryStore, GroupBins, edge_of
from apps.evaluations.web.charts.frontier import frontier_chart
from apps.evaluations.web.frame import THRESHOLD, tab_context
from apps.evaluations.web.proposals import proposals_context
from apps.evaluations.web.rows import metric_label

GROUP_METRICS: Final = ("selection_rate", "tpr", "fpr", "precision")
SHAPES: Final = {"one": SINGLE, "each": PER_GROUP}
_LIMITS: Final = {FOUR_FIFTHS: 0.8}
_NAMES: Final = {"FALSE_POSITIVE_PARITY": "Equal false positive rate"}


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One group at one threshold: a text and an interval for each metric, in the order of the heads."""

    label: str
    protected: bool
    n: int
    cells: tuple[tuple[str, str, str], ...]
    bins: tuple[int, ...]


@page
@require_GET
def evaluation_threshold(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The table at the threshold of the address, today's without one; then the frontier of one segment."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    context, report, speech = tab_context(request, evaluation, THRESHOLD)
    if report.task != BINARY:
        raise NotFound("Only an answer of two classes has a threshold.")
    store = selectors.statistics_of(evaluation)
    if store is not None and store.weighted:
        return render(request, "evaluations/threshold_none.html", context | {"weighted": True})
    groups = store.bins(report) if store is not None else []
    if store is None or not groups:
        return render(request, "evaluations/threshold_none.html", context)
    today = edge_of(report.threshold if report.threshold is not None else 0.5)
    edge = edge_of(_share(request.GET.get("at", ""), today / BINS))
    metrics = _metrics(report)
    rows = _rows(groups, edge, metrics, report)
    left_out = [group for group in report.groups if group.level == 1 and (group.thin or group.suppressed)]
    data = {
        "bins": BINS,
        "today": today,
        "metrics": metrics,
        "costs": report.costs,
        "z": float(normal_z(report.level)),
        "groups": [list(row.bins) for row in rows],
    }
    context |= {
        "rows": rows,
        "heads": [_head(name, speech) for name in metrics],
        "data": json_block(data),
        "at": edge / BINS,
        "at_text": f"{edge / BINS:.3f}",
        "today": f"{today / BINS:.3f}",
        "step": 1 / BINS,
        "exact": report.threshold is not None and math.isclose(report.threshold, today / BINS, abs_tol=1e-9),
        "level": round(100 * report.level),
        "left_out": [(group.label, group.suppressed or group.thin) for group in left_out],
        **_frontier(request, report, store, speech),
        **proposals_context(request.actor, evaluation),  # type: ignore[attr-defined]
    }
    return render(request, "evaluations/threshold.html", context)


def _share(text: str, fallback: float) -> float:
    """A number from 0 to 1 as an address gives it; the fallback for anything else."""
    try:
        value = float(text)
    except ValueError:
        return fallback
    return value if 0 <= value <= 1 else fallback


def _metrics(report: Report) -> list[str]:
    return ["selection_rate", "fnr", "fpr", "precision", *([COST] if report.costs else [])]


def _head(name: str, speech: Speech) -> dict[str, str]:
    metric = metric_get(name)
    return {"name": name, "label": metric_label(metric, speech), "unit": unit_text(metric, speech.currency)}


def _costs(report: Report) -> Costs | None:
    if not report.costs:
        return None
    return Costs(float(report.costs["false_positive"]), float(report.costs["false_negative"]))


def _rows(groups: list[GroupBins], edge: int, metrics: list[str], report: Report) -> list[ThresholdRow]:
    counts = np.asarray([_counts(one.bins, edge) for one in groups], np.int64)
    found = count_estimates(counts, costs=_costs(report), level=report.level)
    rows = []
    for at, one in enumerate(groups):
        n = int(counts[at].sum())
        cells = tuple((name, *_texts(name, found[name].one(at, n))) for name in metrics)
        rows.append(ThresholdRow(one.group.label, one.group.protected, n, cells, one.bins))
    return rows


def _counts(bins: tuple[int, ...], edge: int) -> list[int]:
    """Counts tn, fp, fn, tp at a threshold."""
    counts = [0, 0, 0, 0]
    for at in range(0, len(bins), 3):
        place, negatives, positives = bins[at : at + 3]
        counts[1 if place >= edge else 0] += negatives
        counts[3 if place >= edge else 2] += positives
    return counts


def _texts(name: str, estimate: Estimate) -> tuple[str, str]:
    metric = metric_get(name)
    return value_text(metric, estimate.value), interval_text(metric, estimate.low, estimate.high)


def _frontier(request: HttpRequest, report: Report, store: BinaryStore, speech: Speech) -> dict[str, Any]:
    """What the address asks of one segment; what it says wrongly is replaced by the usual."""
    names = [one.name for one in report.dimensions if one.error is None]
    protected = [one.name for one in report.dimensions if one.protected and one.error is None]
    asked = request.GET
    segment = asked.get("segment", "")
    segment = segment if segment in names else next(iter([*protected, *names]), "")
    constraint = asked.get("constraint", "")
    constraint = constraint if constraint in CONSTRAINTS else "EQUAL_OPPORTUNITY"
    shape = asked.get("shape", "")
    shape = shape if shape in SHAPES else "one"
    qualities = [COST, ACCURACY] if report.costs else [ACCURACY]
    quality = asked.get("quality", "")
    quality = quality if quality in qualities else qualities[0]
    usual = _LIMITS.get(constraint, 0.05)
    limit = _limit(asked.get("limit", ""), usual)
    found = (
        store.what_if(report, segment, constraint=constraint, shape=SHAPES[shape], quality=quality, limit=limit)
        if segment
        else None
    )
    return {
        "segment": segment,
        "choices": {
            "segment": [(name, name, name == segment) for name in names],
            "constraint": [(code, constraint_name(code), code == constraint) for code in CONSTRAINTS],
            "shape": [(code, words, code == shape) for code, words in SHAPES.items()],
            "quality": [(name, metric_get(name).label, name == quality) for name in qualities],
        },
        "limit": f"{100 * limit:g}",
        "limit_unit": "% of the highest, at least" if constraint == FOUR_FIFTHS else "points, at most",
        "found": found,
        "chart": frontier_chart(found, constraint_name(constraint), speech) if found is not None else None,
        "settings": _settings(found, speech) if found is not None else [],
        "setting_heads": [_head(name, speech) for name in GROUP_METRICS],
    }


def _limit(text: str, usual: float) -> float:
    """A limit in per cent or points."""
    try:
        value = float(text.replace(",", ".")) / 100
    except ValueError:
        return usual
    return value if 0 <= value <= 1 else usual


def constraint_name(code: str) -> str:
    """What is asked of the groups, as people call it."""
    return CRITERIA[code].name if code in CRITERIA else _NAMES.get(code, code)


def _settings(found: WhatIf, speech: Speech) -> list[dict[str, Any]]:
    """Today, and the best setting within the limit: quality, disparity and the groups of each."""
    pairs = [("Today", found.today)] + ([("Best within the limit", found.chosen)] if found.chosen is not None else [])
    return [{"title": title, **setting_texts(one, found, speech)} for title, one in pairs]


def setting_texts(one: Setting, found: WhatIf, speech: Speech) -> dict[str, Any]:
    """A setting's numbers as people read them."""
    quality = metric_get(found.quality)
    ratio = found.constraint == FOUR_FIFTHS
    gap = one.disparity
    shown = [metric_get(name) for name in GROUP_METRICS]
    value = one.quality.value
    return {
        "quality": formats.UNDEFINED if value is None else amount_text(quality, value, currency=speech.currency),
        "quality_interval": interval_text(quality, one.quality.low, one.quality.high),
        "gap": "" if gap.value is None else f"{100 * gap.value:.1f}",
        "gap_interval": "" if gap.low is None or gap.high is None else f"[{100 * gap.low:.1f}, {100 * gap.high:.1f}]",
        "gap_unit": "% of the highest" if ratio else "points",
        "gap_reason": gap.undefined or "",
        "constant": one.constant,
        "groups": [
            {
                "label": group.label,
                "threshold": f"{group.threshold:.3f}",
                "n": group.n,
                "cells": [value_text(metric, group.metrics[metric.name].value) for metric in shown],
            }
            for group in one.groups
        ],
    }
