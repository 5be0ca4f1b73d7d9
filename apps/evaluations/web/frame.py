"""What every page of one evaluation shares: its head, its menu, its tabs."""

from __future__ import annotations

import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from analysis.contracts.metrics import BINARY, RANKING
from analysis.contracts.report import Report
from apps.evaluations import policies, selectors
from apps.evaluations.contracts import Speech, evaluation_panel_list
from apps.evaluations.contracts.words import column_names
from apps.evaluations.models import Evaluation

DECISION: Final = "decision"
SLICES: Final = "slices"
FLIPS: Final = "flips"
FAIRNESS: Final = "fairness"
BEHAVIOUR: Final = "behaviour"
COMBINATION: Final = "combination"
THRESHOLD: Final = "threshold"


def group_url(pk: uuid.UUID, key: str) -> str:
    """The page of one group."""
    return f"{reverse('evaluation-group', args=[pk])}?{urlencode({'key': key})}"


def frame_context(request: HttpRequest, evaluation: Evaluation) -> dict[str, Any]:
    """What every page of an evaluation needs."""
    actor = request.actor  # type: ignore[attr-defined]
    complete = evaluation.state == Evaluation.State.COMPLETE
    menu: list[dict[str, Any]] = []
    if complete:
        menu += [
            {"label": "Table (CSV)", "icon": "table", "url": reverse("evaluation-csv", args=[evaluation.pk])},
            {"label": "Report (JSON)", "icon": "braces", "url": reverse("evaluation-json", args=[evaluation.pk])},
        ]
    menu.append({"label": "Its job", "icon": "cpu", "url": reverse("job-detail", args=[evaluation.job_id])})
    own, base = columns_of(evaluation)
    return {
        "column_own": own,
        "column_base": base,
        "nav_key": "problems",
        "evaluation": evaluation,
        "version": evaluation.model_version,
        "baseline": evaluation.baseline_version,
        "menu": menu,
        "can_launch": policies.evaluation_launch(actor, evaluation.team_id),
        "actions": panels_draw(request, evaluation, "action"),
    }


def columns_of(evaluation: Evaluation) -> tuple[str, str]:
    """How columns name the two versions of an evaluation."""
    version, baseline = evaluation.model_version, evaluation.baseline_version
    other = (baseline.model.name, baseline.number) if baseline is not None else None
    return column_names((version.model.name, version.number), other)


def panels_draw(request: HttpRequest, evaluation: Evaluation, place: str) -> list[SafeString]:
    """The parts that rooms above add to the page."""
    drawn = []
    for panel in evaluation_panel_list(place):
        context = panel.context(request.actor, evaluation)  # type: ignore[attr-defined]
        if context is not None:
            drawn.append(render_to_string(panel.template, {**context, "evaluation": evaluation}, request=request))
    return drawn


def tabs_of(evaluation: Evaluation, report: Report, current: str) -> list[dict[str, Any]]:
    """The siblings of a complete evaluation's page; what cannot be asked of it has no tab."""
    items = [(DECISION, "By segment", "evaluation-detail")]
    ranking = report.task == RANKING  # no row is right or wrong by itself
    if not ranking:
        items.append((SLICES, "Weak slices", "evaluation-slices"))
    if report.has_baseline and not ranking:
        items.append((FLIPS, "Flips", "evaluation-flips"))
    items.append((FAIRNESS, "Fairness", "evaluation-fairness"))
    if not ranking:
        items.append((BEHAVIOUR, "Behaviour", "evaluation-behaviour"))
        items.append((COMBINATION, "Combination", "evaluation-combination"))
    if report.task == BINARY:
        items.append((THRESHOLD, "Threshold", "evaluation-threshold"))
    return [
        {"label": label, "url": reverse(route, args=[evaluation.pk]), "current": key == current}
        for key, label, route in items
    ]


def tab_context(request: HttpRequest, evaluation: Evaluation, current: str) -> tuple[dict[str, Any], Report, Speech]:
    """The frame with tabs, the report and how to speak of it. Raises Conflict while there is no report."""
    report = selectors.report_of(evaluation)
    speech = selectors.speech_of(evaluation, report)
    context = frame_context(request, evaluation)
    return context | {"report": report, "speech": speech, "tabs": tabs_of(evaluation, report, current)}, report, speech
