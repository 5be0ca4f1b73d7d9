"""Contexts of the parts of the evaluation page that a person narrows: forest, matrix, harmed and helped, neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest

from analysis.contracts.metrics import Metric, metric_get
from analysis.contracts.report import BETTER, WORSE, Group, Report
from apps.evaluations import selectors
from apps.evaluations.contracts.numbers import change_signed, unit_text
from apps.evaluations.contracts.verdict import Speech, Verdict
from apps.evaluations.models import Evaluation
from apps.evaluations.web.charts import forest_figure
from apps.evaluations.web.rows import (
    ForestRow,
    counted_label,
    crossing_rows,
    forest_rows,
    matrix_parts,
    matrix_row,
    metric_label,
    metric_meaning,
    metrics_of,
)
from apps.evaluations.web.versions_shown import shown_of

UrlOf = Callable[[str], str]
FIRST_TABS: Final = 3
FEW_CROSSINGS: Final = 20
MOST_CROSSINGS: Final = 200


def _metric_wanted(request: HttpRequest, report: Report, fallback: str) -> Metric:
    wanted = request.GET.get("metric", "")
    held = {metric.name: metric for metric in metrics_of(report)}
    return held.get(wanted) or held.get(fallback) or next(iter(held.values()), metric_get("count"))


def forest_context(
    request: HttpRequest,
    report: Report,
    speech: Speech,
    verdict: Verdict,
    url_of: UrlOf,
    margins: Mapping[str, float],
) -> dict[str, Any]:
    """The forest of one metric with its table; the metric comes from the address, its limit from `margins`."""
    metric = _metric_wanted(request, report, verdict.metric)
    rows = forest_rows(report, metric, url_of)
    limit = margins.get(metric.name)
    compared = "live" if speech.baseline.startswith("live") else speech.baseline or "nothing"
    choices = [
        {"name": one.name, "label": metric_label(one, speech), "current": one.name == metric.name}
        for one in metrics_of(report)
    ]
    third = next((one for one in choices[2:] if one["name"] == "cost_per_100"), None)
    tabs = choices[:2] + ([third] if third else choices[2:3])
    tabs = (
        tabs
        if any(one["current"] for one in tabs)
        else [*tabs[: FIRST_TABS - 1], *(one for one in choices if one["current"])]
    )
    return {
        "metric": metric,
        "metric_label": metric_label(metric, speech),
        "metric_meaning": metric_meaning(metric, speech),
        "metric_unit": unit_text(metric, speech.currency),
        "change_unit": unit_text(metric, speech.currency, change=True),
        "counted_label": counted_label(metric, speech),
        "forest_rows": rows,
        "forest_title": _forest_title(rows, metric_label(metric, speech), report),
        "forest_figure": forest_figure(rows, metric, compared=compared, currency=speech.currency, limit=limit),
        "forest_tabs": tabs,
        "forest_others": [one for one in choices if one not in tabs],
        "limit": f"{change_signed(metric, limit)} {unit_text(metric, speech.currency, change=True)}".strip()
        if limit is not None
        else "",
        "base_head": speech.baseline[:1].upper() + speech.baseline[1:],
        "own_head": speech.candidate[:1].upper() + speech.candidate[1:],
        "methods": _methods(report, metric),
    }


def _forest_title(rows: list[ForestRow], label: str, report: Report) -> str:
    """The finding of the chart in words."""
    if not report.has_baseline:
        return f"{label} by segment"
    worse = [row.label for row in rows if row.verdict == WORSE]
    better = [row.label for row in rows if row.verdict == BETTER]
    if not worse and not better:
        return f"{label}: no group is proven worse or better"
    parts = [f"worse for {_list(worse)}" if worse else "", f"better for {_list(better)}" if better else ""]
    if not better:
        parts.append("no group is proven better")
    elif not worse:
        parts.append("no group is proven worse")
    return f"{label}: {'; '.join(part for part in parts if part)}"


def _list(labels: list[str]) -> str:
    if len(labels) == 1:
        return labels[0]
    if len(labels) <= 3:
        return f"{', '.join(labels[:-1])} and {labels[-1]}"
    return f"{labels[0]}, {labels[1]} and {len(labels) - 2} more"


def _methods(report: Report, metric: Metric) -> str:
    paired = report.overall.paired
    change = paired.differences.get(metric.name) if paired is not None else None
    own = report.overall.metrics.get(metric.name)
    method = change.method if change is not None else own.method if own is not None else None
    level = f"{100 * report.level:g} % intervals"
    return f"{level}: {method}" if method else level


def matrix_context(
    request: HttpRequest, evaluation: Evaluation, report: Report, speech: Speech, verdict: Verdict, url_of: UrlOf
) -> dict[str, Any]:
    """Segments by metrics, and the crossings of two that the search leaves."""
    every = request.GET.get("metrics") == "all"
    metrics = metrics_of(report, every=every)
    by = _metric_wanted(request, report, verdict.metric)
    find = request.GET.get("find", "").strip()[:100]
    most = MOST_CROSSINGS if find or request.GET.get("crossings") == "all" else FEW_CROSSINGS
    versions = shown_of(request, evaluation, report, speech)
    report, url_of = versions["shown_report"], versions["shown_url"]
    metrics = [metric for metric in metrics if metric.name in report.overall.metrics] or metrics
    notes = {name: segment.legal_note for name, segment in _segments(evaluation).items() if segment.legal_note}
    overall, parts = matrix_parts(report, metrics, url_of, notes)
    rows, count = crossing_rows(report, metrics, url_of, by=by.name, find=find, most=most)
    heads = [
        {
            "label": metric_label(metric, speech),
            "unit": unit_text(metric, speech.currency),
            "meaning": metric_meaning(metric, speech),
        }
        for metric in metrics
    ]
    return {
        "matrix_heads": heads,
        "matrix_everyone": overall,
        "matrix_parts": parts,
        "matrix_every": every,
        "matrix_span": len(heads) + 2,
        "crossings": rows,
        "crossing_count": count,
        "crossing_find": find,
        "crossing_by": by,
        "crossing_label": metric_label(by, speech),
        **versions,
    }


def preliminary_context(evaluation: Evaluation) -> dict[str, Any]:
    """What a running evaluation knows so far: the metrics that people read first, by segment, without any verdict."""
    found = selectors.preliminary_of(evaluation)
    if found is None:
        return {}
    speech = selectors.speech_of(evaluation, found.report)
    metrics = metrics_of(found.report, every=False)
    plain = [replace(one, paired=None) for one in found.report.groups]
    report = replace(found.report, groups=tuple(plain))
    overall, shown = matrix_parts(report, metrics, lambda key: "", {})
    heads = [
        {
            "label": metric_label(metric, speech),
            "unit": unit_text(metric, speech.currency),
            "meaning": metric_meaning(metric, speech),
        }
        for metric in metrics
    ]
    return {
        "preliminary": found,
        "speech": speech,
        "matrix_heads": heads,
        "matrix_everyone": overall,
        "matrix_parts": shown,
        "matrix_span": len(heads) + 2,
    }


def _segments(evaluation: Evaluation) -> dict[str, Any]:
    return {segment.segment.name: segment for segment in evaluation.segment_versions.select_related("segment")}


def legal_notes(evaluation: Evaluation, report: Report, group: Group) -> list[str]:
    """The legal notes of a group's protected segments."""
    segments = _segments(evaluation)
    return [
        segments[place.name].legal_note
        for place in group.dimensions
        if place.name in segments and segments[place.name].legal_note
    ]


def harm_context(
    report: Report, speech: Speech, verdict: Verdict, url_of: UrlOf, margins: Mapping[str, float]
) -> dict[str, Any]:
    """Who is harmed and who is helped, by finding."""
    if not report.has_baseline:
        return {"harm_groups": []}
    metric = metric_get(selectors.harm_metric(report, verdict))
    groups = selectors.harm_groups(
        report, metric.name, compared="live" if speech.baseline.startswith("live") else "before"
    )
    return selectors.harm_shown(groups, metric, speech, url_of, margin=margins.get(metric.name))


def neighbours_context(report: Report, group: Group, metric: str, speech: Speech, url_of: UrlOf) -> dict[str, Any]:
    """The crossings that this group is part of; for a crossing, the groups that it is made of."""
    metrics = metrics_of(report, every=False)
    own = {(place.segment, place.level) for place in group.dimensions}
    level = 2 if group.level == 1 else 1
    near = [
        one
        for one in report.groups
        if one.level == level
        and (
            own <= {(place.segment, place.level) for place in one.dimensions}
            if level == 2
            else {(place.segment, place.level) for place in one.dimensions} <= own
        )
    ]
    return {
        "neighbours": [matrix_row(one, metrics, url_of) for one in near],
        "neighbour_heads": [
            {
                "label": metric_label(one, speech),
                "unit": unit_text(one, speech.currency),
                "meaning": metric_meaning(one, speech),
            }
            for one in metrics
        ],
        "neighbours_title": "Crossings with other segments" if level == 2 else "The groups that it is made of",
    }
