"""A group over the versions: its metric in every evaluation of the problem, drawn, tabled and as CSV."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis.contracts.metrics import PERCENT, Metric
from analysis.contracts.report import Group, Report
from apps.core import formats
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts import Speech, headline_pick, interval_text, unit_text, value_text
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors.history import MOST, PastGroup, group_history
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import group_url
from apps.evaluations.web.rows import metric_label, metrics_of
from apps.registry.contracts import live_version_ids


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One evaluation: what it says of the group, and what became of its version."""

    name: str
    url: str
    version: str
    data: str
    same_rows: bool
    n: str
    value: str
    interval: str
    reason: str
    live: bool
    approved: str
    current: bool


def metric_asked(request: HttpRequest, report: Report) -> Metric:
    """The metric that the address names, else the one that the verdict rests on."""
    usual, _ = headline_pick(report)
    held = {metric.name: metric for metric in metrics_of(report)}
    return held.get(request.GET.get("metric", "")) or held.get(usual) or next(iter(held.values()))


def history_context(
    request: HttpRequest, evaluation: Evaluation, report: Report, group: Group, speech: Speech
) -> dict[str, Any]:
    """The table, newest first, and the chart of it; the metric comes from the address."""
    metric = metric_asked(request, report)
    past = group_history(request.actor, evaluation.problem_id, group.key, metric.name)  # type: ignore[attr-defined]
    live = set(live_version_ids({one.evaluation.model_version.model_id for one in past}).values())
    rows = [_row(one, evaluation, metric, live) for one in past]
    unit = unit_text(metric, speech.currency)
    label = metric_label(metric, speech)
    query = urlencode({"key": group.key, "metric": metric.name})
    return {
        "history": rows,
        "history_title": f"{label} over the evaluations",
        "history_unit": unit,
        "history_figure": _figure(past, rows, metric, f"{label}{f', {unit}' if unit else ''}"),
        "history_choices": [
            (one.name, metric_label(one, speech), one.name == metric.name) for one in metrics_of(report)
        ],
        "history_csv": f"{reverse('evaluation-group-history-csv', args=[evaluation.pk])}?{query}",
        "history_most": MOST,
    }


def _row(one: PastGroup, here: Evaluation, metric: Metric, live: set[uuid.UUID]) -> HistoryRow:
    past, estimate = one.evaluation, one.estimate
    key = one.evaluation.held["key"] if one.evaluation.held else ""  # type: ignore[attr-defined]
    return HistoryRow(
        name=f"Evaluation {past.number}",
        url=group_url(past.pk, key) if key else reverse("evaluation-detail", args=[past.pk]),
        version=str(past.model_version),
        data=str(past.dataset_version),
        same_rows=past.row_digest == here.row_digest,
        n=formats.num(one.n) if one.n is not None else "",
        value=value_text(metric, estimate.value) if estimate is not None else "",
        interval=interval_text(metric, estimate.low, estimate.high) if estimate is not None else "",
        reason=one.reason,
        live=past.model_version_id in live,
        approved=one.approved,
        current=past.pk == here.pk,
    )


def _figure(past: Sequence[PastGroup], rows: Sequence[HistoryRow], metric: Metric, up: str) -> dict[str, Any] | None:
    """Oldest on the left; None when fewer than two evaluations say a number."""
    scale = 100 if metric.unit == PERCENT else 1
    drawn = [
        (row, one.estimate)
        for one, row in zip(reversed(past), reversed(rows), strict=True)
        if one.estimate is not None and one.estimate.value is not None
    ]
    if len(drawn) < 2:
        return None
    values = [scale * (estimate.value or 0.0) for _, estimate in drawn]
    above = [scale * ((estimate.high if estimate.high is not None else estimate.value) or 0.0) for _, estimate in drawn]
    below = [scale * ((estimate.low if estimate.low is not None else estimate.value) or 0.0) for _, estimate in drawn]
    names = [f"{row.name}: {row.version}{', live' if row.live else ''}" for row, _ in drawn]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [row.name.removeprefix("Evaluation ") for row, _ in drawn],
        "y": values,
        "text": names,
        "line": {"color": "$same", "width": 1, "dash": "dot"},
        "marker": {
            "size": 9,
            "color": ["$live" if row.live else "$candidate" for row, _ in drawn],
            "symbol": ["diamond" if row.approved else "circle" for row, _ in drawn],
        },
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [high - value for high, value in zip(above, values, strict=True)],
            "arrayminus": [value - low for low, value in zip(below, values, strict=True)],
            "color": "$text-3",
            "thickness": 1.2,
        },
        "hovertemplate": "%{text}<br>%{y:.3~f}<extra></extra>",
    }
    layout = {
        "xaxis": {"type": "category", "title": {"text": "Evaluation"}},
        "yaxis": {"title": {"text": up}},
        "showlegend": False,
    }
    return {"data": [trace], "layout": layout}


@page
@require_GET
def history_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same in full precision, newest first."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    report = selectors.report_of(evaluation)
    key = request.GET.get("key", "")
    if report.group(key) is None:
        raise NotFound("The report holds no such group.")
    metric = metric_asked(request, report)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["evaluation", "completed_at", "version", "approved", "rows", "metric", "value", "low", "high", "note"]
    )
    for one in group_history(request.actor, evaluation.problem_id, key, metric.name):  # type: ignore[attr-defined]
        past, estimate = one.evaluation, one.estimate
        numbers = ("", "", "") if estimate is None else (estimate.value, estimate.low, estimate.high)
        done = past.completed_at.isoformat() if past.completed_at else ""
        writer.writerow(
            [past.number, done, past.model_version.number, one.approved, one.n, metric.name, *numbers, one.reason]
        )
    return file_response(evaluation, "history", "csv", buffer.getvalue())
