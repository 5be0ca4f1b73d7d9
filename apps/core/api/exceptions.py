"""DRF's errors and ours in one shape."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from apps.core.actors import SCOPE_VERBS, Actor
from apps.core.away import away_error
from apps.core.errors import FairwayError, Forbidden, Invalid, NotFound, TooLarge
from apps.core.problems import CONTENT_TYPE, problem_body


class Unauthenticated(FairwayError):
    """Nobody is signed in, or the token is not valid."""

    status = 401
    code = "unauthenticated"
    title = "Sign in first"


class MethodRefused(FairwayError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "This method is not allowed here"


class UnsupportedMedia(FairwayError):
    """The body has a content type that this path does not read."""

    status = 415
    code = "unsupported_media_type"
    title = "This content type is not read here"


class NotAcceptable(FairwayError):
    """The client asks for a content type that this path does not write."""

    status = 406
    code = "not_acceptable"
    title = "This content type is not written here"


class Throttled(FairwayError):
    """Too many requests."""

    status = 429
    code = "throttled"
    title = "Too many requests"


WHOLE = api_settings.NON_FIELD_ERRORS_KEY
"""The name of what is wrong with a body as a whole."""


def _flatten(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = prefix if key == WHOLE else f"{prefix}.{key}" if prefix else str(key)
            found.update(_flatten(value, name))
        return found
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return {prefix or WHOLE: [str(item) for item in detail]}
        found = {}
        for index, item in enumerate(detail):
            found.update(_flatten(item, f"{prefix}[{index}]"))
        return found
    return {prefix or WHOLE: [str(detail)]}


def error_translate(error: Exception) -> FairwayError | None:
    """Our error for one of DRF's or Django's; None for the unexpected."""
    if isinstance(error, FairwayError):
        return error
    if isinstance(error, Http404 | exceptions.NotFound):
        return NotFound("There is no such thing, or you may not see it.")
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return Forbidden(str(getattr(error, "detail", "")) or "You may not do this.")
    if isinstance(error, exceptions.ValidationError):
        fields = _flatten(error.detail)
        if list(fields) == [WHOLE]:
            return Invalid(" ".join(fields[WHOLE]), fields=fields)
        return Invalid(f"Check {', '.join(fields)}.", fields=fields)
    if isinstance(error, exceptions.ParseError):
        return Invalid(f"The body cannot be read: {error.detail}")
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return Unauthenticated(str(error.detail))
    if isinstance(error, exceptions.MethodNotAllowed):
        return MethodRefused(str(error.detail))
    if isinstance(error, exceptions.UnsupportedMediaType):
        return UnsupportedMedia(str(error.detail))
    if isinstance(error, exceptions.NotAcceptable):
        return NotAcceptable(str(error.detail))
    if isinstance(error, exceptions.Throttled):
        return Throttled(str(error.detail))
    if away := away_error(error):
        return away
    if isinstance(error, exceptions.APIException) and error.status_code == 413:
        return TooLarge(str(error.detail))
    return None


def _scope_named(error: FairwayError, actor: Actor | None) -> FairwayError:
    """The same error, or the scope that the token lacks when that is why the owner's right did not count."""
    refused = actor.out_of_scope if actor is not None else []
    if not refused or error.code != Forbidden.code:
        return error
    verb = refused[-1]
    scopes = " or ".join(f"“{scope}”" for scope, verbs in SCOPE_VERBS.items() if verb in verbs)
    return Forbidden(f"This takes “{verb}”, for which this token lacks the scope {scopes}.", code="scope_missing")


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: an expected error becomes problem details, an unexpected one stays a bug."""
    ours = error_translate(error)
    if ours is None:
        return None
    set_rollback()
    request = context.get("request")
    ours = _scope_named(ours, getattr(request, "actor", None))
    body = problem_body(ours, request_id=getattr(request, "request_id", "") if request else "")
    response = Response(body, status=ours.status, content_type=CONTENT_TYPE)
    if ours.status == 503:
        response["Retry-After"] = "2"
    if ours.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="fairway"'
    return response
