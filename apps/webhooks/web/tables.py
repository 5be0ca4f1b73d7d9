"""The tables of webhooks and of what was sent to one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.core.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.core.templatetags import _marks, _numbers
from apps.webhooks import selectors
from apps.webhooks.contracts import EVENTS, Standing
from apps.webhooks.draining import ATTEMPTS_MAX
from apps.webhooks.models import Delivery
from apps.webhooks.targets import host_of
from apps.webhooks.web.words import STANDINGS, delivery_state, delivery_words, event_words, events_words

_EVENTS = [(event, event_words(event)) for event in EVENTS]


_STATES = [
    (Delivery.State.SENT.value, "delivered"),
    (Delivery.State.QUEUED.value, "queued or to be repeated"),
    (Delivery.State.FAILED.value, "failed"),
]


class EventsFilter(ChoiceFilter):
    """Webhooks that are told of one of some events."""

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(events__has_any_keys=list(values))


class TeamFilter(ChoiceFilter):
    """Webhooks of some teams; what is no id is ignored."""

    def clean(self, values: Sequence[str]) -> list[str]:
        kept = []
        for value in super().clean(values):
            with suppress(ValueError):
                kept.append(str(uuid.UUID(value)))
        return kept


def _teams(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = selectors.webhook_teams(request.actor)  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def _last(webhook: Any) -> Any:
    """When the newest attempt was, and how it ended."""
    if webhook.tried_at is None:
        return None
    answered = "not reached" if webhook.tried_status is None else f"answered {webhook.tried_status}"
    return format_html("{}, {}", answered, _numbers.ago(webhook.tried_at))


def _event(delivery: Any) -> str:
    return event_words(delivery.event)


WEBHOOKS = Table(
    key="webhooks",
    columns=[
        Column("name", "Webhook", sort="name", link=True),
        Column("team", "Team", sort="team__name", value="team.name"),
        Column(
            "host",
            "Host",
            sort="host",
            value=lambda webhook: host_of(webhook.url),
            help="The path of the address may hold a key, so it is not shown here",
        ),
        Column("events", "Events", value=lambda webhook: events_words(webhook.events), wrap=True),
        Column(
            "state",
            "State",
            sort="standing",
            render=lambda webhook: _marks.state(*STANDINGS[Standing(webhook.standing)]),
            csv=lambda webhook: STANDINGS[Standing(webhook.standing)][1],
        ),
        Column("last", "Last delivery", sort="tried_at", render=_last, csv=lambda webhook: webhook.tried_at),
        Column("signed", "Signed", value=lambda webhook: bool(webhook.secret), format="bool", default_visible=False),
        Column("by", "Created by", sort="created_by_label", value="created_by_label", default_visible=False),
        Column("created", "Created", sort="id", value="created_at", format="ago", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a webhook", ["name", "description", "host"]),
        ChoiceFilter(
            "state", "State", [(one.value, words) for one, (_, words) in STANDINGS.items()], lookup="standing"
        ),
        EventsFilter("event", "Event", _EVENTS),
        TeamFilter("team", "Team", _teams, lookup="team_id"),
    ],
    default_sort="name",
    row_url=lambda webhook: reverse("webhook-detail", args=[webhook.pk]),
    label="Webhooks",
    noun="webhook",
)

DELIVERIES = Table(
    key="deliveries",
    columns=[
        Column(
            "event",
            "Event",
            sort="event",
            link=True,
            value=lambda row: event_words(row.event),
            csv=lambda row: row.event,
        ),
        Column(
            "state",
            "State",
            sort="state",
            render=lambda row: _marks.state(*delivery_state(row)),
            csv=lambda row: delivery_state(row)[1],
        ),
        Column(
            "attempts",
            "Attempts",
            sort="attempts",
            render=lambda row: f"{row.attempts} of {ATTEMPTS_MAX}",
            csv=lambda row: row.attempts,
            numeric=True,
        ),
        Column("answer", "Answer", sort="response_status", value="response_status", numeric=True, help="HTTP status"),
        Column("told", "Result", value=delivery_words, wrap=True, css="fw-cut"),
        Column("when", "Happened", sort="id", value="created_at", format="ago"),
        Column("tried", "Last attempt", sort="attempted_at", value="attempted_at", format="ago", default_visible=False),
        Column("id", "Id", value="pk", format="id", csv=lambda row: row.pk.hex, default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", _STATES),
        ChoiceFilter("event", "Event", _EVENTS),
        DateFilter("since", "Not before", "created_at", "gte"),
    ],
    default_sort="-when",
    per_page=25,
    row_url=lambda row: reverse("webhook-delivery", args=[row.pk]),
    label="Deliveries",
    noun="delivery",
    empty_title="Nothing was sent yet",
    empty_text="Each event is listed here with the target's answer, and kept for 30 days.",
)
