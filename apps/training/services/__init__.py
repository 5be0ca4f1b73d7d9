"""Launching training, reproducing a run, and what follows when a job ends."""

from apps.training.services.code_ending import code_fail, code_finish, code_launch_of, code_restart, code_retry
from apps.training.services.code_inputs import command_words, values_check
from apps.training.services.code_launching import ENVIRONMENTS, SEEDS, code_choose, code_launch, signature_of
from apps.training.services.environment_use import environment_uses
from apps.training.services.launching import (
    SEED_LIMIT,
    params_check,
    training_fail,
    training_finish,
    training_launch,
    training_restart,
    training_retry,
)
from apps.training.services.reproducing import TOLERANCE, may_reproduce, run_reproduce
from apps.training.services.templates import template_inputs, template_launch, template_remove, template_save

__all__ = [
    "ENVIRONMENTS",
    "SEEDS",
    "SEED_LIMIT",
    "TOLERANCE",
    "code_choose",
    "code_fail",
    "code_finish",
    "code_launch",
    "code_launch_of",
    "code_restart",
    "code_retry",
    "command_words",
    "environment_uses",
    "may_reproduce",
    "params_check",
    "run_reproduce",
    "signature_of",
    "template_inputs",
    "template_launch",
    "template_remove",
    "template_save",
    "training_fail",
    "training_finish",
    "training_launch",
    "training_restart",
    "training_retry",
    "values_check",
]
