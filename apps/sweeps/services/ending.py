"""How trials and sweeps end."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core import formats
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Conflict, NotFound
from apps.core.policies import require
from apps.core.topics import nudge
from apps.experiments import services as experiments
from apps.notices.services import notice_send
from apps.sweeps import policies
from apps.sweeps.contracts import Standing
from apps.sweeps.models import Sweep, Trial

DRIVE_TASK = "apps.sweeps.tasks.sweep_drive"
_RUN_STATES = {"FINISHED": "FINISHED", "STOPPED": "FINISHED", "FAILED": "FAILED", "CANCELLED": "KILLED"}


def sweep_cancel(*, actor: Actor, sweep_id: uuid.UUID, reason: str = "") -> Sweep:
    """Ask a sweep to end, and with it the jobs of its open trials; what is done stays.

    The same call again changes nothing. Raises NotFound, Forbidden, Conflict (ended).
    """
    with transaction.atomic():
        rows = Sweep.objects.visible_to(actor).select_for_update(of=("self",), no_key=True)
        sweep: Sweep | None = rows.filter(pk=sweep_id).first()
        if sweep is None:
            raise NotFound("There is no such sweep, or you may not see it.")
        require(
            policies.sweep_run(actor, sweep.team_id),
            "Cancelling a sweep takes the right to run jobs in the team: a data scientist or an operator has it.",
        )
        if sweep.state != Sweep.State.RUNNING:
            raise Conflict(f"The sweep has ended: it is {sweep.get_state_display()}.", code="sweep_ended")
        if sweep.cancel_requested_at is not None:
            return sweep
        sweep.cancel_requested_at = timezone.now()
        said = reason.strip()[:250]
        sweep.cancel_reason = (
            f"Cancelled by {actor.label[:40]}: {said}" if said else f"Cancelled by {actor.label}."[:300]
        )
        sweep.row_version += 1
        sweep.save(update_fields=["cancel_requested_at", "cancel_reason", "row_version"])
        audit_record(actor=actor, action="sweep.cancel", thing=sweep, problem_id=sweep.problem_id, reason=said)
        nudge(f"sweep.{sweep.pk}")
        task_send(DRIVE_TASK, sweep.pk)
    return sweep


def trial_end(trial: Trial, state: str, cause: str = "") -> None:
    """End a trial, in the caller's transaction."""
    trial.state, trial.cause, trial.ended_at = state, cause[:4000], timezone.now()
    trial.row_version += 1
    trial.save(update_fields=["state", "cause", "ended_at", "row_version", "values", "within", "seconds", "cost_minor"])
    nudge(f"sweep.{trial.sweep_id}")


def sweep_close(sweep: Sweep, found: Standing) -> None:
    """Every trial has ended, and so does the sweep: its run keeps the best values, and whoever began it is told."""
    system = Actor.system("the sweep")
    sweep.state, sweep.ended_at = sweep.ending, timezone.now()
    sweep.row_version += 1
    sweep.save(update_fields=["state", "ended_at", "row_version"])
    told = "No trial was done."
    if found.best is not None:
        points = [
            experiments.MetricPoint(f"best_{aim.metric}"[:250], value, int(sweep.ended_at.timestamp() * 1000), 0)
            for aim, value in zip(found.aims, found.best.values, strict=True)
        ]
        experiments.metrics_log(actor=system, run_id=sweep.run_id, points=points)
        told = f"Best of {found.counts.get('DONE', 0)}: {found.aims[0].name} {formats.num(found.best.values[0])}."
    experiments.run_finish(actor=system, run_id=sweep.run_id, status=_RUN_STATES[sweep.state])
    audit_record(
        actor=system,
        action="sweep.end",
        thing=sweep,
        problem_id=sweep.problem_id,
        reason=sweep.cause[:2000],
        after={"state": sweep.state, "trials": sweep.trial_count, "best": found.best.number if found.best else None},
    )
    if sweep.created_by is not None:
        notice_send(
            users=[sweep.created_by],
            team_id=sweep.team_id,
            kind="sweep.ended",
            title=f"Sweep “{sweep.name}” is {sweep.get_state_display()}",
            text=f"{told} {sweep.cause}"[:2000],
            url=f"/sweeps/{sweep.pk}/",
            dedupe=f"sweep.ended:{sweep.pk}",
            mail=False,
        )
    nudge(f"sweep.{sweep.pk}")
