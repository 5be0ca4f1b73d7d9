"""What rooms above are told: an evaluation is complete. Runs in the transaction that completes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation

_listeners: list[Callable[[Evaluation], object]] = []


def evaluation_finished_register(listener: Callable[[Evaluation], object]) -> None:
    """Called from a room's `AppConfig.ready()`."""
    if listener not in _listeners:
        _listeners.append(listener)


def evaluation_finished(evaluation: Evaluation) -> None:
    for listener in _listeners:
        listener(evaluation)
