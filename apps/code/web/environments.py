"""Pages of environments: the list, one with what uses it, building and removing."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.code import policies, selectors, services
from apps.code.contracts import environment_uses
from apps.code.models import Environment
from apps.code.web.tables import ENVIRONMENTS, tabs
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.jobs import selectors as jobs


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def environment_list(request: HttpRequest) -> HttpResponseBase:
    """The environments of the team, and Fairway's own."""
    team = accounts.team_current(request)
    rows = selectors.environment_list(_actor(request), team_id=team.pk if team else None)
    context = {"nav_key": "code", "tabs": tabs("environments"), "own": selectors.environment_own()}
    return table_response(request, ENVIRONMENTS.bind(request, rows), "code/environment_list.html", context)


@page
@require_safe
def environment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One environment: state, packages, what uses it, its log."""
    actor = _actor(request)
    environment = selectors.environment_get(actor, pk)
    uses = environment_uses([pk])[pk]
    may = policies.code_bring(actor, environment.team_id)
    state = Environment.State
    menu: list[dict[str, Any]] = []
    removable = may and environment.state == state.READY and not uses.keepers
    if removable:
        menu.append({"label": "Remove", "icon": "trash", "open": "remove-environment", "bad": True})
    hits = [f"{formats.size(environment.archive_size or 0)} in the store"]
    hits.append(f"{formats.num(uses.runs)} past runs keep their digest; the next launch builds it again")
    context = {
        "nav_key": "code",
        "tabs": tabs("environments"),
        "environment": environment,
        "job": _job(actor, environment),
        "uses": uses,
        "menu": menu,
        "removable": removable,
        "hits": hits,
        "may_build": may and environment.state in (state.FAILED, state.REMOVED),
        "build_url": reverse("environment-build", args=[pk]),
    }
    return render(request, "code/environment_detail.html", context)


def _job(actor: Actor, environment: Environment) -> Any:
    if environment.job_id is None:
        return None
    try:
        return jobs.job_get(actor, environment.job_id)
    except NotFound:
        return None


@page
@require_POST
def environment_build(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Build it again, and go to the job."""
    environment = services.environment_build(actor=_actor(request), environment_id=pk)
    if environment.state == Environment.State.BUILDING and environment.job_id:
        return redirect("job-detail", pk=environment.job_id)
    return redirect("environment-detail", pk=pk)


@page
@require_POST
def environment_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove its packages."""
    try:
        services.environment_delete(actor=_actor(request), environment_id=pk, reason=request.POST.get("reason", ""))
        messages.success(request, "The packages are removed. The lock stays and can be built again.")
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    return redirect("environment-detail", pk=pk)
