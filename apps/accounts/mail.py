"""The one form of mail that this room sends: what happened, one link, one action."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

log = logging.getLogger(__name__)


def mail_send(*, to: str, subject: str, text: str, action: str, url: str) -> str:
    """Send at once; returns an empty text, or why it failed. The link never reaches a log."""
    body = render_to_string("accounts/mail/action.txt", {"text": text, "action": action, "url": url})
    return address_mail(EmailMessage(f"Fairway: {subject}", body, settings.DEFAULT_FROM_EMAIL, [to]))


def address_mail(message: EmailMessage) -> str:
    """Send a finished message; returns an empty text, or why it failed."""
    try:
        message.send()
    except (OSError, SMTPException) as error:
        log.warning("Mail “%s” could not be sent: %s", message.subject, type(error).__name__)
        return f"{type(error).__name__}: the mail server refused or could not be reached."
    return ""
