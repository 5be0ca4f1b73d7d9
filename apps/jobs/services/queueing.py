"""Asking for work: queue, prioritise, retry."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import models, transaction

from apps.accounts.selectors import team_list
from apps.audit.services import audit_record
from apps.compute.services import target_for_job
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require, who_can
from apps.jobs.contracts import FINAL_STATES, PRIORITIES, job_kind_find
from apps.jobs.models import Job
from apps.jobs.policies import can_prioritise, can_run, require_prioritise, verbs_of
from apps.jobs.selectors.forecasts import busy_of, forecast_of
from apps.jobs.services.quotas import quota_hold
from apps.jobs.services.transitions import event_append, job_lock, job_transition
from workers.contracts.jobspec import JobLimits

RUN_TASK = "apps.jobs.tasks.job_run"
_COPIED = (
    *("team_id", "kind", "title", "spec", "files", "problem_id", "run_id", "subject_type", "subject_id"),
    *("target_id", "executor", "limits", "max_attempts", "priority", "signature", "restartable"),
)
"""What a retry takes over from the ended job."""


def limits_of(job: Job) -> JobLimits:
    """The job's limits over the installation's defaults. Raises ValueError for a limit of zero or less."""
    return JobLimits(**{**settings.JOB_LIMITS, **job.limits})


def job_queue(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    kind: str,
    title: str,
    spec: Mapping[str, Any],
    files: Sequence[Mapping[str, Any]],
    problem_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
    subject: models.Model | None = None,
    limits: Mapping[str, Any] | None = None,
    max_attempts: int = 3,
    target_id: uuid.UUID | None = None,
    priority: str = "normal",
    signature: str = "",
    restartable: bool = False,
    idempotency_key: str = "",
    waits_for: Job | None = None,
    waits_text: str = "",
) -> Job:
    """Queue a job in the caller's transaction; a worker hears of it once that has committed.

    With `waits_for` it stays PENDING until that job has succeeded (see `waiting_release`), and `waits_text` says in one
    sentence what it waits for; the caller makes sure that this job has not ended meanwhile.

    The row is the message: when the broker is away, the beat task finds the job (invariant I25). With an
    `idempotency_key` the same call twice gives the same job (I24). Without a `target_id` it runs on this machine.
    `priority` is a word of PRIORITIES; the highest takes the right to give it. Jobs of one `signature` (left out: of
    one kind) do the same to other data: what is forecast is learnt from them. What is `restartable` gives up its place
    for a job of the highest priority while it has the lowest itself.
    Raises NotFound for a team the actor does not see, Forbidden, Invalid for an unknown kind or priority, wrong limits
    or files or a target that the team may not use, and Conflict for a target that takes no job now and for a team that
    is over its quota.
    """
    job = Job(
        team_id=team_id,
        kind=kind,
        title=title[:200],
        spec=dict(spec),
        files=[_file(entry) for entry in files],
        problem_id=problem_id,
        run_id=run_id,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        limits=dict(limits or {}),
        max_attempts=max_attempts,
        target_id=target_id,
        priority=priority_of(priority),
        signature=(signature or kind)[:200],
        restartable=restartable,
        idempotency_key=idempotency_key or None,
        waits_for=waits_for,
        progress_text=waits_text[:200],
    )
    with transaction.atomic():
        return _queue(actor, job)


def _queue(actor: Actor, job: Job) -> Job:
    """Number, save and release a new job; the same job again for a key that was used."""
    team = team_list(actor).filter(pk=job.team_id).first()
    if team is None:
        raise NotFound("There is no such team, or you may not see it.")
    require(
        can_run(actor, team.pk, job.kind),
        f"This takes the right “{verbs_of(job.kind)[0]}” in the team: {who_can(*verbs_of(job.kind))} has it. "
        "An administrator can grant it.",
    )
    if job.retry_of_id is None:
        require_prioritise(actor, team.pk, job.kind, job.priority)
    elif not can_prioritise(actor, team.pk, job.kind, job.priority):
        job.priority = Job.Priority.NORMAL
    _check(job)
    job.state = Job.State.PENDING
    job.created_by_id = actor.id if actor.is_person else None
    job.created_by_label = actor.label[:200]
    # The lock on the team, taken for the number, also makes two calls with one key wait for each other.
    job.number = number_next(team, Job.objects.filter(team_id=team.pk))
    if job.idempotency_key:
        same: Job | None = Job.objects.filter(team_id=team.pk, idempotency_key=job.idempotency_key).first()
        if same is not None:
            return same
    target = target_for_job(team_id=team.pk, target_id=job.target_id)
    job.target, job.executor = target, target.kind
    job.limits = {**target.limits, **job.limits}
    quota_hold(job, team.name, limits_of(job))
    _forecast(job)
    job.save(force_insert=True)
    definition = job_kind_find(job.kind)
    if job.retry_of is not None and definition is not None and definition.on_retry is not None:
        definition.on_retry(actor, job.retry_of, job)
    if job.waits_for_id is not None:
        event_append(job, "state", {"state": Job.State.PENDING, "attempt": 0, "text": job.progress_text})
        job.save()
        audit_record(actor=actor, action="job.pending", thing=job, problem_id=job.problem_id, reason=job.progress_text)
        return job
    job_transition(actor=actor, job=job, to=Job.State.QUEUED)
    task_send(RUN_TASK, job.pk)
    return job


def _forecast(job: Job) -> None:
    """Note what is expected of a new job on its target, as it is now."""
    target = job.target
    if target is None:
        return
    job.input_bytes = sum(entry["size"] for entry in job.files)
    job.busy = busy_of(target) if job.waits_for_id is None else None
    job.forecast = forecast_of(
        target,
        team_id=job.team_id,
        signature=job.signature,
        size=job.input_bytes,
        priority=job.priority,
        busy=job.busy,
    ).to_json()


def priority_of(word: str) -> int:
    """The class of a priority's word. Raises Invalid."""
    if word not in PRIORITIES:
        raise Invalid.field("priority", f"There is no priority {word!r}; choose one of {', '.join(PRIORITIES)}.")
    return PRIORITIES[word]


def waiting_release(ended: Job) -> None:
    """In the transaction that ends a job: queue those that waited for it, or fail them with why it did not succeed."""
    from apps.jobs.services.ending import job_end

    actor = Actor.system("the worker")
    rows = Job.objects.select_for_update(of=("self",), no_key=True).filter(waits_for=ended, state=Job.State.PENDING)
    for job in rows.order_by("id"):
        job.progress_text = ""
        if ended.state == Job.State.SUCCEEDED:
            job_transition(actor=actor, job=job, to=Job.State.QUEUED)
            task_send(RUN_TASK, job.pk)
        else:
            cause = (
                f"Job {ended.number}, {ended.title}, which it waited for, is {ended.get_state_display()}: {ended.cause}"
            )
            job_end(actor=actor, job=job, to=Job.State.FAILED, cause=cause)


def _file(entry: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"sha256": str(entry["sha256"]), "size": int(entry["size"]), "name": str(entry["name"])}
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid.field("files", "Each file of a job has sha256, size and name.") from error


def _check(job: Job) -> None:
    definition = job_kind_find(job.kind)
    if definition is None:
        raise Invalid.field("kind", f"There is no kind of job called {job.kind!r}.")
    if job.restartable and not definition.restartable:
        raise Invalid.field("restartable", f"Jobs of the kind {definition.title} cannot be begun again at any time.")
    if job.max_attempts < 1:
        raise Invalid.field("max_attempts", "A job has at least one attempt.")
    try:
        limits_of(job)
    except (TypeError, ValueError) as error:
        raise Invalid.field("limits", str(error)) from error


def job_prioritise(*, actor: Actor, job_id: uuid.UUID, priority: str) -> Job:
    """Give a job that has not started another priority; the same again changes nothing.

    Raises NotFound, Forbidden (the highest takes the right to give it), Invalid, Conflict when it has started or ended.
    """
    wanted = priority_of(priority)
    with transaction.atomic():
        visible(actor, job_id)
        job = job_lock(job_id)
        # Taking the highest from a job is for those who may give it.
        require_prioritise(actor, job.team_id, job.kind, max(wanted, job.priority))
        if job.state not in (Job.State.QUEUED, Job.State.PENDING):
            raise Conflict(f"Job {job.number} no longer waits: it is {job.get_state_display()}.", code="job_started")
        before = job.get_priority_display()
        if job.priority == wanted:
            return job
        job.priority = wanted
        event_append(job, "priority", {"by": actor.label, "from": before, "to": priority})
        job.row_version += 1
        job.save(update_fields=["priority", "seq", "row_version"])
        audit_record(
            actor=actor,
            action="job.prioritise",
            thing=job,
            problem_id=job.problem_id,
            before={"priority": before},
            after={"priority": priority},
        )
        if job.state == Job.State.QUEUED:
            task_send(RUN_TASK, job.pk)
        return job


def job_retry(*, actor: Actor, job_id: uuid.UUID, resume: bool = False) -> Job:
    """Queue a new job for the same purpose, linked to the ended one by `retry_of`.

    It begins from the start; with `resume`, from the newest checkpoint that the ended one kept.

    Its spec is the old one unless the kind of job asks anew (`JobKind.on_retry`). Retrying the same job twice gives the
    same new job while that one is open. Raises NotFound, Forbidden, what the kind refuses it with, and
    Conflict when the job has not ended, ended well, or has no checkpoint to resume from.
    """
    from apps.jobs.services.checkpoints import resumed_fields

    with transaction.atomic():
        visible(actor, job_id)
        old = job_lock(job_id)
        if not can_run(actor, old.team_id, old.kind):
            raise Forbidden(f"Retrying takes the right to run jobs in the team: {who_can(*verbs_of(old.kind))} has it.")
        if old.state not in FINAL_STATES:
            raise Conflict(f"Job {old.number} has not ended: it is {old.get_state_display()}.", code="job_open")
        if old.state == Job.State.SUCCEEDED:
            raise Conflict(f"Job {old.number} succeeded; there is nothing to retry.", code="job_succeeded")
        running: Job | None = Job.objects.filter(retry_of=old).exclude(state__in=FINAL_STATES).order_by("id").first()
        if running is not None:
            return running
        copied = {name: getattr(old, name) for name in _COPIED} | resumed_fields(old, resume=resume)
        return _queue(actor, Job(retry_of=old, **copied))


def visible(actor: Actor, job_id: uuid.UUID) -> None:
    """Raise NotFound for a job that the actor does not see."""
    if not Job.objects.visible_to(actor).filter(pk=job_id).exists():
        raise NotFound("There is no such job, or you may not see it.")
