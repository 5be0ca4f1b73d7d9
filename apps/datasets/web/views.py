"""Reading data: the list, a dataset, a version with its profile."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.web.views import page
from apps.datasets import selectors


@page
@require_safe
def version_detail_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One version: verdict, profile, support, sample, roles and split."""
    version = selectors.dataset_version_get(request.actor, pk)  # type: ignore[attr-defined]
    return render(request, "datasets/version_detail.html", {"version": version, "nav_key": "data"})
