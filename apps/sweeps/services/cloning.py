"""A sweep once more."""

from __future__ import annotations

from typing import Any

from apps.sweeps.models import Sweep


def sweep_clone_of(sweep: Sweep) -> dict[str, Any]:
    """What `sweep_create` takes to begin the same again."""
    return {
        "method": sweep.method,
        "space": sweep.space,
        "max_trials": sweep.max_trials,
        "recipe": sweep.recipe,
        "dataset_version_id": sweep.dataset_version_id,
        "problem_id": sweep.problem_id,
        "bundle_id": sweep.bundle_id,
        "entry": sweep.entry,
        "environment": sweep.environment,
        "params": sweep.params,
        "objectives": sweep.objectives,
        "prune_after": sweep.pruning["first"] if sweep.pruning else None,
        "prune_metric": sweep.pruning["metric"] if sweep.pruning else "",
        "seed": sweep.seed,
        "parallel": sweep.parallel,
        "max_seconds": sweep.max_seconds,
        "cost_limit_minor": sweep.cost_limit_minor,
        "max_failures": sweep.max_failures,
        "target_id": sweep.target_id,
    }
