"""What follows when the job of a launch of people's own code ends, is begun again, or is retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.code import selectors as code
from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.experiments import selectors as experiment_selectors
from apps.experiments import services as experiments
from apps.registry import services as registry
from apps.training.models import CodeLaunch
from apps.training.services.code_inputs import inputs_find
from apps.training.services.code_launching import environment_for, run_begin, waits_for

if TYPE_CHECKING:
    from apps.jobs.models import Job


def code_launch_of(job: Job) -> CodeLaunch | None:
    """The launch of people's own code that queued a job; None for every other job. For the callbacks of the kind."""
    rows = CodeLaunch.objects.select_related("run", "bundle", "environment", "experiment")
    found: CodeLaunch | None = rows.filter(job_id=job.pk).first()
    return found


def code_finish(launch: CodeLaunch) -> dict[str, Any]:
    """In the transaction that ends its job well: the run ends, and what it logged is registered where that was asked.

    A model that the registry does not take is said and fails nothing: the run has it.
    """
    system = Actor.system("training")
    experiments.run_finish(actor=system, run_id=launch.run_id, status="FINISHED")
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
    if launch.run.sealed_at is not None:
        return
    status = "KILLED" if job.state == "CANCELLED" else "FAILED"
    ended = launch.run.ended_at or timezone.now()
    experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status=status, ended_at=ended)


def code_restart(launch: CodeLaunch) -> None:
    """An attempt was lost and the next one continues the same run."""
    if launch.run.sealed_at is None and launch.run.status != "RUNNING":
        experiments.run_update(actor=Actor.system("training"), run_id=launch.run_id, status="RUNNING")


def code_retry(actor: Actor, old: CodeLaunch, new: Job) -> None:
    """A retried job writes a run and a launch of its own, and asks for its environment again."""
    bundle = code.bundle_get(actor, old.bundle_id)
    entry = code.entry_find(bundle, old.entry) if old.entry else None
    found = inputs_find(actor, old.team_id, entry, old.params)
    held = environment_for(actor, bundle) if old.environment_id else None
    again = CodeLaunch(
        team_id=old.team_id,
        bundle=bundle,
        job=new,
        environment=held,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
        **{name: getattr(old, name) for name in _COPIED},
    )
    again.run = run_begin(actor, again, found, old.run.name, job_id=new.pk)
    again.save(force_insert=True)
    new.run_id, new.subject_id = again.run.pk, again.run.pk
    waits = waits_for(held)
    if waits:
        new.waits_for, new.progress_text = waits["waits_for"], waits["waits_text"]
    audit_record(
        actor=actor,
        action="code.retry",
        thing=again,
        object_label=f"{old.entry or 'command'} of {bundle}"[:200],
        problem_id=new.problem_id,
        after={"run": again.run.pk.hex, "job": new.number},
    )


_COPIED = ("entry", "command", "params", "seed", "problem_id", "experiment_id", "model_id")
