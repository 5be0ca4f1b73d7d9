"""Doing a run again from what it noted of itself, and saying whether it comes out the same.

The recipe, its params, the seed, the bytes of the data, the split and the costs are those that the run's job had; code
and environment are those of this installation, and what differs in them is said. The model is no candidate: it is
compared and not registered.
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
from apps.training.models import Launch, Reproduction
from apps.training.sameness import sameness_find
from apps.training.services.runs import launch_again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.experiments.models import Run

TOLERANCE = 1e-6
_SYSTEM = "system/"


def run_reproduce(*, actor: Actor, run_id: uuid.UUID, tolerance: float = TOLERANCE) -> Reproduction:
    """Queue the same training once more. Raises NotFound, Forbidden, Invalid (tolerance), Conflict (not finished)."""
    launch = (
        Launch.objects.visible_to(actor)
        .select_related("run", "job", "dataset_version__dataset", "problem_version")
        .filter(run_id=run_id)
        .first()
    )
    if launch is None:
        raise NotFound("There is no launched run to reproduce, or you may not see it.")
    require(
        policies.training_launch(actor, launch.team_id),
        "Reproducing a run takes a data scientist's role in the team. An administrator can grant it.",
    )
    if isinstance(tolerance, bool) or not 0 <= tolerance < 1:
        raise Invalid.field("tolerance", "A share from 0 to less than 1.")
    if launch.run.status != "FINISHED":
        raise Conflict(
            f"Run “{launch.run.name}” is {launch.run.get_status_display()}: only one that finished can come out the "
            "same again.",
            code="run_not_finished",
        )
    if launch.run.purged_at is not None:
        raise Conflict(f"The files of run “{launch.run.name}” were removed.", code="run_purged")
    waiting = Reproduction.objects.filter(original_id=run_id, verdict=Reproduction.Verdict.RUNNING).first()
    if waiting is not None:
        raise Conflict(f"Job {waiting.launch.job.number} reproduces it already.", code="reproducing")
    old = launch.job
    with transaction.atomic():
        job = jobs.job_queue(
            actor=actor,
            team_id=launch.team_id,
            kind="train",
            title=f"reproduce {launch.run.name}"[:200],
            spec=old.spec,
            files=old.files,
            problem_id=old.problem_id,
            signature=f"recipe:{launch.recipe}",
        )
        again = launch_again(actor, launch, job, name=f"{launch.run.name}, again")
        job.save(update_fields=["run_id", "subject_type", "subject_id"])
        return _begin(actor, launch.run, again, tolerance)


def _begin(actor: Actor, original: Run, launch: Launch, tolerance: float) -> Reproduction:
    reproduction: Reproduction = Reproduction.objects.create(
        team_id=launch.team_id,
        original=original,
        launch=launch,
        tolerance=tolerance,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    edge_add(subject=launch.run, relation="INFORMED_BY", thing=original, team_id=launch.team_id)
    audit_record(
        actor=actor,
        action="run.reproduce",
        thing=original,
        problem_id=launch.problem_version.problem_id,
        after={"run": launch.run_id.hex, "job": launch.job.number, "tolerance": tolerance},
    )
    return reproduction


def reproduction_retry(actor: Actor, old: Launch, new: Launch) -> None:
    """A retried job reproduces the same run."""
    held = Reproduction.objects.select_related("original").filter(launch=old).first()
    if held is not None:
        _begin(actor, held.original, new, held.tolerance)


def reproduction_of(launch: Launch) -> Reproduction | None:
    """What the launch reproduces, locked until the transaction ends; None for an ordinary one."""
    rows = Reproduction.objects.select_for_update(of=("self",)).select_related("original")
    found: Reproduction | None = rows.filter(launch=launch).first()
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
    reproduction.verdict = (
        verdict.IDENTICAL if found.identical else verdict.WITHIN if found.first is None else verdict.DIFFERS
    )
    _end(reproduction, found.to_json() | {"changed": _changed(original, run)})


def reproduction_fail(launch: Launch, cause: str) -> None:
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
    return {file.path: file.sha256 for file in (*own, *(file for _, files in models for file in files))}


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
