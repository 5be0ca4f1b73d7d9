"""Pages of webhooks: for who manages them, the list of all teams; one with what was sent to it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.registries import admin_tabs
from apps.core.tables import part_alone, table_response
from apps.core.web.views import page
from apps.webhooks import policies, selectors, services
from apps.webhooks.contracts import Outcome
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.targets import host_of
from apps.webhooks.web.forms import WebhookCreateForm, WebhookEditForm
from apps.webhooks.web.tables import DELIVERIES, WEBHOOKS
from apps.webhooks.web.words import (
    EVENT_WORDS,
    STANDINGS,
    deliveries_words,
    delivery_state,
    delivery_words,
    event_words,
    outcome_words,
    verdict,
)


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {"tabs": admin_tabs(_actor(request), "webhooks"), "nav_key": "admin"}


@page
@require_safe
def webhook_list(request: HttpRequest) -> HttpResponseBase:
    """The webhooks of all teams in which the person manages them."""
    actor = _actor(request)
    policies.require_webhooks_open(actor)
    table = WEBHOOKS.bind(request, selectors.webhook_table(actor))
    return table_response(request, table, "webhooks/webhook_list.html", _frame(request))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_create(request: HttpRequest) -> HttpResponse:
    """A new webhook of one team."""
    actor = _actor(request)
    policies.require_webhooks_open(actor)
    team = accounts.team_current(request)
    teams = selectors.webhook_teams(actor)
    form = WebhookCreateForm(
        request.POST or None, teams=teams, initial={"team": str(team.pk) if team else ""}, label_suffix=""
    )
    if request.method == "POST" and form.is_valid():
        try:
            webhook = services.webhook_create(actor=actor, **form.values())
        except (Invalid, Conflict) as error:
            form.take_error(error)
        else:
            messages.success(request, f"{webhook.name} is created. Send a test to see whether the target answers.")
            return redirect("webhook-detail", pk=webhook.pk)
    return _form_page(request, {"form": form}, status=422 if form.errors else 200)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change a webhook; a stale form shows both versions."""
    actor = _actor(request)
    webhook = selectors.webhook_get(actor, pk)
    form = WebhookEditForm(request.POST or None, webhook=webhook, label_suffix="")
    context: dict[str, Any] = {"form": form, "webhook": webhook}
    if request.method == "POST" and form.is_valid():
        changes = form.changes()
        if not changes:
            messages.info(request, "Nothing was changed.")
            return redirect("webhook-detail", pk=pk)
        try:
            services.webhook_update(actor=actor, webhook_id=pk, row_version=form.cleaned_data["row_version"], **changes)
        except (Invalid, Conflict) as error:
            if error.code == "stale":
                # The second send is meant: it is made against what stands now, which the page shows.
                resent = request.POST.copy()
                resent["row_version"] = str(webhook.row_version)
                form.data = resent
                return _form_page(request, {**context, "stale": error, "differences": form.differences()}, status=409)
            form.take_error(error)
        else:
            messages.success(request, "Saved.")
            return redirect("webhook-detail", pk=pk)
    return _form_page(request, context, status=422 if form.errors else 200)


def _form_page(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    response = render(request, "webhooks/webhook_form.html", {**context, "nav_key": "admin"}, status=status)
    # The form holds the whole address, which may hold a key.
    add_never_cache_headers(response)
    return response


@page
@require_safe
def webhook_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """One webhook: whether it delivers, and what was sent."""
    webhook = selectors.webhook_get(_actor(request), pk)
    table = DELIVERIES.bind(request, selectors.delivery_list(webhook).defer("body"))
    context = {} if table.wants_csv or part_alone(table) else _context(request, webhook)
    return table_response(request, table, "webhooks/webhook_detail.html", context)


def _context(request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
    health = selectors.webhook_health(webhook)
    code, word = STANDINGS[health.standing]
    return {
        **_frame(request),
        **_test_context(webhook),
        "host": host_of(webhook.url),
        "state_code": code,
        "state_word": word,
        "verdict": verdict(webhook, health),
        "active": webhook.status == Webhook.Status.ACTIVE,
        "menu": [
            *_resend(webhook),
            {"label": "Edit", "icon": "edit", "url": reverse("webhook-edit", args=[webhook.pk])},
            {"label": "Remove", "icon": "trash", "open": "remove-webhook", "bad": True},
        ],
    }


def _resend(webhook: Webhook) -> list[dict[str, Any]]:
    """The entry that sends again what was given up, where there is any and it would be sent."""
    if webhook.status != Webhook.Status.ACTIVE or not selectors.has_missed(webhook):
        return []
    return [{"label": "Send missed again", "icon": "send", "post": reverse("webhook-resend", args=[webhook.pk])}]


def _test_context(webhook: Webhook, event: str = "", outcome: Outcome | None = None) -> dict[str, Any]:
    return {
        "webhook": webhook,
        "events": [(one, words) for one, words in EVENT_WORDS.items() if one in webhook.events],
        "tested": event,
        "outcome": outcome,
        "outcome_text": outcome_words(outcome) if outcome else "",
    }


@page
@require_POST
def webhook_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send an example and show what the target answered: its status alone, never its words."""
    actor = _actor(request)
    webhook = selectors.webhook_get(actor, pk)
    asked = request.POST.get("event", "")
    event = asked if asked in webhook.events else ""
    outcome = services.webhook_test(actor=actor, webhook_id=pk, event=event)
    if request.headers.get("HX-Request"):
        return render(request, "webhooks/_test.html", _test_context(webhook, event, outcome))
    say = messages.success if outcome.is_taken else messages.error
    say(request, f"Test: {outcome_words(outcome)}")
    return redirect("webhook-detail", pk=pk)


@page
@require_POST
def webhook_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send nothing until it is resumed."""
    services.webhook_update(actor=_actor(request), webhook_id=pk, status=Webhook.Status.DISABLED)
    messages.success(request, "Paused. What happens from now on is not told.")
    return redirect("webhook-detail", pk=pk)


@page
@require_POST
def webhook_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send events again."""
    services.webhook_update(actor=_actor(request), webhook_id=pk, status=Webhook.Status.ACTIVE)
    messages.success(request, "Resumed. Events are sent from now on.")
    return redirect("webhook-detail", pk=pk)


@page
@require_POST
def webhook_resend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send everything that was given up again."""
    try:
        count = services.deliveries_resend(actor=_actor(request), webhook_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{deliveries_words(count)} will be sent again, the oldest first.")
    return redirect("webhook-detail", pk=pk)


@page
@require_POST
def webhook_delivery_resend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send one delivery again."""
    try:
        services.delivery_resend(actor=_actor(request), delivery_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "It will be sent again.")
    return redirect("webhook-delivery", pk=pk)


@page
@require_POST
def webhook_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End a webhook for good."""
    webhook = services.webhook_archive(actor=_actor(request), webhook_id=pk)
    messages.success(request, f"{webhook.name} is removed. Nothing more is sent to it.")
    return redirect("webhook-list")


@page
@require_safe
def webhook_delivery(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One delivery with its body."""
    delivery = selectors.delivery_get(_actor(request), pk)
    code, word = delivery_state(delivery)
    context = {
        "nav_key": "admin",
        "delivery": delivery,
        "webhook": delivery.webhook,
        "event_words": event_words(delivery.event),
        "state_code": code,
        "state_word": word,
        "told": delivery_words(delivery),
        "tone": _TONES[code],
        "may_resend": delivery.state == Delivery.State.FAILED and delivery.webhook.status == Webhook.Status.ACTIVE,
        "body": _body_text(delivery.body),
    }
    return render(request, "webhooks/delivery_detail.html", context)


_TONES = {"DELIVERED": "good", "DELAYED": "warn", "QUEUED": "info", "FAILED": "bad", "CANCELLED": "info"}


def _body_text(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body
