"""The reference of the JSON API, drawn from the same description that clients read."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

from apps.core.web.views import page
from apps.home.web.reference import subjects_of


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; it changes only with the code."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@require_GET
@page
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every operation by subject: what it takes, what it answers, and how curl calls it."""
    subjects = subjects_of(document(), request.build_absolute_uri("/").rstrip("/"))
    context = {
        "subjects": subjects,
        "count": sum(len(subject.operations) for subject in subjects),
        "errors": "400, 401, 403, 404, 405, 406, 409, 413, 415, 429, 503",
    }
    return render(request, "home/api_docs.html", context)
