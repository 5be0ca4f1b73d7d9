"""What follows when the job of a launch of people's own code ends, is begun again, or is retried."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.experiments import selectors as experiment_selectors
from apps.experiments import services as experiments
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from apps.registry import services as registry
from apps.training.models import CodeLaunch
from apps.training.services.code_again import code_launch_again
from apps.training.services.reproducing import (
    reproduction_fail,
    reproduction_finish,
    reproduction_of,
    reproduction_retry,
)

if TYPE_CHECKING:
    from apps.jobs.models import Job


logger = logging.getLogger(__name__)


def code_launch_of(job: Job) -> CodeLaunch | None:
    """The launch of people's own code that queued a job; None for every other job. For the callbacks of the kind."""
    rows = CodeLaunch.objects.select_related("run", "bundle", "environment", "experiment", "job")
    found: CodeLaunch | None = rows.filter(job_id=job.pk).first()
    return found


def code_finish(launch: CodeLaunch) -> dict[str, Any]:
    """In the transaction that ends its job well: the run ends, and what it logged is registered where that was asked.

    A model that the registry does not take is said and fails nothing: the run has it.
    """
    system = Actor.system("training")
    _checkpoint_keep(launch, launch.job)
    experiments.run_finish(actor=system, run_id=launch.run_id, status="FINISHED")
    reproduction = reproduction_of(launch)
    if reproduction is not None:
        reproduction_finish(reproduction, experiment_selectors.run_get(system, launch.run_id))
        label = f"Compared with {reproduction.original.name}: {reproduction.get_verdict_display()}."
        return {"label": label, "original": reproduction.original_id}
    if launch.model_id is None:
        return {"label": "The run has what it measured and kept."}
    run = experiment_selectors.run_get(system, launch.run_id)
    told, versions = [], []
    for logged, _ in experiment_selectors.run_files(run)[1]:
        try:
            with transaction.atomic():
                versions.append(
                    registry.logged_model_register(actor=system, model_id=launch.model_id, logged_model_id=logged.pk)
                )
        except FairwayError as refusal:
            told.append(f"“{logged.name}” is not registered: {refusal.detail}")
    for version in versions:
        if version.state == version.State.QUARANTINED:
            told.insert(0, f"{version} is stored but quarantined: {version.quarantine_reason}")
        else:
            told.insert(0, f"{version} is registered and sealed.")
    if versions:
        launch.model_version = versions[-1]
        launch.save(update_fields=["model_version"])
    return {"label": " ".join(told) or "It logged no model, so none is registered.", "version": versions}


def code_fail(launch: CodeLaunch, job: Job) -> None:
    """Its job ended in any other way: the run ends too, also one that the code called finished."""
    reproduction_fail(launch, job.cause)
    if launch.run.sealed_at is not None:
        return
    _checkpoint_keep(launch, job)
    status = "KILLED" if job.state == "CANCELLED" else "FAILED"
    ended = launch.run.ended_at or timezone.now()
    experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status=status, ended_at=ended)


def _checkpoint_keep(launch: CodeLaunch, job: Job) -> None:
    """Files of the newest checkpoint of its own become files of the run, which keeps them from now on."""
    found = jobs.checkpoint_of(job) if launch.checkpoint else None
    if found is None or found["job"] != str(job.pk):
        return
    try:
        with transaction.atomic():
            experiments.artifacts_link(
                actor=Actor.system("training"), run_id=launch.run_id, folder="checkpoint", files=found["files"]
            )
    except FairwayError as refusal:
        logger.warning("The checkpoint of %s is not kept with its run: %s", job, refusal.detail)


def code_restart(launch: CodeLaunch) -> None:
    """An attempt was lost and the next one continues the same run."""
    if launch.run.sealed_at is None and launch.run.status != "RUNNING":
        experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status="RUNNING")


def code_retry(actor: Actor, old: CodeLaunch, new: Job) -> None:
    """A retried job writes a run and a launch of its own, and asks for its environment again."""
    again = code_launch_again(actor, old, new, name=old.run.name)
    if "resume" in new.spec:
        edge_add(subject=again.run, relation="INFORMED_BY", thing=old.run, team_id=old.team_id)
    reproduction_retry(actor, old, again)
    audit_record(
        actor=actor,
        action="code.retry",
        thing=again,
        object_label=f"{old.entry or 'command'} of {old.bundle}"[:200],
        problem_id=new.problem_id,
        after={"run": again.run.pk.hex, "job": new.number},
    )
