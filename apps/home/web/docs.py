"""The reference of the JSON API, drawn from the same description that clients read."""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from apps.core.web.views import page
from apps.home.document import document
from apps.home.web.reference import Subject, subjects_of


@lru_cache(maxsize=8)
def reference(base: str) -> tuple[tuple[Subject, ...], SafeString]:
    """The subjects, and all operations drawn for an installation at `base`: a thousand rows that never differ."""
    subjects = subjects_of(document(), base)
    return subjects, render_to_string("home/_api_reference.html", {"subjects": subjects})


@require_GET
@page
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every operation by subject: what it takes, what it answers, and how curl calls it."""
    subjects, drawn = reference(request.build_absolute_uri("/").rstrip("/"))
    context = {
        "subjects": subjects,
        "reference": drawn,
        "count": sum(len(subject.operations) for subject in subjects),
        "errors": "400, 401, 403, 404, 405, 406, 409, 413, 415, 429, 503",
    }
    return render(request, "home/api_docs.html", context)
