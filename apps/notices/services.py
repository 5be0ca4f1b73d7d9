"""Telling people, in the app and by mail."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Protocol

from django.db import transaction
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Invalid
from apps.core.topics import nudge
from apps.notices.models import Notice
from apps.notices.selectors import notice_get


class Person(Protocol):
    """What is needed of a person to tell them something; rows of accounts have it."""

    pk: Any
    email: str
    is_active: bool


def notice_send(
    *,
    users: Iterable[Person],
    team_id: uuid.UUID,
    kind: str,
    title: str,
    text: str,
    url: str,
    dedupe: str,
    mail: bool = True,
) -> list[Notice]:
    """Tell each person once (`dedupe` names the event); returns the notices that are new.

    `url` is a path of this site. Written in the caller's transaction; mail goes out after commit. Raises Invalid
    when the address would leave the site.
    """
    if not url.startswith("/") or url.startswith("//"):
        raise Invalid("A notice leads to a page of this site.")
    people = {user.pk: user for user in users if user.is_active}
    with transaction.atomic():
        told = set(Notice.objects.filter(user_id__in=people, dedupe=dedupe).values_list("user_id", flat=True))
        rows = [
            Notice(
                user_id=user.pk,
                team_id=team_id,
                kind=kind,
                title=title[:300],
                text=text,
                url=url,
                dedupe=dedupe,
                mail=Notice.Mail.QUEUED if mail and user.email else Notice.Mail.NONE,
            )
            for pk, user in people.items()
            if pk not in told
        ]
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        made = list(Notice.objects.filter(pk__in=[row.pk for row in rows]))
        for row in made:
            nudge(f"notices.{row.user_id}")
            if row.mail == Notice.Mail.QUEUED:
                # A broker that is away costs a delay: the row says QUEUED and the sweep sends it.
                task_send("apps.notices.tasks.notice_mail", row.pk)
    return made


def notice_read(*, actor: Actor, notice_id: uuid.UUID) -> Notice:
    """Mark one of one's own notices as read. A view setting, not audited. Raises NotFound."""
    notice = notice_get(actor, notice_id)
    if notice.read_at is None:
        notice.read_at = timezone.now()
        notice.save(update_fields=["read_at"])
    return notice


def notices_read_all(*, actor: Actor) -> int:
    """Mark all one's own notices as read; returns how many were not."""
    return Notice.objects.filter(user_id=actor.person_id, read_at__isnull=True).update(read_at=timezone.now())
