"""Schedules as people keep them: make, pause, resume, take over, remove, and run once now."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.code import services as code
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.ids import id_new
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.schedules import policies
from apps.schedules.changes import changes_of
from apps.schedules.cron import CronError, cron_next, cron_parse, zone_find
from apps.schedules.models import Schedule, ScheduleRun
from apps.sweeps import selectors as sweeps
from apps.training import policies as training_policies
from apps.training import selectors as training

TICK_TASK = "apps.schedules.tasks.schedules_tick"
REFUSED = (
    "A schedule takes the right to run jobs in the team: a data scientist or an operator has it. An administrator can "
    "grant it."
)


def schedule_create(
    *,
    actor: Actor,
    name: str,
    trigger: str,
    act: str,
    team_id: uuid.UUID | None = None,
    cron: str = "",
    zone: str = "UTC",
    dataset_id: uuid.UUID | None = None,
    bundle_name: str = "",
    repository: str = "",
    branch: str = "main",
    problem_id: uuid.UUID | None = None,
    template_id: uuid.UUID | None = None,
    launch_id: uuid.UUID | None = None,
    model_id: uuid.UUID | None = None,
    sweep_id: uuid.UUID | None = None,
    missed: str = "SKIP",
    overlap: str = "SKIP",
    now: datetime | None = None,
) -> Schedule:
    """Let a launch begin by itself: at times of a clock, or after each change of what is named.

    `act` says which of template, launch, model and sweep is run; the team is that thing's. It runs with the rights
    that whoever makes it has at that moment. Raises NotFound, Forbidden, Conflict (name), Invalid at the field.
    """
    now = now or timezone.now()
    columns = columns_of(
        actor,
        name=name,
        trigger=trigger,
        act=act,
        team_id=team_id,
        cron=cron,
        zone=zone,
        dataset_id=dataset_id,
        bundle_name=bundle_name,
        repository=repository,
        branch=branch,
        problem_id=problem_id,
        template_id=template_id,
        launch_id=launch_id,
        model_id=model_id,
        sweep_id=sweep_id,
        missed=missed,
        overlap=overlap,
        now=now,
    )
    schedule = Schedule(owner_id=actor.person_id, created_by_id=actor.id, created_by_label=actor.label, **columns)
    with transaction.atomic():
        schedule.seen = [str(one.id) for one in changes_of(actor, schedule)]
        schedule_save(schedule, force_insert=True)
        audit_record(
            actor=actor,
            action="schedule.create",
            thing=schedule,
            after={"trigger": trigger, "cron": schedule.cron, "zone": schedule.zone, "act": act, "missed": missed},
        )
    return schedule


def schedule_save(schedule: Schedule, *, force_insert: bool = False) -> None:
    """Write the row. Raises Conflict for a name that the team has."""
    try:
        with transaction.atomic():
            schedule.save(force_insert=force_insert)
    except IntegrityError as error:
        raise Conflict(
            f"The team has a schedule called “{schedule.name}”.",
            code="name_taken",
            fields={"name": ["Taken already."]},
        ) from error


def columns_of(
    actor: Actor,
    *,
    name: str,
    trigger: str,
    act: str,
    team_id: uuid.UUID | None,
    cron: str,
    zone: str,
    dataset_id: uuid.UUID | None,
    bundle_name: str,
    repository: str,
    branch: str,
    problem_id: uuid.UUID | None,
    template_id: uuid.UUID | None,
    launch_id: uuid.UUID | None,
    model_id: uuid.UUID | None,
    sweep_id: uuid.UUID | None,
    missed: str,
    overlap: str,
    now: datetime,
) -> dict[str, Any]:
    """What a schedule says, checked: the columns of its row. Raises as `schedule_create`."""
    name = name.strip()
    if not 0 < len(name) <= 120 or "\x00" in name:
        raise Invalid.field("name", "Give a name of 1 to 120 characters.")
    for field, value, known in (
        ("trigger", trigger, Schedule.Trigger.values),
        ("act", act, Schedule.Act.values),
        ("missed", missed, Schedule.Missed.values),
        ("overlap", overlap, Schedule.Overlap.values),
    ):
        if value not in known:
            raise Invalid.field(field, f"Choose one of: {', '.join(known)}.")
    thing = _act(actor, act, template_id, launch_id, model_id, sweep_id)
    owned = next(iter(thing.values())).team_id
    if team_id is not None and team_id != owned:
        raise Invalid.field("team_id", "What is to be run belongs to another team.")
    require(policies.schedule_edit(actor, owned), REFUSED)
    if act in ("TRAINING", "EVALUATION"):
        require(
            training_policies.training_launch(actor, owned),
            "Scheduling this takes a data scientist's role in the team. An administrator can grant it.",
        )
    return {
        "team_id": owned,
        "name": name,
        "trigger": trigger,
        "act": act,
        "missed": missed,
        "overlap": overlap,
        **thing,
        **_trigger(actor, owned, trigger, cron, zone, dataset_id, bundle_name, repository, branch, problem_id, now),
    }


def _act(
    actor: Actor,
    act: str,
    template_id: uuid.UUID | None,
    launch_id: uuid.UUID | None,
    model_id: uuid.UUID | None,
    sweep_id: uuid.UUID | None,
) -> dict[str, Any]:
    """What is run, looked up among what the actor sees: {field: row}."""
    if act == "TEMPLATE":
        return {"template": training.template_get(actor, _named("template_id", template_id, "a template"))}
    if act == "TRAINING":
        return {"launch": training.launch_get(actor, _named("launch_id", launch_id, "a launched training"))}
    if act == "EVALUATION":
        return {"model": registry.model_get(actor, _named("model_id", model_id, "a model"))}
    return {"sweep": sweeps.sweep_get(actor, _named("sweep_id", sweep_id, "a sweep"))}


def _named(field: str, pk: uuid.UUID | None, words: str) -> uuid.UUID:
    if pk is None:
        raise Invalid.field(field, f"Choose {words}.")
    return pk


def _trigger(
    actor: Actor,
    team_id: uuid.UUID,
    trigger: str,
    cron: str,
    zone: str,
    dataset_id: uuid.UUID | None,
    bundle_name: str,
    repository: str,
    branch: str,
    problem_id: uuid.UUID | None,
    now: datetime,
) -> dict[str, Any]:
    """What makes it run, checked: the columns of the row."""
    if trigger == "CRON":
        return {"cron": cron.strip(), "zone": zone, "next_at": next_of(cron, zone, now)}
    if trigger == "DATA":
        dataset = datasets.dataset_get(actor, _named("dataset_id", dataset_id, "a dataset"))
        _same_team("dataset_id", dataset.team_id, team_id)
        return {"dataset": dataset}
    if trigger == "CODE":
        found = bundle_name.strip()
        if not 0 < len(found) <= 120 or "\x00" in found:
            raise Invalid.field("bundle_name", "Give the name of the code.")
        return {"bundle_name": found}
    if trigger == "GIT":
        return {"repository": code.repository_check(repository), "branch": code.branch_check(branch)}
    problem = problems.problem_get(actor, _named("problem_id", problem_id, "a problem"))
    _same_team("problem_id", problem.team_id, team_id)
    return {"problem": problem}


def _same_team(field: str, one: uuid.UUID, other: uuid.UUID) -> None:
    if one != other:
        raise Invalid.field(field, "It belongs to another team than what is to be run.")


def next_of(cron: str, zone: str, after: datetime) -> datetime:
    """When it is due next. Raises Invalid at `cron` or `zone`."""
    try:
        found = zone_find(zone)
    except CronError as error:
        raise Invalid.field("zone", str(error)) from error
    try:
        moment = cron_next(cron_parse(cron), found, after)
    except CronError as error:
        raise Invalid.field("cron", str(error)) from error
    if moment is None:
        raise Invalid.field("cron", "There is no such day.")
    return moment


def schedule_locked(actor: Actor, schedule_id: uuid.UUID) -> Schedule:
    """The schedule, locked for a change. Raises NotFound, Forbidden."""
    rows = Schedule.objects.visible_to(actor).filter(archived_at__isnull=True)
    found: Schedule | None = rows.select_for_update(of=("self",)).filter(pk=schedule_id).first()
    if found is None:
        raise NotFound("There is no such schedule, or you may not see it.")
    require(policies.schedule_edit(actor, found.team_id), REFUSED)
    return found


def schedule_pause(*, actor: Actor, schedule_id: uuid.UUID) -> Schedule:
    """Let nothing begin until it is resumed. Raises NotFound, Forbidden, Conflict (stopped)."""
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        if schedule.state == Schedule.State.STOPPED:
            raise Conflict("The schedule is stopped already.", code="schedule_stopped")
        return _change(actor, schedule, Schedule.State.PAUSED, "schedule.pause")


def schedule_resume(*, actor: Actor, schedule_id: uuid.UUID, now: datetime | None = None) -> Schedule:
    """Let it go on; what was missed is treated by its rule. Raises NotFound, Forbidden, Conflict (stopped)."""
    now = now or timezone.now()
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        if schedule.state == Schedule.State.STOPPED:
            raise Conflict(f"{schedule.cause} Somebody who may run it takes it over first.", code="schedule_stopped")
        if schedule.state == Schedule.State.ACTIVE:
            return schedule
        _catch_up(schedule, now)
        return _change(actor, schedule, Schedule.State.ACTIVE, "schedule.resume")


def schedule_take(*, actor: Actor, schedule_id: uuid.UUID, now: datetime | None = None) -> Schedule:
    """Run it in one's own name from now on; one that was stopped goes on. Raises NotFound, Forbidden."""
    now = now or timezone.now()
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        if schedule.state == Schedule.State.STOPPED:
            _catch_up(schedule, now)
            schedule.state, schedule.cause = Schedule.State.ACTIVE, ""
        schedule.owner_id = actor.person_id
        return _change(actor, schedule, schedule.state, "schedule.take")


def schedule_remove(*, actor: Actor, schedule_id: uuid.UUID) -> None:
    """Put it away; what it launched stays. Raises NotFound, Forbidden."""
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        schedule.archived_at = timezone.now()
        _change(actor, schedule, Schedule.State.STOPPED, "schedule.remove")


def schedule_now(*, actor: Actor, schedule_id: uuid.UUID, now: datetime | None = None) -> ScheduleRun:
    """Run it once, in its owner's name as always. Raises NotFound, Forbidden, Conflict (stopped)."""
    with transaction.atomic():
        schedule = schedule_locked(actor, schedule_id)
        if schedule.state == Schedule.State.STOPPED:
            raise Conflict(schedule.cause or "The schedule is stopped.", code="schedule_stopped")
        run: ScheduleRun = ScheduleRun.objects.create(
            schedule=schedule,
            key=f"now:{id_new()}",
            cause=f"asked for by {actor.label[:100]}",
            due_at=now or timezone.now(),
        )
        audit_record(actor=actor, action="schedule.now", thing=schedule)
        task_send(TICK_TASK)
    return run


def _catch_up(schedule: Schedule, now: datetime) -> None:
    """After a pause: with the rule to leave out, what was missed is past; else the next look finds it."""
    if schedule.trigger == Schedule.Trigger.CRON:
        if schedule.missed == Schedule.Missed.SKIP or schedule.next_at is None:
            schedule.next_at = next_of(schedule.cron, schedule.zone, now)
        return
    if schedule.trigger == Schedule.Trigger.GIT and schedule.missed == Schedule.Missed.SKIP:
        schedule.head, schedule.looked_at = "", None  # where the branch is at the next look is no change
    there = [str(one.id) for one in changes_of(Actor.system("the schedule"), schedule)]
    new = [one for one in there if one not in set(schedule.seen)]
    schedule.seen = there if schedule.missed == Schedule.Missed.SKIP else [*schedule.seen, *new[:-1]]


def _change(actor: Actor, schedule: Schedule, state: str, action: str) -> Schedule:
    before = schedule.state
    schedule.state = state
    schedule.row_version += 1
    schedule.save()
    audit_record(actor=actor, action=action, thing=schedule, before={"state": before}, after={"state": state})
    return schedule
