"""The one way into a view of this room: default-deny, JSON in, MLflow's errors out."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication

from apps.accounts.selectors import BelievedActor
from apps.core.actors import Actor, ActorKind
from apps.core.api.exceptions import MethodRefused, Unauthenticated, error_translate
from apps.core.errors import Invalid, NotFound, TooLarge
from apps.core.ids import id_read
from apps.core.quick_json import json_bytes
from apps.mlflow_api.api.teams import actor_in_workspace
from apps.mlflow_api.errors import error_response

Handler = Callable[..., HttpResponseBase]
# What a JSON body or a query is: names to values.
Source = Mapping[str, Any]

# MLflow keeps an infinity as the largest double; clients read that back.
LARGEST = 1.7976931348623157e308
# The largest whole number of 64 bits.
LONGEST = 2**63 - 1
_PLAUSIBLE_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")
# Escapes that JSON allows and a database refuses: NUL and halves of surrogate pairs.
_UNSAFE_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def door(*, everywhere: bool = False, proves: bool = False, **handlers: Handler) -> Callable[..., HttpResponseBase]:
    """A view from handlers by method, e.g. `door(GET=run_get)`; each takes (actor, request, **path parts).

    The actor has what it has in the workspace of the header; with `everywhere`, which is for calls about people,
    teams and the server itself, what it has in all of them. Handlers that `prove` their actor in the statement that
    writes get one by memory, where there is one; whether it stands is known when they are done.
    """

    def handled(actor: Actor, request: HttpRequest, parts: dict[str, Any]) -> HttpResponseBase:
        handler = handlers.get(request.method or "")
        if handler is None:
            raise MethodRefused(f"Only {', '.join(handlers)} here.")
        return handler(actor if everywhere else actor_in_workspace(actor, request), request, **parts)

    @csrf_exempt
    def view(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        try:
            actor: Actor = request.actor  # type: ignore[attr-defined]
            if isinstance(actor, BelievedActor):
                try:
                    return handled(actor, request, parts)
                finally:
                    # Also who is refused for another reason is told first that the token is none any more.
                    if not actor.proven:
                        actor.now()
            if not actor.is_authenticated:
                raise Unauthenticated("Set MLFLOW_TRACKING_TOKEN to a Fairway token.")
            if actor.kind is ActorKind.USER and request.method not in ("GET", "HEAD"):
                # A session may be ridden by another site; a token may not.
                SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type]
            return handled(actor, request, parts)
        except Exception as error:
            ours = error_translate(error)
            if ours is None:
                raise
            return error_response(ours)

    view.fairway_guard = "actor"  # type: ignore[attr-defined]
    view.fairway_methods = tuple(handlers)  # type: ignore[attr-defined]
    view.fairway_proves = proves  # type: ignore[attr-defined]
    return view


def bytes_of(request: HttpRequest) -> bytes:
    """The whole body. Raises TooLarge."""
    try:
        return request.body
    except RequestDataTooBig as error:
        raise TooLarge("The request is larger than what is accepted. Send it in parts.") from error


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body, {} for an empty one. Raises Invalid, TooLarge."""
    if request.content_type not in ("application/json", ""):
        raise Invalid("Bad Request. Content-Type must be one of ['application/json'].")
    raw = bytes_of(request)
    try:
        value = json.loads(raw or b"{}")
        if _UNSAFE_ESCAPE.search(raw):
            _storable_check("The body", value)
    except (ValueError, UnicodeError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


def _storable_check(what: str, value: Any) -> None:
    """Raise Invalid, or UnicodeError, for texts that the database refuses."""
    json.dumps(value, ensure_ascii=False).encode()
    if _holds_nul(value):
        raise Invalid(f"{what} holds a NUL character, which cannot be stored.")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(held) for key, held in value.items())
    return isinstance(value, list) and any(_holds_nul(held) for held in value)


def args_of(request: HttpRequest) -> Source:
    """What a GET call says: its query, or its body when it has no query (as MLflow's servers read it)."""
    empty = request.method == "GET" and request.META.get("CONTENT_LENGTH") in (None, "", "0")
    return request.GET if request.GET or empty else body_of(request)


def _missing(name: str) -> Invalid:
    return Invalid.field(name, f"Missing value for required parameter '{name}'.")


def _wrong(name: str, value: Any) -> Invalid:
    shown = json.dumps(value, default=str)[:200]
    return Invalid.field(name, f"Invalid value {shown} for parameter '{name}' supplied.")


def text_of(source: Source, name: str, *, required: bool = True, default: str = "") -> str:
    """A text field. Raises Invalid when it is missing or of another type."""
    value = source.get(name)
    if value is None or value == "":
        if required:
            raise _missing(name)
        return default
    if not isinstance(value, str) or "\x00" in value:
        raise _wrong(name, value)
    return value


def json_of(source: Source, name: str) -> Any:
    """What a text field holds as JSON. Raises Invalid, also for what no database keeps: NaN, infinities, NUL."""
    text = text_of(source, name)
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
        _storable_check(f"'{name}'", value)
    except (ValueError, RecursionError) as error:
        raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: it is not JSON: {error}") from error
    return value


def whole_of(source: Source, name: str, default: int | None = None) -> int:
    """A 64-bit whole number, given as a number or as a text (proto JSON)."""
    value = source.get(name)
    if value is None or value == "":
        if default is None:
            raise _missing(name)
        return default
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise _wrong(name, value)
    try:
        number = int(value)
    except (ValueError, OverflowError) as error:
        raise _wrong(name, value) from error
    if not -(2**63) <= number < 2**63:
        raise _wrong(name, value)
    return number


def float_of(source: Source, name: str) -> float:
    """A number, or one of MLflow's words NaN, Infinity, -Infinity; infinities become the largest double."""
    value = source.get(name)
    if value is None:
        raise _missing(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(name, value)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise _wrong(name, value) from error
    return max(-LARGEST, min(LARGEST, number)) if number == number else number


def word_of(source: Source, name: str, words: Mapping[int, str]) -> str:
    """A value of an enum by its name, or by its number as proto JSON allows; "" when it is missing."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return words.get(value, str(value))
    return text_of(source, name, required=False)


def flag_of(source: Source, name: str) -> bool:
    """A truth value, as JSON or as the text of a query; False when it is missing."""
    value = source.get(name)
    if value in (None, "", False, "false", "False"):
        return False
    if value in (True, "true", "True"):
        return True
    raise _wrong(name, value)


def list_of(source: Source, name: str, limit: int | None = None) -> list[Any]:
    """A list, [] when it is missing. Raises Invalid for another type or more than `limit` entries."""
    value = source.getlist(name) if hasattr(source, "getlist") else source.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, value)
    if limit is not None and len(value) > limit:
        raise Invalid.field(
            name,
            f"A request can contain at most {limit} {name}. Got {len(value)} {name}. "
            f"Please split up {name} across multiple requests and try again.",
        )
    return value


def rows_of(source: Source, name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """A list of JSON objects."""
    rows = list_of(source, name, limit)
    for row in rows:
        if not isinstance(row, dict):
            raise _wrong(name, row)
    return rows


def pairs_of(source: Source, name: str, limit: int | None = None) -> dict[str, str]:
    """A list of {"key", "value"} objects as a dict; the last of a repeated key counts."""
    return {text_of(row, "key"): text_of(row, "value", required=False) for row in rows_of(source, name, limit)}


def run_id_of(value: str) -> uuid.UUID:
    """32 hexadecimal digits. Raises NotFound for what could be some other server's id, else Invalid."""
    try:
        return uuid.UUID(hex=value)
    except (ValueError, AttributeError, TypeError) as error:
        if isinstance(value, str) and _PLAUSIBLE_ID.match(value):
            raise NotFound(f"Run with id={value} not found.") from error
        raise _wrong("run_id", value) from error


def run_id_in(source: Source) -> uuid.UUID:
    """The run that a call names, by `run_id` or by its older name."""
    value = text_of(source, "run_id", required=False) or text_of(source, "run_uuid", required=False)
    if not value:
        raise _missing("run_id")
    return run_id_of(value)


def model_id_of(value: str) -> uuid.UUID:
    """`m-` and 32 hexadecimal digits. Raises NotFound for what could be some other server's id, else Invalid."""
    try:
        return uuid.UUID(hex=value.removeprefix("m-"))
    except (ValueError, AttributeError, TypeError) as error:
        if isinstance(value, str) and _PLAUSIBLE_ID.match(value):
            raise NotFound(f"Logged model with ID '{value}' not found.") from error
        raise _wrong("model_id", value) from error


def prefixed_id_of(text: str, prefix: str, missing: str) -> uuid.UUID:
    """A prefix such as `d-` and 32 hexadecimal digits. Raises NotFound with the sentence `missing` for all else."""
    found = id_read(text.removeprefix(prefix))
    if found is None:
        raise NotFound(missing)
    return found


def answer(body: dict[str, Any]) -> HttpResponse:
    return HttpResponse(json_bytes(body), content_type="application/json")
