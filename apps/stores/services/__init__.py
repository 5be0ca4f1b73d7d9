"""All writes of the room: stores, their states, tests, checks, and moves between them."""

from apps.stores.services.backends import backend_create, backend_update, team_store_set
from apps.stores.services.checks import backend_check, backends_due, days_note, moves_due, tests_abandon
from apps.stores.services.moves import move_begin, move_cancel, move_run
from apps.stores.services.states import MOVES, backend_close, backend_remove, backend_reopen, backend_transition
from apps.stores.services.testing import backend_test, test_run

__all__ = [
    "MOVES",
    "backend_check",
    "backend_close",
    "backend_create",
    "backend_remove",
    "backend_reopen",
    "backend_test",
    "backend_transition",
    "backend_update",
    "backends_due",
    "days_note",
    "move_begin",
    "move_cancel",
    "move_run",
    "moves_due",
    "team_store_set",
    "test_run",
    "tests_abandon",
]
