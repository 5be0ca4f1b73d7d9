"""What a schedule does by itself. A beat task comes here; every step may be repeated and done by several at once.

What is due, or has changed, becomes a row whose key is the time or the change: one change, one run. The row is written
before anything is launched, and what is launched is written into it in the transaction that makes it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.code import selectors as code
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, Forbidden
from apps.datasets import selectors as datasets
from apps.evaluations.services import evaluation_launch
from apps.jobs.contracts import OPEN_STATES
from apps.notices.services import notice_send
from apps.registry import selectors as registry
from apps.schedules import policies
from apps.schedules.changes import changes_of
from apps.schedules.contracts import SCHEDULE_TAG
from apps.schedules.cron import cron_next, cron_parse, cron_times
from apps.schedules.models import Schedule, ScheduleRun
from apps.schedules.services.looking import looks_send
from apps.sweeps import selectors as sweeps
from apps.sweeps import services as sweep_services
from apps.training import selectors as training
from apps.training import services as training_services

GRACE = timedelta(minutes=5)
"""A time that is found so much later counts as kept."""
MOST_MISSED = 1_000


@dataclass(frozen=True, slots=True)
class _Made:
    """What was launched."""

    job_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    sweep_id: uuid.UUID | None = None


def schedules_tick(*, now: datetime | None = None) -> None:
    """Note what is due and what has changed, and launch what waits. May run at any time, by several at once."""
    now = now or timezone.now()
    active = Schedule.objects.filter(state=Schedule.State.ACTIVE, archived_at__isnull=True)
    for pk in list(active.filter(next_at__lte=now).order_by("next_at", "id").values_list("pk", flat=True)):
        _due(pk, now)
    looks_send(now)
    for pk in list(active.exclude(trigger=Schedule.Trigger.CRON).order_by("id").values_list("pk", flat=True)):
        _changed(pk, now)
    waiting = ScheduleRun.objects.filter(state=ScheduleRun.State.WAITING)
    for pk in list(waiting.order_by("id").values_list("pk", flat=True)):
        _launch(pk)


def _locked(schedule_id: uuid.UUID) -> Schedule | None:
    """The schedule, locked; None where another is at it or it does not run by itself now."""
    rows = Schedule.objects.select_for_update(of=("self",), skip_locked=True).select_related("dataset", "problem")
    found: Schedule | None = rows.filter(pk=schedule_id, state=Schedule.State.ACTIVE, archived_at__isnull=True).first()
    return found


def _due(schedule_id: uuid.UUID, now: datetime) -> None:
    with transaction.atomic():
        schedule = _locked(schedule_id)
        if schedule is None or schedule.next_at is None or schedule.next_at > now:
            return
        cron, zone = cron_parse(schedule.cron), ZoneInfo(schedule.zone)
        times = [schedule.next_at]
        for moment in cron_times(cron, zone, schedule.next_at):
            if moment > now or len(times) > MOST_MISSED:
                break
            times.append(moment)
        newest = times[-1]
        kept = now - newest <= GRACE and len(times) <= MOST_MISSED
        missed = times[:-1] if kept else times
        rule = schedule.missed
        if missed:
            many = f"more than {MOST_MISSED}" if len(times) > MOST_MISSED else str(len(missed))
            told = f"Missed with {many} in all: nothing ran then." if len(missed) > 1 else "Missed: nothing ran then."
            if rule == Schedule.Missed.ONCE and not kept:
                _note(schedule, newest, zone, f", run late for {many} missed" if len(missed) > 1 else ", run late")
            else:
                _note(schedule, missed[-1], zone, "", skipped=told)
        if kept:
            _note(schedule, newest, zone, "")
        schedule.next_at = cron_next(cron, zone, now)
        if schedule.next_at is None:
            schedule.state, schedule.cause = Schedule.State.STOPPED, "It is never due again."
        schedule.save(update_fields=["next_at", "state", "cause"])


def _unfetched(schedule: Schedule, now: datetime) -> None:
    """A commit that could not be fetched, or has the files of another, stands in the history with why."""
    if schedule.trigger != Schedule.Trigger.GIT or not schedule.commits:
        return
    rows = code.bundle_list(Actor.system("the schedule"), team_id=schedule.team_id)
    for bundle in rows.filter(repository=schedule.repository, commit__in=schedule.commits, state="FAILED"):
        ScheduleRun.objects.get_or_create(
            schedule=schedule,
            key=f"fetch:{bundle.pk}",
            defaults={
                "cause": f"commit {bundle.commit[:12]} of {schedule.branch}",
                "cause_url": reverse("code-detail", args=[bundle.pk]),
                "due_at": now,
                "state": ScheduleRun.State.SKIPPED,
                "note": (bundle.cause or "It could not be fetched.")[:1000],
            },
        )


def _note(schedule: Schedule, moment: datetime, zone: ZoneInfo, more: str, *, skipped: str = "") -> None:
    local = moment.astimezone(zone)
    state = ScheduleRun.State.SKIPPED if skipped else ScheduleRun.State.WAITING
    ScheduleRun.objects.get_or_create(
        schedule=schedule,
        key=f"due:{moment:%Y-%m-%dT%H:%M}Z",
        defaults={
            "cause": f"due {local:%d %b %Y %H:%M} {schedule.zone}{more}",
            "due_at": moment,
            "state": state,
            "note": skipped,
        },
    )


def _changed(schedule_id: uuid.UUID, now: datetime) -> None:
    with transaction.atomic():
        schedule = _locked(schedule_id)
        if schedule is None:
            return
        seen = set(schedule.seen)
        _unfetched(schedule, now)
        for change in changes_of(Actor.system("the schedule"), schedule):
            if str(change.id) in seen:
                continue
            ScheduleRun.objects.get_or_create(
                schedule=schedule,
                key=f"change:{change.id}",
                defaults={
                    "cause": change.words[:300],
                    "cause_url": change.url,
                    "due_at": now,
                    "change_id": change.id,
                },
            )


def _launch(run_id: uuid.UUID) -> None:
    """Launch what waits, in its owner's name with the rights held now; once."""
    with transaction.atomic():
        found = ScheduleRun.objects.filter(pk=run_id).values_list("schedule_id", flat=True).first()
        # The schedule's lock keeps two workers from seeing both that nothing of it runs.
        rows = Schedule.objects.select_for_update(of=("self",), skip_locked=True)
        schedule = rows.filter(pk=found).first() if found else None
        run: ScheduleRun | None = (
            ScheduleRun.objects.select_for_update(of=("self",))
            .filter(pk=run_id, state=ScheduleRun.State.WAITING)
            .first()
            if schedule is not None
            else None
        )
        if schedule is None or run is None:
            return
        asked = run.key.startswith("now:")
        if schedule.state == Schedule.State.STOPPED or schedule.archived_at is not None:
            _end(run, ScheduleRun.State.SKIPPED, schedule.cause or "The schedule was removed.")
            return
        if schedule.state == Schedule.State.PAUSED and not asked:
            _end(run, ScheduleRun.State.SKIPPED, "The schedule was paused.")
            return
        before = _open(schedule)
        if before is not None:
            if schedule.overlap == Schedule.Overlap.SKIP:
                _end(run, ScheduleRun.State.SKIPPED, f"The one before, {before.cause}, still ran."[:1000])
            return
        _begin(schedule, run)


def _open(schedule: Schedule) -> ScheduleRun | None:
    """One of the schedule that still runs."""
    rows = ScheduleRun.objects.filter(schedule=schedule, state=ScheduleRun.State.LAUNCHED)
    found: ScheduleRun | None = rows.filter(Q(job__state__in=OPEN_STATES) | Q(sweep__state="RUNNING")).first()
    return found


def _begin(schedule: Schedule, run: ScheduleRun) -> None:
    person = accounts.person_with_roles(schedule.owner_id)
    actor = accounts.actor_of_user(person, just_read=True) if person is not None else Actor.anonymous()
    if not policies.schedule_edit(actor, schedule.team_id):
        _stop(schedule, run, f"{schedule.owner}, in whose name it runs, may not run jobs in the team any more.")
        return
    try:
        with transaction.atomic():
            made = _act(actor, schedule, run)
    except Forbidden as refusal:
        _stop(schedule, run, f"{schedule.owner}, in whose name it runs, may not do this any more. {refusal.detail}")
        return
    except FairwayError as refusal:
        fields = " ".join(f"{name}: {' '.join(texts)}" for name, texts in refusal.fields.items())
        _end(run, ScheduleRun.State.FAILED, f"{refusal.detail} {fields}".strip()[:1000])
        _tell(schedule, [schedule.owner], "failed", f"{run.cause}: {run.note}", run.pk)
        return
    run.state = ScheduleRun.State.LAUNCHED
    run.job_id, run.run_id, run.sweep_id = made.job_id, made.run_id, made.sweep_id
    run.save(update_fields=["state", "job_id", "run_id", "sweep_id"])
    audit_record(
        actor=actor,
        action="schedule.run",
        thing=schedule,
        reason=run.cause,
        after={"job": str(made.job_id or ""), "sweep": str(made.sweep_id or "")},
    )


def _act(actor: Actor, schedule: Schedule, run: ScheduleRun) -> _Made:
    key = f"schedule:{run.pk}"
    name = f"{schedule.name}, {run.cause}"[:200]
    if schedule.act == Schedule.Act.TEMPLATE and schedule.template_id is not None:
        return _template(actor, schedule, run, key, name)
    if schedule.act == Schedule.Act.TRAINING and schedule.launch_id is not None:
        old = training.launch_get(actor, schedule.launch_id)
        version = _newest(actor, schedule, run, old.dataset_version.dataset)
        launch = training_services.training_launch(
            actor=actor,
            dataset_version_id=version,
            problem_id=old.problem_version.problem_id,
            recipe=old.recipe,
            params=old.params,
            seed=old.seed,
            name=name,
            target_id=old.job.target_id,
            tags={SCHEDULE_TAG: str(schedule.pk)},
        )
        return _Made(launch.job_id, launch.run_id)
    if schedule.act == Schedule.Act.EVALUATION and schedule.model_id is not None:
        newest = registry.version_newest(registry.model_get(actor, schedule.model_id))
        data = run.change_id if schedule.trigger == Schedule.Trigger.DATA else None
        evaluation = evaluation_launch(actor=actor, model_version_id=newest.pk, dataset_version_id=data)
        return _Made(evaluation.job_id)
    if schedule.sweep_id is None:
        raise Conflict("What it ran is gone.", code="schedule_empty")
    old_sweep = sweeps.sweep_get(actor, schedule.sweep_id)
    asked = sweep_services.sweep_clone_of(old_sweep)
    if old_sweep.dataset_version is not None:
        asked["dataset_version_id"] = _newest(actor, schedule, run, old_sweep.dataset_version.dataset)
    begun = f"schedule {schedule.name}, {run.cause}"
    sweep = sweep_services.sweep_create(
        actor=actor,
        **asked,
        name=name[:120],
        cloned_from_id=old_sweep.pk,
        begun_by=begun[:300],
        begun_url=reverse("schedule-detail", args=[schedule.pk]),
        idempotency_key=key,
    )
    return _Made(sweep_id=sweep.pk)


def _newest(actor: Actor, schedule: Schedule, run: ScheduleRun, dataset: Any) -> uuid.UUID:
    """The version that changed, else the newest sealed one of the data that was used before. Raises Conflict."""
    if schedule.trigger == Schedule.Trigger.DATA and run.change_id is not None:
        return run.change_id
    rows = datasets.dataset_version_list(actor, dataset).filter(state="SEALED", purged_at__isnull=True)
    found: uuid.UUID | None = rows.values_list("pk", flat=True).first()
    if found is None:
        raise Conflict(f"{dataset} has no sealed version.", code="no_data")
    return found


def _template(actor: Actor, schedule: Schedule, run: ScheduleRun, key: str, name: str) -> _Made:
    """The template; after a change of its data or code, on the version that changed."""
    assert schedule.template_id is not None  # noqa: S101 - asked by the caller
    template = training.template_get(actor, schedule.template_id)
    params: dict[str, Any] = {}
    if schedule.trigger == Schedule.Trigger.DATA and run.change_id is not None:
        params = training_services.template_inputs(actor, template, run.change_id)
    of_code = schedule.trigger in (Schedule.Trigger.CODE, Schedule.Trigger.GIT)
    bundle = run.change_id if of_code else None
    launch = training_services.template_launch(
        actor=actor,
        template_id=template.pk,
        params=params,
        name=name,
        idempotency_key=key,
        bundle_id=bundle,
        tags={SCHEDULE_TAG: str(schedule.pk)},
    )
    return _Made(launch.job_id, launch.run_id)


def _end(run: ScheduleRun, state: str, note: str) -> None:
    run.state, run.note = state, note[:1000]
    run.save(update_fields=["state", "note"])


def _stop(schedule: Schedule, run: ScheduleRun, cause: str) -> None:
    """It goes on no more until somebody takes it over; those who can are told."""
    _end(run, ScheduleRun.State.FAILED, cause)
    schedule.state, schedule.cause = Schedule.State.STOPPED, cause[:500]
    schedule.row_version += 1
    schedule.save(update_fields=["state", "cause", "row_version"])
    audit_record(actor=Actor.system("the schedule"), action="schedule.stop", thing=schedule, reason=cause[:500])
    holders = accounts.holders_of(Actor.system("the schedule"), "job.run", schedule.team_id)
    told = f"{cause} Whoever may run jobs in the team can take it over."
    _tell(schedule, [schedule.owner, *(one.user for one in holders)], "stopped", told, run.pk)


def _tell(schedule: Schedule, users: list[Any], what: str, text: str, key: uuid.UUID) -> None:
    notice_send(
        users=users,
        team_id=schedule.team_id,
        kind=f"schedule.{what}",
        title=f"Schedule “{schedule.name}” {'is stopped' if what == 'stopped' else 'could not run'}",
        text=text[:2000],
        url=reverse("schedule-detail", args=[schedule.pk]),
        dedupe=f"schedule.{what}:{key}",
    )
