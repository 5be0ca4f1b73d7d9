"""Pages of jobs."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.compute.policies import targets_manage
from apps.core import formats
from apps.core.actors import Actor
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.jobs import policies, selectors, services
from apps.jobs.api.views import log_download
from apps.jobs.contracts import FINAL_STATES, job_kind_find, job_panel_list
from apps.jobs.models import Job, JobAttempt
from apps.jobs.web.forecast import forecast_context, seconds_between, took_of, waited_of
from apps.jobs.web.log import log_context
from apps.jobs.web.panels import panels_render, usage_context
from apps.jobs.web.tables import JOBS, TOOK, jobs_tabs, kind_title, problems_attach
from apps.problems import selectors as problems


@page
@require_GET
def job_list(request: HttpRequest) -> HttpResponseBase:
    """All jobs that the actor may see."""
    rows = selectors.job_list(request.actor).select_related("target").annotate(took=TOOK)  # type: ignore[attr-defined]
    table = JOBS.bind(request, rows, prepare=problems_attach(request))
    return table_response(request, table, "jobs/job_list.html", {"nav_key": "jobs", "tabs": jobs_tabs("list")})


@page
@require_GET
def job_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One job: verdict, progress, panels of other rooms, log, facts."""
    actor = request.actor  # type: ignore[attr-defined]
    job = selectors.job_get(actor, pk)
    kind = job_kind_find(job.kind)
    context: dict[str, Any] = {
        "nav_key": "jobs",
        "kind_title": kind_title(job),
        "cancel_title": f"Cancel job {job.number}?",
        "problem": problems.problem_list(actor).filter(pk=job.problem_id).first() if job.problem_id else None,
        "subject_url": kind.subject_url(job) if kind and kind.subject_url else "",
        "inputs": kind.facts(actor, job) if kind and kind.facts else (),
        "after": job.seq,
        "retry_of": selectors.job_list(actor).filter(pk=job.retry_of_id).first() if job.retry_of_id else None,
        "menu": _menu(job),
        "panels": panels_render(request, job, job_panel_list(job.kind)),
        **log_context(job, request.GET),
        **_state_context(actor, job),
    }
    return render(request, "jobs/job_detail.html", context)


def _state_context(actor: Actor, job: Job) -> dict[str, Any]:
    """What the parts that change by themselves need."""
    attempts = selectors.attempt_list(job)
    kind = job_kind_find(job.kind)
    standing = selectors.standing_of(job)
    waiting_text = _waiting_text(job, standing)
    can_retry = policies.can_retry(actor, job)
    return {
        "job": job,
        "job_key": str(job.pk),
        "standing": standing,
        "attempts": [
            (one, seconds_between(one.started_at, one.ended_at) if one.started_at else None) for one in attempts
        ],
        "attempt": attempts[-1] if attempts else None,
        "lost": [one for one in attempts if one.state == JobAttempt.State.LOST],
        "gave_way": [one for one in attempts if one.preempt_at and one.cause == one.preempt_text],
        "ended": job.state in FINAL_STATES,
        "waited": waited_of(job),
        "took": took_of(job),
        "advice": _advice(job),
        "last_lines": services.last_lines(job) if job.state == Job.State.FAILED else [],
        "limits": services.limits_of(job),
        "target": job.target,
        "target_url": reverse("compute-detail", args=[job.target_id])
        if job.target_id and targets_manage(actor)
        else "",
        "target_gaps": services.target_gaps(job),
        "can_cancel": policies.can_cancel(actor, job),
        "can_try_first": policies.can_try_first(actor, job),
        "can_retry": can_retry,
        "can_resume": can_retry and services.resumable(job) is not None,
        "retry_note": kind.retry_note if kind else "",
        "waiting_text": waiting_text,
        "forecast": forecast_context(job, attempts[-1] if attempts else None),
        **_progress(job, waiting_text),
        **usage_context(job, attempts),
    }


def _progress(job: Job, waiting_text: str) -> dict[str, Any]:
    """The progress card: its title, its line of text, the bar (None: moving without a known share)."""
    if job.state in FINAL_STATES:
        share = job.progress if job.progress is not None else 0.0
        return {"progress_title": f"Job {job.get_state_display()}", "shown_progress": share, "progress_text": ""}
    share_text = _share_text(job)
    waiting = waiting_text if not job.line_count else ""
    return {
        "progress_title": job.progress_text or waiting or "Running",
        "shown_progress": job.progress if job.state not in (Job.State.PENDING, Job.State.QUEUED) else 0.0,
        "progress_text": share_text if job.state == Job.State.RUNNING else waiting,
    }


def _share_text(job: Job) -> str:
    """Steps, share and time left, as far as the attempt told them; `job-progress.js` words it the same way."""
    parts = []
    if job.progress_step is not None:
        parts.append(
            f"{formats.num(job.progress_step)} of {formats.num(job.progress_total)} steps"
            if job.progress_total
            else f"{formats.num(job.progress_step)} steps"
        )
    if job.progress is not None:
        parts.append(f"{formats.percent(job.progress, 0)} done")
    if job.progress_ends_at is not None:
        left = (job.progress_ends_at - timezone.now()).total_seconds()
        parts.append(f"about {formats.duration(left)} left" if left >= 0.5 else "about to end")
    return ", ".join(parts) or "Working"


def _waiting_text(job: Job, standing: selectors.Standing | None) -> str:
    """What the page waits for while nothing can be seen yet."""
    if standing is not None:
        return standing.why
    if job.state in (Job.State.STARTING, Job.State.RUNNING):
        return "Started; waits for the first line."
    return ""


def _menu(job: Job) -> list[dict[str, str]]:
    return [
        {"label": "Download the log", "icon": "download", "url": reverse("job-log", args=[job.pk])},
        {"label": "All jobs", "icon": "list-details", "url": reverse("job-list")},
    ]


def _advice(job: Job) -> str:
    """What to do about an end that was not wanted."""
    if job.state == Job.State.TIMED_OUT:
        return "Launch again with less data, fewer rounds or a longer limit. Nothing of this attempt was registered."
    if job.state == Job.State.CANCELLED:
        return "Nothing of it was registered. Retry starts it again from the beginning."
    if job.state != Job.State.FAILED:
        return ""
    if job.cause.startswith("Memory:"):
        return "Launch again with less data or a smaller model. Nothing of this attempt was registered."
    return "The last lines of the log tell more. Correct the cause, then retry. Nothing of this attempt was registered."


@page
@require_GET
def job_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The parts of the page that change by themselves, asked again while the job is open."""
    actor = request.actor  # type: ignore[attr-defined]
    return render(request, "jobs/_now.html", _state_context(actor, selectors.job_get(actor, pk)))


@page
@require_GET
def job_log(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The whole log as a file."""
    return log_download(selectors.job_get(request.actor, pk))  # type: ignore[attr-defined]


@page
@require_POST
def job_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the end of a job."""
    job = services.job_cancel(
        actor=request.actor,  # type: ignore[attr-defined]
        job_id=pk,
        reason=request.POST.get("reason", ""),
    )
    if job.state == Job.State.CANCELLED:
        messages.success(request, f"Job {job.number} is cancelled.")
    else:
        messages.info(request, f"Job {job.number} is being stopped. Its processes end within a few seconds.")
    return redirect("job-detail", pk=pk)


@page
@require_POST
def job_prioritise(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Try a waiting job before the others, or give it another priority."""
    job = services.job_prioritise(
        actor=request.actor,  # type: ignore[attr-defined]
        job_id=pk,
        priority=request.POST.get("priority", "high"),
    )
    messages.success(request, f"Job {job.number} has the priority {job.get_priority_display()}.")
    return redirect("job-detail", pk=pk)


@page
@require_POST
def job_retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Queue a new job like an ended one, and go there."""
    job = services.job_retry(actor=request.actor, job_id=pk)  # type: ignore[attr-defined]
    messages.success(request, f"Job {job.number} is queued.")
    return redirect("job-detail", pk=job.pk)


@page
@require_POST
def job_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Queue a new job that goes on from the checkpoint of an ended one, and go there."""
    job = services.job_retry(actor=request.actor, job_id=pk, resume=True)  # type: ignore[attr-defined]
    messages.success(request, f"Job {job.number} is queued. It goes on from the checkpoint.")
    return redirect("job-detail", pk=job.pk)
