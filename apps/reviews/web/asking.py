"""Asking for approval: what the deciders will see, who decides, and what is missing with its fixes."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.core.errors import FairwayError, NotFound
from apps.core.policies import require, who_can
from apps.core.web.views import page
from apps.evaluations import selectors as evaluations
from apps.gates import selectors as gates
from apps.registry import selectors as registry
from apps.reviews import policies, selectors, services
from apps.reviews.readiness import request_missing
from apps.reviews.web.forms import RequestForm, error_show


@page
@require_http_methods(["GET", "POST"])
def request_create(request: HttpRequest) -> HttpResponse:
    """The form of a request for the version in `?version=`."""
    actor = request.actor  # type: ignore[attr-defined]
    try:
        version = registry.model_version_get(actor, uuid.UUID(request.GET.get("version") or request.POST["version"]))
    except (ValueError, KeyError):
        raise NotFound("Say for which version: open a version and press “Request approval”.") from None
    require(
        policies.request_send(actor, version.team_id),
        f"Asking for approval takes the right “approval.request”: {who_can('approval.request')} has it.",
    )
    waiting = selectors.request_open(version.pk)
    if waiting is not None and request.method == "GET":
        messages.info(request, "This request is open already.")
        return redirect("review-detail", pk=waiting.pk)
    form = RequestForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                made = services.approval_request(actor=actor, model_version_id=version.pk, **form.cleaned_data)
            except FairwayError as error:
                error_show(form, error)
            else:
                messages.success(request, f"Request {made.number} is sent. The deciders are told.")
                return redirect("review-detail", pk=made.pk)
        status = 422
    evaluation = evaluations.latest_for(version)
    missing = request_missing(version, evaluation)
    barred = {actor.id, version.trained_by_id, version.registered_by_id}
    live = registry.live_version_of(version.model)
    context: dict[str, Any] = {
        "nav_key": "reviews",
        "form": form,
        "version": version,
        "problem": version.model.problem,
        "evaluation": evaluation,
        "missing": missing,
        "deciders": selectors.deciders_for(version.team_id, barred),
        "live": live if live is not None and live.pk != version.pk else None,
    }
    if evaluation is not None:
        report = evaluations.report_of(evaluation)
        shown = gates.gate_list(evaluation)
        context |= {
            "verdict": evaluations.verdict_of(evaluation, report, focus=gates.gate_focus(shown)),
            **gates.gates_shown(shown),
        }
    return render(request, "reviews/request_create.html", context, status=status)
