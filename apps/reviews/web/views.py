"""Pages of reviews."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core.web.views import page
from apps.reviews import selectors


@page
def review_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = selectors.request_get(request.actor, pk)
    return render(request, "page.html", {"request_": found})
