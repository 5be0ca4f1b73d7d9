"""Segments of several runs beside each other, on the comparison of runs: one metric, with its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, metric_get
from apps.core.actors import Actor
from apps.evaluations import selectors
from apps.evaluations.contracts.numbers import interval_text, unit_text, value_text
from apps.evaluations.models import Evaluation
from apps.evaluations.web.rows import metric_label

if TYPE_CHECKING:
    from apps.experiments.models import Run

MOST_RUNS = 8
_ASKED = {BINARY: "fnr", MULTICLASS: "accuracy", RANKING: "ndcg:10"}


def segments_of_runs(actor: Actor, runs: Sequence[Run]) -> Mapping[str, Any] | None:
    """The newest evaluation of each of the first runs that has one; those on other rows are left out and counted."""
    wanted = [run.pk for run in runs]
    rows = Evaluation.objects.visible_to(actor).filter(model_version__run__in=wanted, state=Evaluation.State.COMPLETE)
    related = ("model_version__run", "problem_version", "problem")
    rows = rows.filter(archived_at__isnull=True).select_related(*related).defer("report", "findings")
    newest = {one.model_version.run_id: one for one in rows.order_by("completed_at", "id")[:200]}
    found = [newest[pk] for pk in wanted if pk in newest]
    same = [one for one in found if one.row_digest == found[0].row_digest][:MOST_RUNS]
    if not same:
        return None
    reports = [selectors.report_of(one) for one in same]
    first = reports[0]
    metric = metric_get(_ASKED.get(first.task, "mae"))
    speech = selectors.speech_of(same[0], first, live=None)
    lines = []
    for group in first.groups:
        if group.level > 1:
            continue
        cells = []
        for report in reports:
            estimate = None if (held := report.group(group.key)) is None else held.metrics.get(metric.name)
            told = estimate is not None and held is not None and held.suppressed is None
            cells.append(
                (value_text(metric, estimate.value), interval_text(metric, estimate.low, estimate.high))
                if told and estimate is not None
                else ("hidden" if held is not None and held.suppressed else "–", "")
            )
        lines.append({"label": group.label, "n": group.n, "level": group.level, "cells": cells})
    return {
        "evaluations": same,
        "lines": lines,
        "metric": metric_label(metric, speech),
        "unit": unit_text(metric, speech.currency),
        "others": len(found) - len(same),
    }
