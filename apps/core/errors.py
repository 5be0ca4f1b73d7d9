"""The errors that services raise. Every door (HTML, JSON, MLflow) translates them in one place of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class FairwayError(Exception):
    """Base of all expected refusals. `code` is stable for programs, `detail` is a sentence for people."""

    status = 400
    code = "refused"
    title = "The request was refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        fields: Mapping[str, Sequence[str]] | None = None,
        items: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}
        self.items = list(items or [])


class Invalid(FairwayError):
    """The input breaks a rule; `fields` names where."""

    status = 400
    code = "invalid"
    title = "Some of the input is not right"

    @classmethod
    def field(cls, name: str, message: str) -> Invalid:
        return cls(message, fields={name: [message]})


class Forbidden(FairwayError):
    """The actor sees the thing but may not do this; `detail` says who can."""

    status = 403
    code = "forbidden"
    title = "You may not do this"


class NotFound(FairwayError):
    """There is no such thing, or the actor may not know of it."""

    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(FairwayError):
    """The thing is not in a state that allows this, or somebody was faster; `items` lists what stands in the way."""

    status = 409
    code = "conflict"
    title = "This does not fit the present state"


class TooLarge(FairwayError):
    """The input is larger than what is accepted."""

    status = 413
    code = "too_large"
    title = "Too large"


class Unavailable(FairwayError):
    """A part of the system cannot be reached now; trying later is right."""

    status = 503
    code = "unavailable"
    title = "A part of the system cannot be reached"
