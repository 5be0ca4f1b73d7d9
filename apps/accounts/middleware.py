"""One place where a request becomes an actor: session, API token or run token."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from apps.accounts.selectors import actor_of_secret, actor_of_user, bearer_of
from apps.core.actors import Actor
from apps.core.api.exceptions import Unauthenticated
from apps.core.middleware import wants_json
from apps.core.problems import problem_response


def _session_actor(request: HttpRequest) -> Actor:
    user = request.user
    if not user.is_authenticated:
        return Actor.anonymous(request.request_id)  # type: ignore[attr-defined]
    methods = request.session.get("account_authentication_methods", [])
    mfa = any(m.get("method") == "mfa" for m in methods)
    return actor_of_user(user, request_id=request.request_id, mfa=mfa)  # type: ignore[attr-defined]


class ActorMiddleware:
    """Sets `request.actor`. A bearer secret wins over a session, so a token never gains a session's rights.

    A secret that is sent and not valid is a 401 at every program door, never an anonymous request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = bearer_of(request) if wants_json(request) and not request.path.startswith("/internal/") else ""
        if not secret:
            request.actor = SimpleLazyObject(lambda: _session_actor(request))  # type: ignore[attr-defined]
            return self.get_response(request)
        found = actor_of_secret(secret, request_id=request.request_id)  # type: ignore[attr-defined]
        if found is None:
            error = Unauthenticated("The token is not valid: it is unknown, has ended or was revoked.")
            response = problem_response(error, request_id=request.request_id)  # type: ignore[attr-defined]
            response["WWW-Authenticate"] = 'Bearer realm="fairway"'
            return response
        actor, user = found
        request.actor = actor  # type: ignore[attr-defined]
        request.user = user or AnonymousUser()
        # A header that no other site can send needs no form token.
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return self.get_response(request)
