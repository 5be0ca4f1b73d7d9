"""How a webhook, what it tells and what was sent read on a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.core import formats
from apps.webhooks.contracts import EVENTS, Outcome, Standing
from apps.webhooks.draining import ATTEMPTS_MAX
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.selectors import Health

EVENT_WORDS = {
    "registered_model.created": "model registered",
    "model_version.created": "version registered",
    "model_version_tag.set": "tag of a version set",
    "model_version_tag.deleted": "tag of a version removed",
    "model_version_alias.created": "alias set",
    "model_version_alias.deleted": "alias removed",
}
STATUS_WORDS = {Webhook.Status.ACTIVE.value: "active", Webhook.Status.DISABLED.value: "paused"}
# The code whose shape and colour each has, and its word.
STANDINGS = {
    Standing.FAILING: ("FAILED", "failing"),
    Standing.DELIVERS: ("DELIVERED", "delivers"),
    Standing.NEW: ("NEW", "nothing sent yet"),
    Standing.PAUSED: ("PAUSED", "paused"),
}


def event_words(event: str) -> str:
    return EVENT_WORDS.get(event, event)


def events_words(events: Sequence[str]) -> str:
    """What a webhook is told of, in the order of the list of all events."""
    if set(EVENTS) <= set(events):
        return "all events"
    return ", ".join(EVENT_WORDS[event] for event in EVENTS if event in events)


def delivery_state(delivery: Delivery) -> tuple[str, str]:
    """(code of the house, word)."""
    if delivery.state == Delivery.State.SENT:
        return "DELIVERED", "delivered"
    if delivery.state == Delivery.State.QUEUED:
        return ("DELAYED", "to be repeated") if delivery.attempts else ("QUEUED", "queued")
    return ("FAILED", "failed") if delivery.attempts else ("CANCELLED", "not sent")


def delivery_words(delivery: Delivery) -> str:
    """What came of a delivery, and what comes next."""
    if delivery.state == Delivery.State.SENT:
        return f"The target answered {delivery.response_status}."
    if delivery.state == Delivery.State.QUEUED:
        return f"{delivery.error} {_next(delivery)}".strip()
    if delivery.attempts >= ATTEMPTS_MAX:
        return f"{delivery.error} Given up after {delivery.attempts} attempts."
    if delivery.attempts and Outcome(status=delivery.response_status).is_final:
        return f"{delivery.error} It is not sent again after such an answer."
    return delivery.error


def _next(delivery: Delivery) -> str:
    if delivery.webhook.status != Webhook.Status.ACTIVE:
        return "It will not be sent, because the webhook is paused."
    if not delivery.attempts:
        return "It waits for its turn."
    due = delivery.next_at is None or delivery.next_at <= timezone.now()
    when = "is due" if due or delivery.next_at is None else f"follows {formats.ago(delivery.next_at)}"
    return f"Attempt {delivery.attempts + 1} of {ATTEMPTS_MAX} {when}."


def verdict(webhook: Webhook, health: Health) -> dict[str, Any]:
    """One sentence on how a webhook does, and what that means."""
    newest = health.newest
    if health.standing is Standing.PAUSED:
        text = "Nothing is sent, and what happens meanwhile is not told later."
        return {"tone": "warn", "title": "Paused.", "text": text}
    if newest is None:
        text = "Events are sent as they happen. A test shows at once whether the target answers."
        return {"tone": "info", "title": "Nothing was sent yet.", "text": text}
    if health.standing is Standing.DELIVERS:
        text = f"The target took the newest delivery {_ago(newest)} and answered {newest.response_status}."
        return {"tone": "good", "title": "Delivers.", "text": text}
    title = f"Failing since {_since(health.since)}: {_cause(newest)}"
    return {"tone": "bad", "title": title, "text": f"{_concerned(health)}{_changed(webhook, newest)}"}


def _ago(delivery: Delivery) -> str:
    return formats.ago(delivery.attempted_at) if delivery.attempted_at else ""


def _since(moment: datetime | None) -> str:
    if moment is None:
        return "the first attempt"
    local = timezone.localtime(moment)
    clock = f"{local:%H:%M}"
    return clock if local.date() == timezone.localdate() else f"{formats.day(local)}, {clock}"


def _cause(newest: Delivery) -> str:
    if newest.response_status is not None:
        return f"the target answers {newest.response_status}."
    return f"{newest.error[:1].lower()}{newest.error[1:]}" if newest.error else "the target cannot be reached."


def _concerned(health: Health) -> str:
    parts = []
    if health.waiting:
        parts.append(f"{deliveries_words(health.waiting)} to be repeated")
    if health.given_up:
        parts.append(f"{deliveries_words(health.given_up)} given up")
    return f"{', '.join(parts)}." if parts else ""


def deliveries_words(count: int) -> str:
    """1 delivery, 2 deliveries."""
    return f"{formats.num(count)} {'delivery' if count == 1 else 'deliveries'}"


def _changed(webhook: Webhook, newest: Delivery) -> str:
    """Whoever has just corrected the address should not read the old verdict as that of the new one."""
    if newest.attempted_at is None or webhook.updated_at <= newest.attempted_at:
        return ""
    return f" The webhook was changed {formats.ago(webhook.updated_at)}, after the last attempt: send a test."


def outcome_words(outcome: Outcome) -> str:
    """What came of a test."""
    if outcome.is_taken:
        return f"The target took it and answered {outcome.status}."
    return outcome.sentence
