"""Sweeps for tests, and what workers and children would do for their trials."""

from __future__ import annotations

from typing import Any

from apps.core.actors import Actor
from apps.experiments import services as experiments
from apps.experiments.models import Run
from apps.experiments.tests.factories import points, run_actor
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.sweeps import services
from apps.sweeps.models import Sweep, Trial
from apps.training.models import Launch
from apps.training.tests.factories import Ground, job_end_well

SPACE = {
    "learning_rate": {"low": 0.01, "high": 0.3, "log": True},
    "max_leaf_nodes": {"low": 4, "high": 64, "log": True},
}
AUC = [{"metric": "validation_roc_auc", "direction": "MAXIMISE"}]


def sweep_make(ground: Ground, **fields: Any) -> Sweep:
    values: dict[str, Any] = {
        "method": "RANDOM",
        "recipe": "hist_gradient_boosting",
        "space": SPACE,
        "max_trials": 4,
        "parallel": 2,
        "objectives": AUC,
    }
    return services.sweep_create(
        actor=ground.scientist,
        dataset_version_id=ground.version.pk,
        problem_id=ground.problem.pk,
        **{**values, **fields},
    )


def trials_of(sweep: Sweep) -> list[Trial]:
    return list(Trial.objects.filter(sweep=sweep).select_related("run", "job").order_by("number"))


def measure(trial: Trial, *, step: int = 0, **metrics: float) -> None:
    """What the child of a trial measures."""
    run = Run.objects.select_related("experiment").get(pk=trial.run_id)
    told = [one for key, value in metrics.items() for one in points(key, [value], start=step)]
    experiments.metrics_log(actor=run_actor(run), run_id=run.pk, points=told)


def trial_done(trial: Trial, **metrics: float) -> None:
    """Its job runs and ends well."""
    measure(trial, **metrics)
    job_end_well(Launch.objects.get(run_id=trial.run_id))


def trial_fails(trial: Trial) -> None:
    """Its job runs and ends with exit code 3, without another attempt."""
    Job.objects.filter(pk=trial.job_id).update(max_attempts=1)
    claim, _ = claim_make(Job.objects.get(pk=trial.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(3))


def actor_gone(actor: Actor) -> None:
    """Whoever it is has left the team."""
    from apps.accounts.models import Grant

    Grant.objects.filter(user_id=actor.id).delete()
