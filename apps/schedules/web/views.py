"""Pages of schedules: the list, one schedule with its history, and what is done to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter, table_response
from apps.core.templatetags import _marks
from apps.core.web.views import page
from apps.schedules import policies, selectors, services
from apps.schedules.cron import zone_find
from apps.schedules.models import Schedule, ScheduleRun


def trigger_words(schedule: Schedule) -> str:
    """What makes it run, in words."""
    if schedule.trigger == Schedule.Trigger.CRON:
        return f"{schedule.cron} {schedule.zone}"
    if schedule.trigger == Schedule.Trigger.GIT:
        return f"{schedule.get_trigger_display()}: {schedule.branch} of {schedule.repository}"
    what = schedule.dataset or schedule.bundle_name or schedule.problem
    return f"{schedule.get_trigger_display()}: {what}"


def act_of(schedule: Schedule) -> tuple[str, str]:
    """What it runs, in words, and its page."""
    if schedule.template is not None:
        return f"template {schedule.template}", reverse("template-detail", args=[schedule.template_id])
    if schedule.launch is not None:
        return f"training as {schedule.launch.run}", reverse("run-detail", args=[schedule.launch.run_id])
    if schedule.model is not None:
        return f"evaluation of {schedule.model}", reverse("model-detail", args=[schedule.model_id])
    return f"sweep {schedule.sweep}", reverse("sweep-detail", args=[schedule.sweep_id])


def _last(schedule: Any) -> Any:
    """What came of the newest run."""
    state = schedule.last_job or schedule.last_sweep or schedule.last_state
    return _marks.state(state) if state else ""


SCHEDULES = Table(
    key="schedules",
    columns=[
        Column("name", "Schedule", sort="name", link=True, wrap=True),
        Column("state", "State", sort="state", format="state"),
        Column("act", "Runs", value=lambda row: act_of(row)[0], wrap=True),
        Column("trigger", "When", sort="trigger", value=trigger_words, wrap=True),
        Column("next", "Next", sort="next_at", value="next_at", format="ago", nullable=True),
        Column("last", "Last result", render=_last, csv=lambda row: row.last_job or row.last_state or ""),
        Column("last_at", "Last run", sort="last_at", value="last_at", format="ago", nullable=True),
        Column("owner", "In the name of", sort="owner__username", value="owner"),
    ],
    filters=[
        TextFilter("q", "Find a schedule", ["name"]),
        ChoiceFilter("state", "State", Schedule.State.choices),
    ],
    default_sort="name",
    row_url=lambda row: reverse("schedule-detail", args=[row.pk]),
    label="Schedules",
    noun="schedule",
)


def _cause(run: ScheduleRun) -> Any:
    return format_html('<a href="{}">{}</a>', run.cause_url, run.cause) if run.cause_url else run.cause


def _what(run: ScheduleRun) -> Any:
    if run.sweep is not None:
        return format_html('<a href="{}">{}</a>', reverse("sweep-detail", args=[run.sweep_id]), run.sweep.name)
    if run.job is not None:
        return format_html('<a href="{}">job {}</a>', reverse("job-detail", args=[run.job_id]), run.job.number)
    return ""


def _result(run: ScheduleRun) -> Any:
    if run.job is not None:
        return _marks.state(run.job.state)
    return _marks.state(run.sweep.state) if run.sweep is not None else ""


RUNS = Table(
    key="history",
    columns=[
        Column("due", "When", sort="due_at", value="due_at", format="ago"),
        Column("cause", "Begun by", render=_cause, csv=lambda run: run.cause, wrap=True),
        Column("state", "What happened", sort="state", format="state"),
        Column("made", "Launched", render=_what, csv=lambda run: str(run.job_id or run.sweep_id or "")),
        Column("result", "Result", render=_result, csv=lambda run: run.job.state if run.job else ""),
        Column("note", "Why", value="note", wrap=True),
    ],
    filters=[ChoiceFilter("state", "What happened", ScheduleRun.State.choices)],
    default_sort="-due",
    label="History",
    noun="run",
    empty_title="It has not run yet",
    empty_text="Each time that it is due, and each change that it sees, stands here with what came of it.",
)


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def schedule_list(request: HttpRequest) -> HttpResponseBase:
    """The schedules of the team."""
    actor, team = _actor(request), accounts.team_current(request)
    rows = selectors.schedule_list(actor, team.pk if team else None)
    may = team is not None and policies.schedule_edit(actor, team.pk)
    context = {"nav_key": "schedules", "may_edit": may}
    return table_response(request, SCHEDULES.bind(request, rows), "schedules/schedule_list.html", context)


@page
@require_safe
def schedule_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """What a schedule runs, when next, and what came of it."""
    actor = _actor(request)
    schedule = selectors.schedule_get(actor, pk)
    act, act_url = act_of(schedule)
    times = []
    if schedule.trigger == Schedule.Trigger.CRON and schedule.state == Schedule.State.ACTIVE:
        times = selectors.next_times(schedule.cron, schedule.zone, timezone.now())
    context = {
        "nav_key": "schedules",
        "schedule": schedule,
        "act": act,
        "act_url": act_url,
        "trigger": trigger_words(schedule),
        "times": times,
        "may_edit": policies.schedule_edit(actor, schedule.team_id),
        "mine": schedule.owner_id == actor.id,
        "verdict": _verdict(schedule),
    }
    table = RUNS.bind(request, selectors.run_list(schedule))
    return table_response(request, table, "schedules/schedule_detail.html", context)


def _verdict(schedule: Schedule) -> dict[str, str]:
    """Whether it runs, when next, and why not."""
    if schedule.state == Schedule.State.STOPPED:
        return {"tone": "bad", "title": "It is stopped.", "text": schedule.cause}
    if schedule.state == Schedule.State.PAUSED:
        return {"tone": "warn", "title": "It is paused.", "text": "Nothing begins until it is resumed."}
    if schedule.next_at is not None:
        local = schedule.next_at.astimezone(zone_find(schedule.zone))
        return {"tone": "good", "title": f"Next: {local:%a %d %b %Y, %H:%M} {schedule.zone}.", "text": ""}
    if schedule.look_problem:
        return {"tone": "warn", "title": "The last look told nothing.", "text": schedule.look_problem}
    if schedule.trigger == Schedule.Trigger.GIT:
        if not schedule.head or schedule.looked_at is None:
            return {"tone": "good", "title": "It waits for a change.", "text": "It has not been looked at yet."}
        told = f"{schedule.branch} is at {schedule.head[:12]}, looked at {formats.ago(schedule.looked_at)}."
        return {"tone": "good", "title": "It waits for a new commit.", "text": told}
    return {"tone": "good", "title": "It waits for a change.", "text": "Each change is run once."}


def _do(request: HttpRequest, pk: uuid.UUID, service: Callable[..., Any], said: str) -> HttpResponse:
    try:
        service(actor=_actor(request), schedule_id=pk)
        messages.success(request, said)
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    return redirect("schedule-detail", pk=pk)


@page
@require_POST
def schedule_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let nothing begin until it is resumed."""
    return _do(request, pk, services.schedule_pause, "The schedule is paused.")


@page
@require_POST
def schedule_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let it go on."""
    return _do(request, pk, services.schedule_resume, "The schedule goes on.")


@page
@require_POST
def schedule_take(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Run it in one's own name."""
    return _do(request, pk, services.schedule_take, "The schedule runs in your name now.")


@page
@require_POST
def schedule_start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Run it once now."""
    return _do(request, pk, services.schedule_now, "It runs within a few seconds.")


@page
@require_POST
def schedule_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Put it away."""
    services.schedule_remove(actor=_actor(request), schedule_id=pk)
    messages.success(request, "The schedule is removed. What it launched stays.")
    return redirect("schedule-list")
