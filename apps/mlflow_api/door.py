"""The one way into a view of this room: default-deny, JSON in, MLflow's errors out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication

from apps.core.actors import Actor, ActorKind
from apps.core.api.exceptions import MethodRefused, Unauthenticated, error_translate
from apps.core.errors import Invalid
from apps.mlflow_api.errors import error_response

Handler = Callable[..., HttpResponseBase]


def door(**handlers: Handler) -> Callable[..., HttpResponseBase]:
    """A view from handlers by method, e.g. `door(GET=run_get)`; each takes (actor, request, **path parts)."""

    @csrf_exempt
    def view(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        try:
            actor: Actor = request.actor  # type: ignore[attr-defined]
            if not actor.is_authenticated:
                raise Unauthenticated("Set MLFLOW_TRACKING_TOKEN to a Fairway token.")
            if actor.kind is ActorKind.USER and request.method not in ("GET", "HEAD"):
                # A session may be ridden by another site; a token may not.
                SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
            handler = handlers.get(request.method or "")
            if handler is None:
                raise MethodRefused(f"Only {', '.join(handlers)} here.")
            return handler(actor, request, **parts)
        except Exception as error:
            ours = error_translate(error)
            if ours is None:
                raise
            return error_response(ours)

    view.fairway_guard = "actor"  # type: ignore[attr-defined]
    return view


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body. Raises Invalid."""
    if request.content_type not in ("application/json", ""):
        raise Invalid("Send application/json.")
    try:
        value = json.loads(request.body or b"{}")
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


def text_of(source: dict[str, Any] | Any, name: str, *, required: bool = True, default: str = "") -> str:
    """A text field. Raises Invalid when it is missing or of another type."""
    value = source.get(name)
    if value is None or value == "":
        if required:
            raise Invalid.field(name, f"Missing value for required parameter '{name}'.")
        return default
    if not isinstance(value, str):
        raise Invalid.field(name, "Must be a text.")
    return value


def whole_of(source: dict[str, Any] | Any, name: str, default: int | None = None) -> int:
    """A 64-bit whole number, given as a number or as a text (proto JSON)."""
    value = source.get(name)
    if value is None or value == "":
        if default is None:
            raise Invalid.field(name, f"Missing value for required parameter '{name}'.")
        return default
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise Invalid.field(name, "Must be a whole number.")
    try:
        number = int(value)
    except (ValueError, OverflowError) as error:
        raise Invalid.field(name, "Must be a whole number.") from error
    if not -(2**63) <= number < 2**63:
        raise Invalid.field(name, "Must fit 64 bits.")
    return number


def float_of(source: dict[str, Any], name: str) -> float:
    """A number, or one of MLflow's words NaN, Infinity, -Infinity."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Invalid.field(name, "Must be a number.")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise Invalid.field(name, "Must be a number.") from error


def pairs_of(source: dict[str, Any], name: str, limit: int) -> dict[str, str]:
    """A list of {"key", "value"} objects as a dict."""
    rows = [] if source.get(name) is None else source[name]
    if not isinstance(rows, list) or len(rows) > limit:
        raise Invalid.field(name, f"Must be a list of at most {limit}.")
    pairs = {}
    for row in rows:
        if not isinstance(row, dict):
            raise Invalid.field(name, "Each entry has a key and a value.")
        pairs[text_of(row, "key")] = text_of(row, "value", required=False)
    return pairs


def run_id_of(value: str) -> uuid.UUID:
    """32 hexadecimal digits. Raises Invalid."""
    try:
        return uuid.UUID(hex=value)
    except (ValueError, AttributeError, TypeError) as error:
        raise Invalid.field("run_id", "A run id is 32 hexadecimal digits.") from error


def model_id_of(value: str) -> uuid.UUID:
    """`m-` and 32 hexadecimal digits. Raises Invalid."""
    try:
        return uuid.UUID(hex=value.removeprefix("m-"))
    except (ValueError, AttributeError, TypeError) as error:
        raise Invalid.field("model_id", "A model id is m- and 32 hexadecimal digits.") from error


def answer(body: dict[str, Any]) -> JsonResponse:
    return JsonResponse(body)
