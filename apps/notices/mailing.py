"""Sending the mail of a notice: never twice at once, never lost, with a cap on attempts."""

from __future__ import annotations

import uuid
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from apps.notices.models import Notice

ATTEMPTS_MAX = 8
_FIRST_WAIT_SECONDS = 30


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 30 s, doubled each time, an hour at most."""
    return timedelta(seconds=min(_FIRST_WAIT_SECONDS * 2 ** max(attempts - 1, 0), 3600))


def notice_mail_send(notice_id: uuid.UUID) -> Notice.Mail:
    """Send the mail of one notice when it is due and nobody else is sending it; returns its state.

    The row stays locked while the server is spoken to, so that two workers never send the same mail at once.
    """
    with transaction.atomic():
        notice = (
            Notice.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("user", "team")
            .filter(pk=notice_id, mail=Notice.Mail.QUEUED)
            .first()
        )
        if notice is None or (notice.mail_next_at is not None and notice.mail_next_at > timezone.now()):
            return Notice.Mail.QUEUED
        if not notice.user.is_active:
            notice.mail = Notice.Mail.NONE
            notice.save(update_fields=["mail"])
            return Notice.Mail.NONE
        notice.mail_attempts += 1
        try:
            _message(notice).send()
        except (OSError, SMTPException) as error:
            notice.mail_error = f"{type(error).__name__}: {error}"[:300]
            notice.mail_next_at = timezone.now() + wait_after(notice.mail_attempts)
            if notice.mail_attempts >= ATTEMPTS_MAX:
                notice.mail = Notice.Mail.FAILED
        else:
            notice.mail, notice.mail_error, notice.mail_next_at = Notice.Mail.SENT, "", None
        notice.save(update_fields=["mail", "mail_attempts", "mail_error", "mail_next_at"])
        return Notice.Mail(notice.mail)


def notices_due(*, limit: int = 200) -> list[uuid.UUID]:
    """Notices whose mail should be tried now, oldest first."""
    rows = Notice.objects.filter(mail=Notice.Mail.QUEUED).order_by(F("mail_next_at").asc(nulls_first=True), "id")
    due = rows.exclude(mail_next_at__gt=timezone.now())
    return list(due.values_list("pk", flat=True)[:limit])


def _message(notice: Notice) -> EmailMessage:
    body = render_to_string("notices/mail.txt", {"notice": notice, "url": settings.PUBLIC_URL + notice.url})
    # A title may hold a name that people chose; a line break in it must not become a header.
    subject = " ".join(notice.title.split())
    return EmailMessage(f"Fairway: {subject}", body, settings.DEFAULT_FROM_EMAIL, [notice.user.email])
