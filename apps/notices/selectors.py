"""Reading one's own notices."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.notices.models import Notice


def notice_list(actor: Actor, *, unread: bool = False) -> QuerySet[Notice]:
    """One's own notices of the teams one still belongs to, newest first."""
    rows = Notice.objects.filter(user_id=actor.person_id)
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    if unread:
        rows = rows.filter(read_at__isnull=True)
    return rows.order_by("-id")


def notice_unread_count(actor: Actor) -> int:
    """How many of one's own notices are not read."""
    return notice_list(actor, unread=True).count()


def notice_get(actor: Actor, pk: uuid.UUID) -> Notice:
    """One of one's own notices. Raises NotFound."""
    notice = notice_list(actor).filter(pk=pk).first()
    if notice is None:
        raise NotFound("There is no such notice, or it is not yours.")
    return notice


def topic_may_follow(actor: Actor, key: str) -> bool:
    """Everybody follows their own notices only."""
    return actor.is_person and str(actor.id) == key


def topic_replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    """The unread count as it is now."""
    return after, [{"seq": after, "kind": "unread", "data": {"unread": notice_unread_count(actor)}}]
