"""Who may call the JSON API at all. Apart from the views, because DRF's own views import this while they load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from apps.core.actors import Actor

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsKnownActor(BasePermission):
    """Anybody who proved who they are. What they may do is for services and policies to say."""

    message = "Sign in, or send a token: Authorization: Bearer <token>."

    def has_permission(self, request: Request, view: APIView) -> bool:
        actor: Actor | None = getattr(request, "actor", None)
        return actor is not None and actor.is_person
