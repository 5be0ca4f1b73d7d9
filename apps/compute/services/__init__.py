"""All writes of the room: targets, their states, tests and checks."""

from apps.compute.services.checks import target_check, targets_due, tests_abandon
from apps.compute.services.executors import executor_of, kind_about, kinds, reach_of
from apps.compute.services.states import MOVES, target_drain, target_remove, target_resume, target_transition
from apps.compute.services.targets import LIMIT_NAMES, target_create, target_for_job, target_update
from apps.compute.services.testing import target_test, test_run

__all__ = [
    "LIMIT_NAMES",
    "MOVES",
    "executor_of",
    "kind_about",
    "kinds",
    "reach_of",
    "target_check",
    "target_create",
    "target_drain",
    "target_for_job",
    "target_remove",
    "target_resume",
    "target_test",
    "target_transition",
    "target_update",
    "targets_due",
    "test_run",
    "tests_abandon",
]
