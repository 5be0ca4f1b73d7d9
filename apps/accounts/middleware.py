"""One place where a request becomes an actor: session, API token or run token."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from allauth.account.authentication import get_authentication_records
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from apps.accounts.selectors import (
    BelievedActor,
    actor_of_secret,
    actor_of_user,
    bearer_of,
    believed_actor,
    secret_hash,
)
from apps.core.actors import Actor
from apps.core.api.exceptions import Unauthenticated
from apps.core.middleware import wants_json
from apps.core.problems import problem_response

GetResponse = Callable[[HttpRequest], HttpResponse]


def _session_actor(request: HttpRequest) -> Actor:
    user = request.user
    if not user.is_authenticated:
        return Actor.anonymous(request.request_id)  # type: ignore[attr-defined]
    # Records of somebody else's half-finished sign-in in this browser do not count: allauth compares the person.
    mfa = any(record.get("method") == "mfa" for record in get_authentication_records(request, user))
    # Who signs in with this very request comes without roles.
    read = hasattr(user, "roles_read")
    return actor_of_user(user, request_id=request.request_id, mfa=mfa, just_read=read)  # type: ignore[attr-defined]


def _token_actor(request: HttpRequest, secret: str) -> Actor:
    """The actor of a secret, with its owner as the request's user. Raises Unauthenticated."""
    found = actor_of_secret(secret, request_id=request.request_id)  # type: ignore[attr-defined]
    if found is None:
        raise Unauthenticated("The token is not valid: it is unknown, has ended or was revoked.")
    actor, user = found
    request.user = user or AnonymousUser()
    return actor


class ActorMiddleware:
    """Sets `request.actor`. A bearer secret wins over a session, so a token never gains a session's rights.

    A secret that is sent and not valid is a 401 at every program door, never an anonymous request. A request that
    `proves` its actor in what it writes may have one by memory (`apps.accounts.selectors.remembered`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        secret = bearer_of(request) if wants_json(request) and not request.path.startswith("/internal/") else ""
        if not secret:
            request.actor = SimpleLazyObject(lambda: _session_actor(request))  # type: ignore[attr-defined]
            return self.get_response(request)
        try:
            request.actor = self._actor(request, secret)  # type: ignore[attr-defined]
        except Unauthenticated as error:
            response = problem_response(error, request_id=request.request_id)  # type: ignore[attr-defined]
            response["WWW-Authenticate"] = 'Bearer realm="fairway"'
            return response
        # A header that no other site can send needs no form token.
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return self.get_response(request)

    def _actor(self, request: HttpRequest, secret: str) -> Actor | BelievedActor:
        find = partial(_token_actor, request, secret)
        if not getattr(request, "proves", False):
            return find()
        request_id: str = request.request_id  # type: ignore[attr-defined]
        believed = believed_actor(secret_hash(secret), request_id=request_id, find=find)
        return believed or find()


class SessionSeenMiddleware:
    """Keeps “last seen” of a session, with at most one write a minute and none on the way of other requests."""

    _EVERY_SECONDS = 60
    _KEPT = 10_000

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._seen: OrderedDict[str, float] = OrderedDict()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "_auth_user_id" in getattr(request.session, "_session_cache", {}) and request.session.session_key:
            self._touch(request.session.session_key)
        return response

    def _touch(self, key: str) -> None:
        now = time.monotonic()
        last = self._seen.get(key)
        if last is not None and now - last < self._EVERY_SECONDS:
            return
        self._seen[key] = now
        self._seen.move_to_end(key)
        if len(self._seen) > self._KEPT:
            self._seen.popitem(last=False)
        UserSession.objects.filter(session_key=key).update(last_seen_at=timezone.now())
