"""Request id, security headers and the answer when the database or broker is away."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.html import escape

from apps.core.away import away_error
from apps.core.errors import FairwayError, Unavailable
from apps.core.problems import problem_response

GetResponse = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"^[A-Za-z0-9_-]{8,64}$")
_JSON_PATHS = (
    "/api/",
    "/ajax-api/",
    "/internal/",
    "/health/",
    "/v1/",
    "/get-artifact",
    "/model-versions/get-artifact",
    "/version",
    "/live/",
)


def wants_json(request: HttpRequest) -> bool:
    """True for the program doors: their errors are JSON, never HTML."""
    return request.path.startswith(_JSON_PATHS)


class RequestIdMiddleware:
    """Give each request a reference that errors, audit entries and logs share."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex[:16]  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class SecurityHeadersMiddleware:
    """A strict content policy on every answer; a view may set a stricter one of its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def refusal_response(request: HttpRequest, error: FairwayError) -> HttpResponse:
    """Answer an expected refusal in the language of the door: problem details, or a designed page."""
    request_id = getattr(request, "request_id", "")
    if wants_json(request):
        return problem_response(error, request_id=request_id)
    template = f"{error.status}.html" if error.status in (400, 403, 404, 409, 503) else "400.html"
    context = {"error": error, "request_id": request_id}
    if error.status == 503:
        # Without the request: the frame of a page asks the database, which may be what is away.
        return HttpResponse(render_to_string(template, context), status=503, headers={"Retry-After": "2"})
    return render(request, template, context, status=error.status)


class ErrorsMiddleware:
    """Turn expected refusals, and a lost database or broker, into clear answers; never a 500 for those."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except Exception as error:
            away = away_error(error)
            if away is None:
                raise
            return away_response(request, away)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, FairwayError):
            return refusal_response(request, exception)
        away = away_error(exception)
        return away_response(request, away) if away is not None else None


def away_response(request: HttpRequest, error: Unavailable) -> HttpResponse:
    """503 with Retry-After, without asking the database for anything."""
    if wants_json(request):
        return problem_response(error, request_id=getattr(request, "request_id", ""))
    response = HttpResponse(_AWAY_PAGE % escape(error.detail), status=503)
    response["Retry-After"] = "2"
    return response


# The page must not need the database (sessions, navigation), so it stands alone.
_AWAY_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<title>Fairway is waiting for its database</title><link rel="stylesheet" href="/static/css/away.css"></head>
<body><main class="fw-away"><h1>Fairway is waiting for its database</h1>
<p>%s This page looks again every five seconds.</p>
</main></body></html>"""
