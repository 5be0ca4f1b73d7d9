"""DRF authentication: the middleware has found the actor, here only the CSRF check of sessions is added."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from apps.core.actors import ActorKind


class ActorAuthentication(SessionAuthentication):
    """A session (with CSRF check) or a bearer token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        actor = request._request.actor  # type: ignore[attr-defined]
        if not actor.is_authenticated:
            return None
        if actor.kind == ActorKind.USER:
            self.enforce_csrf(request)
        return request._request.user, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="fairway"'


class ActorAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ActorAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
