"""A launch of people's own code once more: by a retry, or to see whether it comes out the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.code import selectors as code
from apps.core.actors import Actor
from apps.training.models import CodeLaunch
from apps.training.services.code_inputs import inputs_find
from apps.training.services.code_launching import environment_for, run_begin, waits_for

if TYPE_CHECKING:
    from apps.jobs.models import Job

_COPIED = ("entry", "command", "params", "seed", "problem_id", "experiment_id", "model_id", "checkpoint")


def code_launch_again(actor: Actor, old: CodeLaunch, new: Job, *, name: str, register: bool = True) -> CodeLaunch:
    """A run and a launch of their own for a job that runs the same once more; the caller saves the job.

    The environment is asked for again, and waited for where it has to be built. Raises NotFound, Invalid, Conflict for
    inputs that are gone.
    """
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
        **{field: getattr(old, field) for field in _COPIED},
    )
    if not register:
        again.model_id = None
    again.run = run_begin(actor, again, found, name, job_id=new.pk)
    again.save(force_insert=True)
    new.run_id, new.subject_type, new.subject_id = again.run.pk, again.run._meta.label_lower, again.run.pk
    new.spec = {**new.spec, "environment": str(held.pk) if held is not None else None}
    waits = waits_for(held)
    if waits:
        new.waits_for, new.progress_text = waits["waits_for"], waits["waits_text"]
    return again
