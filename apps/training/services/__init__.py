"""Launching training, reproducing a run, and what follows when a job ends."""

from apps.training.services.launching import (
    SEED_LIMIT,
    params_check,
    training_fail,
    training_finish,
    training_launch,
    training_restart,
    training_retry,
)
from apps.training.services.reproducing import TOLERANCE, run_reproduce

__all__ = [
    "SEED_LIMIT",
    "TOLERANCE",
    "params_check",
    "run_reproduce",
    "training_fail",
    "training_finish",
    "training_launch",
    "training_restart",
    "training_retry",
]
