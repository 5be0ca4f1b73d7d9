"""The ledger: what runs taught, over all experiments; and the form that says it of one run."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.experiments import policies, selectors, services
from apps.experiments.models import Lesson, Run
from apps.experiments.web.forms import LessonForm
from apps.experiments.web.ledger import LEDGER
from apps.experiments.web.views.words import words_page
from apps.experiments.web.words import metrics_in_order

OTHERS = 200


@page
@require_safe
def ledger(request: HttpRequest) -> HttpResponseBase:
    """What the team has learnt, newest first; filters ask what helped a metric or a segment."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    rows = selectors.lesson_list(actor, team_id=team.pk if team else None)
    return table_response(request, LEDGER.bind(request, rows), "experiments/ledger.html", {"nav_key": "experiments"})


@page
@require_http_methods(["GET", "HEAD", "POST"])
def run_lesson(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What a run taught."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = selectors.run_get(actor, pk)
    policies.require_run_write(actor, run)

    def save(fields: dict[str, Any], row_version: int | None) -> None:
        services.lesson_save(actor=actor, run_id=pk, row_version=row_version, **fields)

    def stored() -> Lesson:
        return selectors.lesson_of(run) or Lesson(run=run, row_version=0)

    form_class = LessonForm.for_run(_measures(run), _others(actor, run))
    context = {
        "run": run,
        "nav_key": "experiments",
        "back": reverse("run-detail", args=[pk]),
        "said": Lesson.objects.filter(run=run).exists(),
    }
    shown = words_page(request, "experiments/run_lesson.html", context, form_class, stored, save)
    if shown is not None:
        return shown
    messages.success(request, "Saved in the ledger.")
    return redirect("run-detail", pk=pk)


@page
@require_POST
def run_lesson_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take back what was said."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    selectors.run_get(actor, pk)
    services.lesson_remove(actor=actor, run_id=pk)
    messages.success(request, "Taken back. The audit keeps what was said.")
    return redirect("run-detail", pk=pk)


def _measures(run: Run) -> list[tuple[str, str]]:
    return [(words.key, words.title) for words in metrics_in_order(set(run.metrics_latest)) if not words.system]


def _others(actor: Actor, run: Run) -> list[tuple[str, str]]:
    rows = selectors.run_sample(selectors.run_list(actor, experiment_id=run.experiment_id).exclude(pk=run.pk), OTHERS)
    return [(str(one.pk), one.name) for one in rows]
