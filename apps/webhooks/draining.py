"""Sending what is queued: one worker at a time for each webhook, oldest first, repeated with growing waits."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.webhooks.contracts import Outcome
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.sending import post

ATTEMPTS_MAX = 8
KEEP_DAYS = 30
_FIRST_WAIT_SECONDS = 30
# So long one worker sends to one webhook before others may; a dead worker's claim ends by itself.
_TURN_SECONDS = 30.0
_CLAIM = timedelta(seconds=90)
# So many webhooks are sent to at the same time: slow targets must not hold every thread of the worker.
AT_ONCE = 3
_TRIED = ["error", "attempts", "attempted_at", "response_status", "next_at"]


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 30 s, doubled each time, an hour at most."""
    return timedelta(seconds=min(_FIRST_WAIT_SECONDS * 2 ** max(attempts - 1, 0), 3600))


def webhook_deliveries_send(webhook_id: uuid.UUID) -> int:
    """Send what is due to one webhook; returns how many attempts were made.

    Nothing is sent while somebody else sends to it, or while enough others are sent to: the sweep asks again.

    Ends at the first attempt that has to be repeated: the target is away, and what follows would wait in vain.
    """
    now = timezone.now()
    if Webhook.objects.filter(busy_until__gte=now).count() >= AT_ONCE:
        return 0
    free = Webhook.objects.filter(Q(busy_until__isnull=True) | Q(busy_until__lt=now), pk=webhook_id)
    if not free.update(busy_until=now + _CLAIM):
        return 0
    try:
        return _send_due(webhook_id)
    finally:
        Webhook.objects.filter(pk=webhook_id).update(busy_until=None)


def _send_due(webhook_id: uuid.UUID) -> int:
    end, made = time.monotonic() + _TURN_SECONDS, 0
    while time.monotonic() < end:
        delivery = _due().select_related("webhook").filter(webhook_id=webhook_id).order_by("id").first()
        if delivery is None:
            break
        made += 1
        _attempt(delivery)
        if delivery.state == Delivery.State.QUEUED:
            break
    return made


def _attempt(delivery: Delivery) -> None:
    webhook = delivery.webhook
    if webhook.archived_at is not None or webhook.status != Webhook.Status.ACTIVE:
        _finish(delivery, Delivery.State.FAILED, "The webhook was paused or removed.")
        return
    outcome = post(webhook, delivery_id=str(delivery.pk), body=delivery.body)
    delivery.attempts, delivery.attempted_at = delivery.attempts + 1, timezone.now()
    delivery.response_status = outcome.status
    if outcome.is_taken:
        _finish(delivery, Delivery.State.SENT, "")
    elif outcome.is_final or delivery.attempts >= ATTEMPTS_MAX:
        _finish(delivery, Delivery.State.FAILED, outcome.sentence)
    else:
        _repeat(delivery, outcome)


def _finish(delivery: Delivery, state: Delivery.State, error: str) -> None:
    delivery.state, delivery.error = state, error[:300]
    delivery.next_at, delivery.finished_at = None, timezone.now()
    delivery.save(update_fields=[*_TRIED, "state", "finished_at"])


def _repeat(delivery: Delivery, outcome: Outcome) -> None:
    delivery.error, delivery.next_at = outcome.sentence[:300], timezone.now() + wait_after(delivery.attempts)
    delivery.save(update_fields=_TRIED)


def _due() -> QuerySet[Delivery]:
    now = timezone.now()
    return Delivery.objects.filter(Q(next_at__isnull=True) | Q(next_at__lte=now), state=Delivery.State.QUEUED)


def webhooks_due(*, limit: int = 200) -> list[uuid.UUID]:
    """Webhooks to which something should be sent now."""
    return list(_due().order_by("webhook_id").values_list("webhook_id", flat=True).distinct()[:limit])


def deliveries_forget() -> int:
    """Remove what was finished long ago; returns how many."""
    old = timezone.now() - timedelta(days=KEEP_DAYS)
    removed, _ = Delivery.objects.filter(finished_at__lt=old).exclude(state=Delivery.State.QUEUED).delete()
    return removed
