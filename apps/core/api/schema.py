"""OpenAPI: only the versioned API is described, with problem details as the error of every operation."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema

_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "items": {"type": "array", "items": {}},
        "reference": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail"],
}
_ERRORS = {
    "400": "The input breaks a rule; `errors` names the fields.",
    "401": "Nobody is signed in, or the token is not valid.",
    "403": "The actor may not do this.",
    "404": "There is no such thing, or the actor may not see it.",
    "405": "The method does not exist here.",
    "406": "The content type asked for is not written here.",
    "409": "The present state does not allow this; `items` lists what stands in the way.",
    "413": "The body is too large.",
    "415": "The content type is not read here.",
    "429": "Too many requests.",
    "503": "A part of the system cannot be reached; try again after `Retry-After` seconds.",
}


def only_versioned(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep the operations under /api/v1/ for people and services; the attempt's own API is internal."""
    return [
        entry for entry in endpoints if entry[0].startswith("/api/v1/") and not entry[0].startswith("/api/v1/attempt")
    ]


def any_value_once(result: Any, **kwargs: Any) -> Any:
    """Any JSON, which may be null, is written as "anything": null would be valid twice, and `oneOf` wants one."""
    if isinstance(result, dict):
        if result.get("oneOf") == [{}, {"type": "null"}]:
            del result["oneOf"]
        for value in result.values():
            any_value_once(value)
    elif isinstance(result, list):
        for value in result:
            any_value_once(value)
    return result


class FairwaySchema(AutoSchema):
    """drf-spectacular's schema with the errors that every operation may answer."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for status, text in _ERRORS.items():
            bodies.setdefault(
                status, {"description": text, "content": {"application/problem+json": {"schema": _PROBLEM}}}
            )
        return bodies
