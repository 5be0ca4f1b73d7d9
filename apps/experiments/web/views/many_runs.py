"""What is done to the selected runs of a table at once."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, Invalid
from apps.core.web.views import page
from apps.experiments import policies, selectors, services
from apps.experiments.contracts import run_outcomes
from apps.experiments.models import Run
from apps.experiments.web.forms import TagForm


@page
@require_POST
def runs_archive(request: HttpRequest) -> HttpResponse:
    """Take the selected runs out of the lists."""
    return _archive(request, True)


@page
@require_POST
def runs_restore(request: HttpRequest) -> HttpResponse:
    """Put the selected runs back into the lists."""
    return _archive(request, False)


def _archive(request: HttpRequest, archived: bool) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    runs = _selected(actor, request.POST)
    services.runs_archive(actor=actor, run_ids=[run.pk for run in runs], archived=archived)
    did = "archived. Nothing was deleted." if archived else "back in the list."
    messages.success(request, f"{_count(runs)} {did}")
    return redirect(_back(request, request.POST, runs))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def runs_tag(request: HttpRequest) -> HttpResponse:
    """Set one tag on the selected runs."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = request.POST if request.method == "POST" else request.GET
    runs = _selected(actor, asked)
    back = _back(request, asked, runs)
    form = TagForm(request.POST if request.method == "POST" else None, label_suffix="")
    context = {"nav_key": "experiments", "form": form, "runs": runs, "back": back}
    context["sealed"] = sum(run.sealed_at is not None for run in runs)
    if request.method != "POST":
        return render(request, "experiments/runs_tag.html", context)
    if form.is_valid():
        tags = {form.cleaned_data["key"]: form.cleaned_data["value"]}
        try:
            services.runs_tag(actor=actor, run_ids=[run.pk for run in runs], tags=tags)
        except FairwayError as refusal:
            if refusal.status != 400:
                raise
            form.add_error(None, refusal.detail)
        else:
            messages.success(request, f"{_count(runs)} tagged.")
            return redirect(back)
    return render(request, "experiments/runs_tag.html", context, status=422)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def runs_purge(request: HttpRequest) -> HttpResponse:
    """Look at what would be lost before the files of the selected runs go."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = request.POST if request.method == "POST" else request.GET
    chosen = _selected(actor, asked)
    for run in chosen:
        policies.require_run_purge(actor, run)
    sizes = selectors.run_file_sizes(run.pk for run in chosen)
    rows = [(run, *sizes.get(run.pk, (0, 0)), _kept_why(run)) for run in chosen]
    going = [run for run, *_, why in rows if not why]
    back = _back(request, asked, chosen)
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "rows": rows,
        "going": going,
        "words": _count(going),
        "bytes": sum(size for _, _, size, why in rows if not why),
        "outcomes": run_outcomes(actor, chosen),
        "back": back,
        "reason": request.POST.get("reason", ""),
    }
    status = 200
    if request.method == "POST":
        reason, confirm = request.POST.get("reason", ""), request.POST.get("confirmation", "")
        try:
            services.runs_purge(actor=actor, run_ids=[run.pk for run in going], reason=reason, confirm=confirm)
        except (Invalid, Conflict) as refusal:
            status = refusal.status if isinstance(refusal, Conflict) else 422
            context["refused"] = [refusal.detail, *(str(item) for item in refusal.items)]
        else:
            messages.success(request, f"The files of {_count(going)} were removed; the records stay.")
            return redirect(back)
    return render(request, "experiments/runs_purge.html", context, status=status)


def _kept_why(run: Run) -> str:
    """Why a run's files are not removed together with others; empty when they may be."""
    if run.purged_at is not None:
        return "removed already"
    if run.status in (Run.Status.RUNNING, Run.Status.SCHEDULED):
        return "goes on"
    if run.sealed_at is not None or run.cited_at is not None:
        return "sealed: a version or an evaluation rests on it"
    return ""


def _selected(actor: Actor, asked: QueryDict) -> list[Run]:
    """The chosen runs. Raises NotFound, Invalid."""
    try:
        ids = {uuid.UUID(text) for text in asked.getlist("selected")}
    except ValueError as error:
        raise Invalid.field("selected", "That is not the id of a run.") from error
    if not 1 <= len(ids) <= services.MOST_RUNS:
        raise Invalid.field("selected", f"Choose 1 to {services.MOST_RUNS} runs.")
    return selectors.runs_get(actor, ids)


def _back(request: HttpRequest, asked: QueryDict, runs: list[Run]) -> str:
    """Where the person was: an address of ours, or the experiment of the runs."""
    back = asked.get("back", "")
    if back.startswith("/") and url_has_allowed_host_and_scheme(back, {request.get_host()}):
        return back
    return f"{reverse('experiment-detail', args=[runs[0].experiment_id])}?view=all"


def _count(runs: list[Run]) -> str:
    return f"{formats.num(len(runs))} run{'' if len(runs) == 1 else 's'}"
