"""Experiments: the list, and the words of one."""

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
from apps.experiments import selectors, services
from apps.experiments.web.forms import ExperimentForm
from apps.experiments.web.tables import EXPERIMENTS
from apps.experiments.web.views.words import words_page


@page
@require_safe
def experiment_list(request: HttpRequest) -> HttpResponseBase:
    """The experiments of the team."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.experiment_list(actor, team_id=team.pk if team else None, archived=archived)
    context = {"archived": archived, "nav_key": "experiments"}
    return table_response(request, EXPERIMENTS.bind(request, rows), "experiments/experiment_list.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def experiment_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Name, hypothesis and conclusion."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment = selectors.experiment_get(actor, pk)

    def save(fields: dict[str, Any], row_version: int | None) -> None:
        services.experiment_update(actor=actor, experiment_id=pk, row_version=row_version, **fields)

    context = {"experiment": experiment, "nav_key": "experiments", "back": reverse("experiment-detail", args=[pk])}
    shown = words_page(
        request,
        "experiments/experiment_edit.html",
        context,
        ExperimentForm,
        lambda: selectors.experiment_get(actor, pk),
        save,
    )
    if shown is not None:
        return shown
    messages.success(request, "Saved.")
    return redirect("experiment-detail", pk=pk)


@page
@require_POST
def experiment_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take an experiment out of the lists, or put it back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    archived = selectors.experiment_get(actor, pk).archived_at is None
    services.experiment_archive(actor=actor, experiment_id=pk, archived=archived)
    messages.success(request, "Archived. Nothing was deleted." if archived else "Back in the lists.")
    return redirect("experiment-detail", pk=pk)
