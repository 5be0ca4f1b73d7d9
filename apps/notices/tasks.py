"""Mail in the background."""

from __future__ import annotations

import uuid

from celery import shared_task

from apps.notices.mailing import notice_mail_send, notices_due


@shared_task
def notice_mail(notice_id: str) -> None:
    """Send one mail; a failure stays queued for the sweep."""
    notice_mail_send(uuid.UUID(notice_id))


@shared_task
def notices_sweep() -> int:
    """Send what is due: failed attempts whose wait is over, and rows whose task was lost with the broker."""
    due = notices_due()
    for notice_id in due:
        notice_mail_send(notice_id)
    return len(due)
