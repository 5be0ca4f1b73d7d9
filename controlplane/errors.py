"""The error pages and JSON errors of last resort."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from apps.core.away import away_error
from apps.core.errors import FairwayError, Forbidden, Invalid, NotFound
from apps.core.middleware import away_response, refusal_response, wants_json
from apps.core.problems import problem_response


class Broken(FairwayError):
    """A bug: the only 500 there is."""

    status = 500
    code = "internal_error"
    title = "Something broke on our side"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal_response(request, Invalid("The request cannot be read."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal_response(request, Forbidden(str(exception) or "You may not do this."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal_response(request, NotFound("There is no such page, or you may not see it."))


def broken(request: HttpRequest) -> HttpResponse:
    # Django answers what a middleware raises before any middleware outside of it can see it.
    raised = sys.exc_info()[1]
    away = away_error(raised) if raised is not None else None
    if away is not None:
        return away_response(request, away)
    error = Broken("The fault is recorded under the reference. Nothing more is known to have been changed.")
    request_id = getattr(request, "request_id", "")
    if wants_json(request):
        return problem_response(error, request_id=request_id)
    # Without the request: what broke may be what the frame of a page needs.
    return HttpResponse(render_to_string("500.html", {"error": error, "request_id": request_id}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = Forbidden(
        "The form was not sent from a page of this site, or the page was open for too long. "
        "Load the page again and repeat.",
        code="csrf",
    )
    return refusal_response(request, error)
