"""Experiments: the list, one of them with its runs, its words."""

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
from apps.experiments.contracts import RunOutcome, experiment_actions, run_outcomes
from apps.experiments.models import Experiment, Run
from apps.experiments.web.charts import Chart, Spot, trade_off
from apps.experiments.web.forms import ExperimentForm
from apps.experiments.web.snippets import experiment_snippet
from apps.experiments.web.tables import EXPERIMENTS, RUNS, TOOK, outcomes_attach, run_columns
from apps.experiments.web.views.words import words_page
from apps.experiments.web.words import MetricWords, metrics_in_order, number_of

SAMPLE = 200


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
@require_safe
def experiment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """One experiment: the trade-off of two metrics over its runs, and their table."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment = selectors.experiment_get(actor, pk)
    archived = request.GET.get("archived") == "1"
    runs = selectors.run_list(actor, experiment_id=experiment.pk, deleted=archived)
    sample = selectors.run_sample(runs, SAMPLE)
    outcomes = run_outcomes(actor, sample)
    prepare = outcomes_attach(actor, outcomes, {run.pk for run in sample})
    listed = runs.annotate(took=TOOK).defer("code", "environment", "notes", "tags")
    table = RUNS.bind(request, listed, columns=run_columns(sample), prepare=prepare)
    if table.active and sample:
        sample = selectors.run_sample(table.filtered, SAMPLE)
    words = metrics_in_order({key for run in sample for key in run.metrics_latest})
    x, y = _axes(request, words)
    may_write = policies.experiment_write(actor, experiment)
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "experiment": experiment,
        "archived": archived,
        "may_write": may_write,
        "running": sum(run.status == Run.Status.RUNNING for run in sample),
        "chart": _chart(sample, outcomes, x, y),
        "metrics": words,
        "x": x,
        "y": y,
        "sampled": len(sample),
        "snippet": experiment_snippet(request.build_absolute_uri("/").rstrip("/"), experiment),
        "menu": _menu(actor, experiment, may_write, archived),
    }
    return table_response(request, table, "experiments/experiment_detail.html", context)


def _axes(request: HttpRequest, words: list[MetricWords]) -> tuple[MetricWords | None, MetricWords | None]:
    """The two metrics of the trade-off: those asked for, else the two that people look at first."""
    known = {one.key: one for one in words}
    y = known.get(request.GET.get("y", "")) or (words[0] if words else None)
    others = [one for one in words if y is not None and one.key != y.key]
    x = known.get(request.GET.get("x", "")) or (others[0] if others else None)
    return x, y


def _chart(
    sample: list[Run], outcomes: dict[uuid.UUID, RunOutcome], x: MetricWords | None, y: MetricWords | None
) -> Chart | None:
    if x is None or y is None:
        return None
    measured = []
    for run in sample:
        across, up = number_of(run.metrics_latest.get(x.key)), number_of(run.metrics_latest.get(y.key))
        if across is not None and up is not None:
            measured.append((run, across, up))
    spots = []
    for run, across, up in measured:
        outcome = outcomes.get(run.pk)
        spots.append(
            Spot(run, across, up, outcome.flag if outcome else "", outcome.live if outcome else False),
        )
    return trade_off(spots, x, y)


def _menu(actor: Actor, experiment: Experiment, may_write: bool, archived: bool) -> list[dict[str, Any]]:
    here = reverse("experiment-detail", args=[experiment.pk])
    items = [
        {"label": "Open runs", "icon": "flask", "url": here}
        if archived
        else {"label": "Archived runs", "icon": "archive", "url": f"{here}?archived=1"},
        *({"label": one.label, "icon": one.icon, "url": one.url} for one in experiment_actions(actor, experiment)),
        {"label": "Use in Python", "icon": "code", "open": "snippet"},
    ]
    if may_write:
        restore = experiment.archived_at is not None
        url = reverse("experiment-archive", args=[experiment.pk])
        items.append(
            {"label": "Edit its words", "icon": "edit", "url": reverse("experiment-edit", args=[experiment.pk])}
        )
        items.append({"label": "Restore" if restore else "Archive", "icon": "archive", "post": url})
    return items


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
