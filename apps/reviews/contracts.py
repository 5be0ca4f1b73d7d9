"""What rooms above are told, in the transaction of the decision: approved, or approval withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.reviews.models import ApprovalRequest

Listener = Callable[["Actor", "ApprovalRequest"], object]


@dataclass(frozen=True, slots=True)
class ApprovalListener:
    """Two callbacks of the room that deploys."""

    on_approved: Listener
    on_withdrawn: Listener


_listeners: list[ApprovalListener] = []


def approval_listener_register(*, on_approved: Listener, on_withdrawn: Listener) -> None:
    """Called from a room's `AppConfig.ready()`."""
    _listeners.append(ApprovalListener(on_approved, on_withdrawn))


def approval_given(actor: Actor, request: ApprovalRequest) -> None:
    for listener in _listeners:
        listener.on_approved(actor, request)


def approval_ended(actor: Actor, request: ApprovalRequest) -> None:
    for listener in _listeners:
        listener.on_withdrawn(actor, request)
