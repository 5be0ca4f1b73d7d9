"""The page that says how the installation is."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.registries import admin_tabs
from apps.core.web.views import page
from apps.home.health import facts
from apps.home.health.policies import require_health_see
from apps.jobs import services as jobs

_TONES = {facts.OK: "good", facts.WARN: "warn", facts.DOWN: "bad", facts.NONE: "none"}
_WORDS = {facts.OK: "well", facts.WARN: "needs a look", facts.DOWN: "down", facts.NONE: "not set up"}
_CODES = {facts.OK: "OK", facts.WARN: "WARN", facts.DOWN: "DOWN", facts.NONE: "NOT_STARTED"}
_LEADS = {"targets": "compute-list", "queues": "job-list", "stores": "storage-usage"}


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Verdict first, then every part, then the workers."""
    require_health_see(_actor(request))
    context = {"tabs": admin_tabs(_actor(request), "health"), "nav_key": "admin", **_context()}
    return render(request, "home/health.html", context)


@page
@require_safe
def health_now(request: HttpRequest) -> HttpResponse:
    """What of the page changes by itself."""
    require_health_see(_actor(request))
    return render(request, "home/_health.html", _context())


def _context() -> dict[str, Any]:
    found = facts.health_collect()
    return {
        "health": found,
        "tone": _TONES[found.state],
        "parts": [
            {
                "part": part,
                "code": _CODES[part.state],
                "word": _WORDS[part.state],
                "facts": list(part.facts.items()),
                "url": reverse(_LEADS[part.key]) if part.key in _LEADS else "",
            }
            for part in found.parts
        ],
        "workers": found.workers,
    }


@page
@require_POST
def worker_drain(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have a worker take nothing new."""
    try:
        worker = jobs.worker_drain(actor=_actor(request), worker_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{worker} finishes what it holds and takes nothing new.")
    return redirect("health")


@page
@require_POST
def worker_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have a worker take jobs again."""
    try:
        worker = jobs.worker_resume(actor=_actor(request), worker_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{worker} takes jobs again.")
    return redirect("health")
