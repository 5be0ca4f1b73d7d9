"""One run: what came of it, what it measured, what it needs to be made again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.web.views import page
from apps.experiments import policies, selectors, services
from apps.experiments.contracts import RunAction, RunOutcome, run_actions, run_outcomes, run_panels
from apps.experiments.models import Artifact, LoggedModel, Run
from apps.experiments.web.charts import run_charts
from apps.experiments.web.forms import NotesForm
from apps.experiments.web.ledger import lesson_on
from apps.experiments.web.snippets import run_snippet
from apps.experiments.web.views.words import words_page
from apps.experiments.web.words import MetricWords, metrics_in_order, number_of, param_shown
from apps.jobs import selectors as jobs

PACKAGES_SHOWN = 200
FILES_SHOWN = 12


@page
@require_safe
def run_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict first, then numbers and curves, then files and facts."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = selectors.run_get(actor, pk)
    outcome = run_outcomes(actor, [run]).get(run.pk)
    job = jobs.job_list(actor).filter(pk=run.job_id).first() if run.job_id else None
    files, models = selectors.run_files(run)
    may_write, actions = policies.run_write(actor, run), run_actions(actor, run)
    lesson = selectors.lesson_of(run)
    measures = metrics_in_order(set(run.metrics_latest))
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "run": run,
        "experiment": run.experiment,
        "job": job,
        "outcome": outcome,
        "verdict": _verdict(run, outcome, job, actions if files or models else []),
        "took": ((run.ended_at or timezone.now()) - run.started_at).total_seconds() if run.started_at else None,
        "params": [(key, param_shown(value)) for key, value in sorted(run.params.items())],
        "metrics": _metrics(run, [words for words in measures if not words.system]),
        "system": _metrics(run, [words for words in measures if words.system]),
        "tags": sorted((key, value) for key, value in run.tags.items()),
        "inputs": list(selectors.run_inputs(run)),
        "files": _files(run, files),
        "models": [(model, *_files(run, held, model)) for model, held in models],
        "packages": sorted((run.environment.get("packages") or {}).items())[:PACKAGES_SHOWN],
        "lesson": lesson,
        "lesson_on": lesson_on(lesson) if lesson else "",
        "may_write": may_write,
        "snippet": run_snippet(request.build_absolute_uri("/").rstrip("/"), run, [file.path for file in files]),
        "menu": _menu(actions, run, may_write),
        "panels": run_panels(actor, run),
        **curves_context(run),
    }
    return render(request, "experiments/run_detail.html", context)


def curves_context(run: Run) -> dict[str, Any]:
    """Charts of the measures with steps, and where a live page goes on."""
    live = run.status in (Run.Status.RUNNING, Run.Status.SCHEDULED)
    curves, after = selectors.metric_curves_live(run) if live else (selectors.metric_curves([run]), 0)
    charts, system = run_charts(curves, run)
    return {"run": run, "charts": charts, "system_charts": system, "after": after, "live": live}


def _files(
    run: Run, files: Sequence[Artifact], model: LoggedModel | None = None
) -> tuple[list[tuple[Artifact, str]], int]:
    """The first files with the address of their preview, and how many more there are."""
    page_url, asked = reverse("run-artifacts", args=[run.pk]), {"model": model.pk} if model else {}
    shown = [(file, f"{page_url}?{urlencode({**asked, 'file': file.path})}") for file in files[:FILES_SHOWN]]
    return shown, len(files) - len(shown)


def _verdict(run: Run, outcome: RunOutcome | None, job: Any, actions: Sequence[RunAction]) -> dict[str, str]:
    """One sentence on how the run stands, and where to go."""
    job_url = reverse("job-detail", args=[job.pk]) if job is not None else ""
    job_label = f"Open job {job.number}" if job is not None else ""
    if run.status in (Run.Status.RUNNING, Run.Status.SCHEDULED):
        text = job.progress_text if job is not None else "A client writes it."
        return {"tone": "info", "title": "It runs.", "text": text, "url": job_url, "label": job_label}
    if run.status == Run.Status.FAILED:
        cause = job.cause if job is not None else "The client that wrote it said so."
        return {"tone": "bad", "title": "It failed.", "text": cause, "url": job_url, "label": job_label}
    if run.status == Run.Status.KILLED:
        cause = job.cause if job is not None else "The client that wrote it was stopped."
        return {"tone": "warn", "title": "It was stopped.", "text": cause, "url": job_url, "label": job_label}
    if outcome is not None:
        live = " It answers now." if outcome.live else ""
        text = f"It became {outcome.label}.{live}"
        return {"tone": "good", "title": "It finished.", "text": text, "url": outcome.url, "label": "Open the version"}
    text = "No model version came of it." if run.source == "recipe" else "Nobody has registered a version of it."
    step = next((action for action in actions if action.follows), None)
    url, label = (step.url, step.label) if step else (job_url, job_label)
    return {"tone": "info", "title": "It finished.", "text": text, "url": url, "label": label}


def _metrics(run: Run, measures: Sequence[MetricWords]) -> list[dict[str, Any]]:
    rows = []
    for words in measures:
        value, step, _ = run.metrics_latest[words.key]
        shown = words.show(value) if number_of(value) is not None else str(value)
        rows.append({"words": words, "value": shown, "step": step})
    return rows


def _menu(actions: Sequence[RunAction], run: Run, may_write: bool) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"label": action.label, "icon": action.icon, "url": action.url} for action in actions
    ]
    items.append({"label": "Use in Python", "icon": "code", "open": "snippet"})
    items.append({"label": "As JSON", "icon": "braces", "url": reverse("api-run-detail", args=[run.pk])})
    if may_write:
        url = reverse("run-archive", args=[run.pk])
        items.append({"label": "Edit notes", "icon": "edit", "url": reverse("run-notes", args=[run.pk])})
        items.append({"label": "Restore" if run.deleted_at else "Archive", "icon": "archive", "post": url})
    return items


@page
@require_safe
def run_curves(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The charts alone, asked again by a live page when something new is measured and when the run ends."""
    run = selectors.run_get(request.actor, pk)  # type: ignore[attr-defined]
    return render(request, "experiments/_curves.html", curves_context(run))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def run_notes(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Notes on a run."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = selectors.run_get(actor, pk)

    def save(fields: dict[str, Any], row_version: int | None) -> None:
        services.run_notes_save(actor=actor, run_id=pk, notes=fields["notes"], row_version=row_version)

    context = {"run": run, "nav_key": "experiments", "back": reverse("run-detail", args=[pk])}
    shown = words_page(
        request, "experiments/run_notes.html", context, NotesForm, lambda: selectors.run_get(actor, pk), save
    )
    if shown is not None:
        return shown
    messages.success(request, "Saved.")
    return redirect("run-detail", pk=pk)


@page
@require_POST
def run_tag(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set or remove one tag."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    selectors.run_get(actor, pk)
    key = request.POST.get("key", "").strip()
    try:
        if request.POST.get("remove"):
            services.tag_delete(actor=actor, run_id=pk, key=key)
        else:
            services.tags_set(actor=actor, run_id=pk, tags={key: request.POST.get("value", "").strip()})
    except FairwayError as refusal:
        if refusal.status != 400:
            raise
        messages.error(request, refusal.detail)
    return redirect(reverse("run-detail", args=[pk]) + "#tags")


@page
@require_POST
def run_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a run out of the lists, or put it back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    archived = selectors.run_get(actor, pk).deleted_at is None
    services.run_archive(actor=actor, run_id=pk, archived=archived)
    messages.success(request, "Archived. Nothing was deleted." if archived else "Back in the lists.")
    return redirect("run-detail", pk=pk)
