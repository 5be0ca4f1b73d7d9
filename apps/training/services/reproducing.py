"""Doing a run again from what it noted of itself, and saying whether it comes out the same.

The recipe, its params, the seed, the bytes of the data, the split and the costs are those that the run's job had; code
and environment are those of this installation, and what differs in them is said. Of people's own code also the code is
the same bytes, and its packages are those of the same lock. The model is no candidate: it is compared and not
registered.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require
from apps.experiments import selectors as experiments
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from apps.training import policies
from apps.training.models import CodeLaunch, Launch, Reproduction
from apps.training.sameness import sameness_find
from apps.training.services.code_again import code_launch_again
from apps.training.services.code_launching import environment_for, signature_of, waits_for
from apps.training.services.runs import launch_again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.experiments.models import Run

TOLERANCE = 1e-6
_SYSTEM = "system/"
# What a launch kept to go on from is no result of it.
CHECKPOINT = "checkpoint/"


def may_reproduce(actor: Actor, run: Run) -> bool:
    """May the actor do a launched run of this source again?"""
    policy = policies.code_launch if run.source == "code" else policies.training_launch
    return policy(actor, run.team_id)


def run_reproduce(*, actor: Actor, run_id: uuid.UUID, tolerance: float = TOLERANCE) -> Reproduction:
    """Queue the same training, or the same launch of people's own code, once more.

    Raises NotFound, Forbidden, Invalid (tolerance), Conflict (not finished, nothing to compare, inputs gone).
    """
    launch = _launch_of(actor, run_id)
    run = launch.run
    require(
        may_reproduce(actor, run),
        "Reproducing a run takes the right to launch one like it in the team: a data scientist has it. An "
        "administrator can grant it.",
    )
    if isinstance(tolerance, bool) or not 0 <= tolerance < 1:
        raise Invalid.field("tolerance", "A share from 0 to less than 1.")
    if run.status != "FINISHED":
        raise Conflict(
            f"Run “{run.name}” is {run.get_status_display()}: only one that finished can come out the same again.",
            code="run_not_finished",
        )
    if run.purged_at is not None:
        raise Conflict(f"The files of run “{run.name}” were removed.", code="run_purged")
    waiting = Reproduction.objects.filter(original_id=run_id, verdict=Reproduction.Verdict.RUNNING).first()
    if waiting is not None:
        raise Conflict(f"Job {waiting.again.job.number} reproduces it already.", code="reproducing")
    if isinstance(launch, CodeLaunch):
        return _code_reproduce(actor, launch, tolerance)
    old = launch.job
    with transaction.atomic():
        job = jobs.job_queue(
            actor=actor,
            team_id=launch.team_id,
            kind="train",
            title=f"reproduce {run.name}"[:200],
            spec=old.spec,
            files=old.files,
            problem_id=old.problem_id,
            signature=f"recipe:{launch.recipe}",
        )
        again = launch_again(actor, launch, job, name=f"{run.name}, again")
        job.save(update_fields=["run_id", "subject_type", "subject_id"])
        return _begin(actor, run, again, tolerance)


def _launch_of(actor: Actor, run_id: uuid.UUID) -> Launch | CodeLaunch:
    rows = Launch.objects.visible_to(actor).select_related("run", "job", "dataset_version__dataset", "problem_version")
    own = CodeLaunch.objects.visible_to(actor).select_related("run", "job", "bundle", "environment")
    found: Launch | CodeLaunch | None = rows.filter(run_id=run_id).first() or own.filter(run_id=run_id).first()
    if found is None:
        raise NotFound("There is no launched run to reproduce, or you may not see it.")
    return found


def _code_reproduce(actor: Actor, launch: CodeLaunch, tolerance: float) -> Reproduction:
    """The same bundle, packages, inputs, values and seed, on the same target."""
    run, old = launch.run, launch.job
    if not run.metrics_latest and not _model_files(run):
        raise Conflict(
            f"Run “{run.name}” measured nothing and kept no file: there is nothing to compare.", code="nothing_compared"
        )
    if "resume" in old.spec or jobs.attempt_resumed(old):
        raise Conflict(
            f"Run “{run.name}” went on from a checkpoint: it does not come from its code, data and seed alone. "
            "Reproduce one that ran from its beginning.",
            code="run_resumed",
        )
    title = launch.entry or " ".join(launch.command)
    with transaction.atomic():
        held = environment_for(actor, launch.bundle) if launch.environment_id else None
        job = jobs.job_queue(
            actor=actor,
            team_id=launch.team_id,
            kind=old.kind,
            title=f"reproduce {run.name}"[:200],
            spec={name: one for name, one in old.spec.items() if name != "tags"},
            files=old.files,
            problem_id=old.problem_id,
            target_id=old.target_id,
            signature=signature_of(launch.bundle, title),
            **waits_for(held),
        )
        again = code_launch_again(actor, launch, job, name=f"{run.name}, again"[:200], register=False)
        job.save(update_fields=["run_id", "subject_type", "subject_id", "spec"])
        return _begin(actor, run, again, tolerance)


def _by(launch: Launch | CodeLaunch) -> dict[str, Any]:
    return {"code_launch" if isinstance(launch, CodeLaunch) else "launch": launch}


def _begin(actor: Actor, original: Run, launch: Launch | CodeLaunch, tolerance: float) -> Reproduction:
    reproduction: Reproduction = Reproduction.objects.create(
        team_id=launch.team_id,
        original=original,
        **_by(launch),
        tolerance=tolerance,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    edge_add(subject=launch.run, relation="INFORMED_BY", thing=original, team_id=launch.team_id)
    audit_record(
        actor=actor,
        action="run.reproduce",
        thing=original,
        problem_id=launch.job.problem_id,
        after={"run": launch.run_id.hex, "job": launch.job.number, "tolerance": tolerance},
    )
    return reproduction


def reproduction_retry(actor: Actor, old: Launch | CodeLaunch, new: Launch | CodeLaunch) -> None:
    """A retried job reproduces the same run."""
    held = Reproduction.objects.select_related("original").filter(**_by(old)).first()
    if held is not None:
        _begin(actor, held.original, new, held.tolerance)


def reproduction_of(launch: Launch | CodeLaunch) -> Reproduction | None:
    """What the launch reproduces, locked until the transaction ends; None for an ordinary one."""
    rows = Reproduction.objects.select_for_update(of=("self",)).select_related("original")
    found: Reproduction | None = rows.filter(**_by(launch)).first()
    return found


def reproduction_finish(reproduction: Reproduction, run: Run) -> None:
    """Compare, once the new run has ended well."""
    if reproduction.verdict != Reproduction.Verdict.RUNNING:
        return
    original = reproduction.original
    files = {one.pk: _model_files(one) for one in (original, run)}
    found = sameness_find(
        _histories(original),
        _histories(run),
        (files[original.pk], files[run.pk]),
        tolerance=reproduction.tolerance,
    )
    verdict = Reproduction.Verdict
    if found.identical:
        reproduction.verdict = verdict.IDENTICAL
    elif found.first is None and found.points:
        reproduction.verdict = verdict.WITHIN
    else:
        reproduction.verdict = verdict.DIFFERS
    _end(reproduction, found.to_json() | {"changed": _changed(original, run)})


def reproduction_fail(launch: Launch | CodeLaunch, cause: str) -> None:
    """The job ended in any other way."""
    reproduction = reproduction_of(launch)
    if reproduction is not None and reproduction.verdict == Reproduction.Verdict.RUNNING:
        reproduction.verdict = Reproduction.Verdict.FAILED
        _end(reproduction, {"cause": cause[:2000]})


def _end(reproduction: Reproduction, found: dict[str, Any]) -> None:
    reproduction.found, reproduction.ended_at = found, timezone.now()
    reproduction.row_version += 1
    reproduction.save(update_fields=["verdict", "found", "ended_at", "row_version"])
    audit_record(
        actor=Actor.system("training"),
        action="run.reproduced",
        thing=reproduction.original,
        after={"verdict": reproduction.verdict, "first": found.get("first")},
    )


def _histories(run: Run) -> dict[str, list[tuple[int, float]]]:
    keys = [key for key in run.metrics_latest if not key.startswith(_SYSTEM)]
    return {key: [(point.step, point.value) for point in experiments.metric_history(run, key)] for key in keys}


def _model_files(run: Run) -> dict[str, str]:
    own, models = experiments.run_files(run)
    kept = [file for file in own if not file.path.startswith(CHECKPOINT)]
    return {file.path: file.sha256 for file in (*kept, *(file for _, files in models for file in files))}


def _changed(then: Run, now: Run) -> dict[str, list[str]]:
    """What of code and environment is not as it was: {name: [then, now]}."""
    pairs: dict[str, tuple[Mapping[str, Any], str]] = {
        "code": ({"then": then.code, "now": now.code}, "commit"),
        "release": ({"then": then.code, "now": now.code}, "version"),
        "environment": ({"then": then.environment, "now": now.environment}, "lock_digest"),
        "python": ({"then": then.environment, "now": now.environment}, "python"),
    }
    told = {name: [str(sides[side].get(key) or "") for side in ("then", "now")] for name, (sides, key) in pairs.items()}
    return {name: values for name, values in told.items() if values[0] != values[1]}
