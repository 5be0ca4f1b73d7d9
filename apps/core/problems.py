"""Problem details (RFC 9457): one shape for every error that a program reads."""

from __future__ import annotations

from typing import Any

from django.http import JsonResponse

from apps.core.errors import FairwayError

CONTENT_TYPE = "application/problem+json"


def problem_body(error: FairwayError, *, request_id: str = "") -> dict[str, Any]:
    """The body for an expected refusal."""
    body: dict[str, Any] = {
        "type": f"about:blank#{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    if error.fields:
        body["errors"] = error.fields
    if error.items:
        body["items"] = error.items
    if request_id:
        body["reference"] = request_id
    return body


def problem_response(error: FairwayError, *, request_id: str = "") -> JsonResponse:
    """An HTTP response for an expected refusal."""
    response = JsonResponse(problem_body(error, request_id=request_id), status=error.status)
    response["Content-Type"] = CONTENT_TYPE
    if error.status == 503:
        response["Retry-After"] = "2"
    return response
