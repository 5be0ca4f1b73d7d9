"""The inbox, the talk on a request, and what takes a request or an approval back."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.core.errors import Conflict, Invalid
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.reviews import selectors, services
from apps.reviews.registrations import inbox_item
from apps.reviews.web.decision import decision_page
from apps.reviews.web.forms import MessageForm, error_show
from apps.reviews.web.tables import REQUESTS

MOST_INBOX = 20


@page
@require_GET
def review_list(request: HttpRequest) -> HttpResponseBase:
    """What waits for this person, and every request below it."""
    actor = request.actor  # type: ignore[attr-defined]
    rows = list(selectors.inbox_list(actor)[: MOST_INBOX + 1])
    context = {
        "nav_key": "reviews",
        "inbox": [inbox_item(row) for row in rows[:MOST_INBOX]],
        "inbox_more": len(rows) > MOST_INBOX,
        "may_decide": actor.team_ids("approval.decide") is None or bool(actor.team_ids("approval.decide")),
    }
    return table_response(
        request, REQUESTS.bind(request, selectors.request_list(actor)), "reviews/review_list.html", context
    )


@page
@require_POST
def message_add(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask or answer; what was written stays when it is refused."""
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.request_get(actor, pk)
    form = MessageForm(request.POST)
    if form.is_valid():
        try:
            services.message_add(actor=actor, request_id=pk, text=form.cleaned_data["text"])
            return redirect(f"{request.path.removesuffix('messages/')}#talk")
        except Invalid as error:
            error_show(form, error)
    return decision_page(request, row, message_form=form, status=422)


@page
@require_POST
def request_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who asked takes the request back."""
    made = services.request_withdraw(
        actor=request.actor,  # type: ignore[attr-defined]
        request_id=pk,
        reason=request.POST.get("reason", "").strip()[:5000],
    )
    messages.success(request, f"Request {made.number} is withdrawn. Nobody has to decide on it any more.")
    return redirect("review-detail", pk=pk)


@page
@require_POST
def request_renew(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask again on today's evidence; what is still missing is shown on the form of a new request."""
    actor = request.actor  # type: ignore[attr-defined]
    try:
        made = services.request_renew(actor=actor, request_id=pk)
    except Conflict as error:
        if error.code != "not_ready":
            raise
        old = selectors.request_get(actor, pk)
        return redirect(f"{reverse('request-create')}?version={old.model_version_id}")
    messages.success(request, f"Request {made.number} replaces it. The deciders are told.")
    return redirect("review-detail", pk=made.pk)


@page
@require_POST
def approval_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a given approval back."""
    services.approval_withdraw(
        actor=request.actor,  # type: ignore[attr-defined]
        request_id=pk,
        reason=request.POST.get("reason", "")[:5000],
    )
    messages.success(request, "The approval is withdrawn. The gateway refuses the version from now on.")
    return redirect("review-detail", pk=pk)
