"""Webhooks in the background."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.core.broker import task_send_now
from apps.webhooks.draining import deliveries_forget, webhook_deliveries_send, webhooks_due


@shared_task
def webhook_drain(webhook_id: str) -> None:
    """Send what is queued for one webhook; a failure stays queued for the sweep."""
    webhook_deliveries_send(uuid.UUID(webhook_id))


@shared_task
def webhooks_sweep() -> int:
    """Send what is due: failed attempts whose wait is over, and rows whose task was lost with the broker."""
    due = webhooks_due()
    for webhook_id in due:
        task_send_now("apps.webhooks.tasks.webhook_drain", webhook_id)
    deliveries_forget()
    return len(due)
