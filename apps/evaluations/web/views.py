"""Pages of evaluations: the list, one evaluation, one group of it."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from analysis.contracts.report import OVERALL, Report
from apps.core.errors import NotFound
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.evaluations import policies, selectors, services
from apps.evaluations.contracts import Speech, Verdict, people_of, rate_sentence
from apps.evaluations.contracts.verdict import headline_pick
from apps.evaluations.models import Evaluation
from apps.evaluations.web import gaps, parts
from apps.evaluations.web.charts import curve_charts, importance_chart
from apps.evaluations.web.files import formats_shown
from apps.evaluations.web.flips import flips_of_group
from apps.evaluations.web.frame import DECISION, columns_of, frame_context, group_url, panels_draw, tabs_of
from apps.evaluations.web.history import history_context
from apps.evaluations.web.tables import EVALUATIONS
from apps.evaluations.web.wear import wear_context
from apps.problems import selectors as problems


@page
@require_GET
def evaluation_list(request: HttpRequest) -> HttpResponseBase:
    """All evaluations that the actor may see."""
    rows = selectors.evaluation_list(request.actor)  # type: ignore[attr-defined]
    return table_response(
        request, EVALUATIONS.bind(request, rows), "evaluations/evaluation_list.html", {"nav_key": "problems"}
    )


@page
@require_GET
def evaluation_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One evaluation: the verdict, gates, the forest with its table, who is harmed, gaps.

    The table of all metrics and the curves come after, each as a part that the page asks for by its place.
    """
    actor = request.actor  # type: ignore[attr-defined]
    evaluation = selectors.evaluation_get(actor, pk)
    if evaluation.state != Evaluation.State.COMPLETE:
        context = frame_context(request, evaluation) | {"last_good": selectors.latest_for(evaluation.model_version)}
        context |= parts.preliminary_context(evaluation)
        return render(request, "evaluations/evaluation_waiting.html", context)
    report = selectors.report_of(evaluation)
    speech = selectors.speech_of(evaluation, report)
    url_of = partial(group_url, evaluation.pk)
    verdict = selectors.verdict_of(evaluation, report, speech=speech)
    objectives = list(problems.objective_list(evaluation.problem_version))
    margins = selectors.margins_of(objectives)
    context = {"evaluation": evaluation, "version": evaluation.model_version, "baseline": evaluation.baseline_version}
    context |= {"report": report, "speech": speech, "verdict": verdict}
    part = request.headers.get("HX-Target", "")
    if part == "forest":
        context |= dict(zip(("column_own", "column_base"), columns_of(evaluation), strict=True))
        context |= parts.forest_context(request, report, speech, verdict, url_of, margins)
        return _partial(request, "evaluations/_forest.html", context)
    if part == "matrix":
        context |= parts.matrix_context(request, evaluation, report, speech, verdict, url_of)
        return _partial(request, "evaluations/_matrix.html", context)
    if part == "curves":
        return _partial(request, "evaluations/_curves.html", context | _curves_context(evaluation, report, speech))
    context |= frame_context(request, evaluation)
    context |= parts.forest_context(request, report, speech, verdict, url_of, margins)
    context |= parts.harm_context(report, speech, verdict, url_of, margins)
    context |= _gaps_context(request, report, speech)
    context |= {
        "tabs": tabs_of(evaluation, report, DECISION),
        "kpis": selectors.kpis_of(report, speech, OVERALL),
        "can_export": policies.export_make(actor, evaluation.team_id),
        "formats": formats_shown(),
        "panels": panels_draw(request, evaluation, "main"),
        "verdict_panels": panels_draw(request, evaluation, "verdict"),
        **(
            wear_context(evaluation.dataset_version_id, selectors.wear_margin(objectives), evaluation_id=evaluation.pk)
            or {}
        ),
    }
    return render(request, "evaluations/evaluation_detail.html", context)


def _curves_context(evaluation: Evaluation, report: Report, speech: Speech) -> dict[str, Any]:
    """Curves over everyone, confusion of both versions, feature importance."""
    own, base = selectors.curves_of(evaluation, report, OVERALL)
    overall = report.overall
    confusions = (
        gaps.confusion_of(speech.candidate, report.confusion, speech, report.positive_label),
        gaps.confusion_of(speech.baseline, report.baseline_confusion, speech, report.positive_label),
    )
    return {
        "charts": curve_charts(report, speech, own, base, dict(overall.metrics), dict(overall.baseline or {})),
        "curves_url": f"{reverse('evaluation-curves-csv', args=[evaluation.pk])}?key=overall",
        "importance": importance_chart(report),
        "confusions": [one for one in confusions if one is not None],
    }


def _partial(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    response["Vary"] = "HX-Request, HX-Target, Cookie"
    return response


@page
@require_GET
def evaluation_group(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One group: its verdict, every metric, curves, and its crossings with other segments."""
    actor = request.actor  # type: ignore[attr-defined]
    evaluation = selectors.evaluation_get(actor, pk)
    report = selectors.report_of(evaluation)
    key = request.GET.get("key", "")
    group = report.group(key)
    if group is None:
        raise NotFound("The report holds no such group.")
    speech = selectors.speech_of(evaluation, report)
    if request.headers.get("HX-Target", "") == "history":
        context = history_context(request, evaluation, report, group, speech)
        return _partial(request, "evaluations/_history.html", context)
    url_of = partial(group_url, evaluation.pk)
    metric, _ = headline_pick(report)
    sentence = rate_sentence(report, speech, metric, group)
    change = group.paired.differences.get(metric) if group.paired is not None else None
    own, base = selectors.curves_of(evaluation, report, key)
    tone = change.verdict if change is not None and not group.thin else "none"
    context = {
        **frame_context(request, evaluation),
        "report": report,
        "speech": speech,
        "group": group,
        "people": people_of(group, speech.noun),
        "verdict": Verdict(tone, sentence, "", metric, key),
        "kpis": [] if group.suppressed else selectors.kpis_of(report, speech, key),
        "metric_rows": [] if group.suppressed else gaps.metric_rows(report, key, speech),
        "charts": curve_charts(report, speech, own, base, dict(group.metrics), dict(group.baseline or {})),
        "curves_url": f"{reverse('evaluation-curves-csv', args=[pk])}?{urlencode({'key': key})}",
        "notes": parts.legal_notes(evaluation, report, group),
        "flips": flips_of_group(actor, evaluation, group),
        "confusions": [
            one
            for one in (
                gaps.confusion_of(speech.candidate, _confusion(report, group.confusion), speech, report.positive_label),
            )
            if one is not None
        ],
        **parts.neighbours_context(report, group, metric, speech, url_of),
    }
    return render(request, "evaluations/evaluation_group.html", context)


def _confusion(report: Report, counts: list[list[int]] | None) -> dict[str, Any] | None:
    if counts is None or report.confusion is None:
        return None
    return {"labels": report.confusion["labels"], "counts": counts}


@page
@require_POST
def evaluation_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take out of the lists, or put back."""
    archived = request.POST.get("archived", "1") == "1"
    services.evaluation_archive(actor=request.actor, evaluation_id=pk, archived=archived)  # type: ignore[attr-defined]
    messages.success(request, "The evaluation is archived." if archived else "The evaluation is back in the lists.")
    return redirect("evaluation-detail", pk=pk)


def _gaps_context(request: HttpRequest, report: Report, speech: Speech) -> dict[str, Any]:
    every = request.GET.get("gaps") == "all"
    rows, count = gaps.gap_rows(report, speech, every=every)
    return {
        "gap_rows": rows,
        "gap_count": count,
        "gaps_every": every,
        "within_rows": gaps.within_rows(report, speech),
    }
