"""Reading and checking the audit trail."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from apps.audit.contracts import ChainFault, ChainReport
from apps.audit.models import AuditEvent
from apps.audit.services import GENESIS, event_hash
from apps.core.actors import Actor, ActorKind, Role
from apps.core.errors import NotFound
from apps.core.links import links_of

_FAULTS_SHOWN = 100
_READS_ALL = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})


def audit_visible(actor: Actor) -> QuerySet[AuditEvent]:
    """Entries the actor may read.

    Administrators and auditors of the site: all. Of a team: that team's. Product owners: their teams' entries.
    Everybody who is signed in: what they did themselves.
    """
    if actor.kind == ActorKind.SYSTEM:
        return AuditEvent.objects.all()
    if not actor.is_person or actor.id is None:
        return AuditEvent.objects.none()
    own = Q(actor_id=actor.id)
    if not actor.verb_in_scope("audit.read"):
        return AuditEvent.objects.filter(own) if actor.verb_in_scope("view") else AuditEvent.objects.none()
    if any(grant.team_id is None and grant.role in _READS_ALL for grant in actor.grants):
        return AuditEvent.objects.all()
    team_ids = actor.team_ids("audit.read")
    if team_ids is None:
        # A product owner of the whole site reads what belongs to a team, not the site's own matters.
        return AuditEvent.objects.filter(own | Q(team_id__isnull=False))
    return AuditEvent.objects.filter(own | Q(team_id__in=team_ids))


def scope_words(actor: Actor) -> str:
    """What of the trail this actor sees, for the head of the page."""
    if any(grant.team_id is None and grant.role in _READS_ALL for grant in actor.grants):
        return "all entries"
    if actor.team_ids("audit.read") == frozenset():
        return "what you did yourself"
    return "the entries of your teams, and what you did yourself"


def audit_list(
    actor: Actor,
    *,
    action: str = "",
    person: str = "",
    actor_id: uuid.UUID | None = None,
    object_type: str = "",
    object_id: str = "",
    text: str = "",
    team_id: uuid.UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Entries by action (or its beginning up to a dot), person, object, team and time; not yet sorted."""
    rows = audit_visible(actor)
    if action:
        rows = rows.filter(Q(action=action) | Q(action__startswith=f"{action}."))
    if person:
        rows = rows.filter(actor_label__icontains=person)
    if actor_id:
        rows = rows.filter(actor_id=actor_id)
    if object_type:
        rows = rows.filter(object_type=object_type)
    if object_id:
        rows = rows.filter(object_id=object_id)
    if text:
        rows = rows.filter(Q(object_label__icontains=text) | Q(reason__icontains=text) | Q(action__icontains=text))
    if team_id:
        rows = rows.filter(team_id=team_id)
    if since:
        rows = rows.filter(at__gte=since)
    if until:
        rows = rows.filter(at__lt=until)
    return rows


def audit_get(actor: Actor, pk: uuid.UUID) -> AuditEvent:
    """One entry. Raises NotFound."""
    event = audit_visible(actor).filter(pk=pk).first()
    if event is None:
        raise NotFound("There is no such entry, or you may not read it.")
    return event


def audit_of_object(actor: Actor, object_type: str, object_id: str, *, limit: int = 50) -> list[AuditEvent]:
    """The latest entries about one thing, for a history panel on its page."""
    rows = audit_visible(actor).filter(object_type=object_type, object_id=object_id)
    return list(rows.order_by("-id")[:limit])


def action_list() -> list[str]:
    """The actions that occur, for a filter; one index probe each, however long the trail is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE t(action) AS ("
            "(SELECT action FROM audit_auditevent ORDER BY action LIMIT 1) UNION ALL "
            "SELECT (SELECT e.action FROM audit_auditevent e WHERE e.action > t.action ORDER BY e.action LIMIT 1) "
            "FROM t WHERE t.action IS NOT NULL) SELECT action FROM t WHERE action IS NOT NULL"
        )
        return [row[0] for row in cursor.fetchall()]


def audit_tail() -> tuple[int, float]:
    """How many entries are not sealed yet, and the age of the oldest in seconds."""
    found = AuditEvent.objects.filter(sequence__isnull=True).aggregate(n=Count("id"), oldest=Min("at"))
    age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return found["n"], max(age, 0.0)


def chain_head() -> tuple[int, str]:
    """Sequence and hash of the last sealed entry; keep a copy elsewhere to notice a trail cut off at its end."""
    last = AuditEvent.objects.filter(sequence__isnull=False).order_by("-sequence").first()
    return (last.sequence or 0, last.hash or GENESIS) if last else (0, GENESIS)


def audit_verify(*, expect_sequence: int | None = None, expect_hash: str = "") -> ChainReport:
    """Walk the whole chain: every hash, every link, every number; in flat memory.

    Faults in order, at most 100: ALTERED (the content does not give the stored hash), MISSING (numbers are left out,
    or the end known from elsewhere is gone), REORDERED (the number was changed: the entry sits elsewhere than the
    entry before it says), BROKEN_LINK (the stored previous hash is not the hash before).
    `expect_sequence` and `expect_hash` are a head noted earlier (an export, a backup).
    """
    faults: list[ChainFault] = []
    checked, sequence, previous = 0, 0, GENESIS
    with transaction.atomic():
        tail, tail_seconds = audit_tail()
        rows = AuditEvent.objects.filter(sequence__isnull=False).order_by("sequence")
        for event in rows.iterator(chunk_size=2000):
            checked += 1
            number = event.sequence or 0
            faults.extend(_faults_of(event, number, sequence, previous))
            if expect_sequence == number and not hmac.compare_digest(event.hash or "", expect_hash):
                detail = "The hash is not the one noted earlier for this number."
                faults.append(ChainFault("ALTERED", number, str(event.pk), detail))
            sequence, previous = number, event.hash or ""
            if len(faults) >= _FAULTS_SHOWN:
                break
    if expect_sequence is not None and sequence < expect_sequence and len(faults) < _FAULTS_SHOWN:
        detail = f"The chain ends at {sequence}; it reached {expect_sequence} before."
        faults.append(ChainFault("MISSING", sequence + 1, "", detail))
    return ChainReport(checked, sequence, previous, tail, tail_seconds, tuple(faults[:_FAULTS_SHOWN]))


def _faults_of(event: AuditEvent, number: int, last_number: int, last_hash: str) -> Iterator[ChainFault]:
    pk = str(event.pk)
    linked = event.previous_hash == last_hash
    if number != last_number + 1:
        gap = f"{last_number + 1}" if number == last_number + 2 else f"{last_number + 1} to {number - 1}"
        if linked:
            yield ChainFault("REORDERED", number, pk, f"Follows {last_number} by its hash, but is numbered {number}.")
        else:
            yield ChainFault("MISSING", number, pk, f"Entry {gap} is gone.")
    elif not linked:
        # Continues from another entry's hash: it stood elsewhere.
        moved = AuditEvent.objects.filter(hash=event.previous_hash).exists()
        kind = "REORDERED" if moved else "BROKEN_LINK"
        yield ChainFault(kind, number, pk, "Does not continue from the hash of the entry before.")
    if event_hash(event, number, event.previous_hash or "") != event.hash:
        yield ChainFault("ALTERED", number, pk, "The content does not give the stored hash.")


# What a team's members read on the home page: results, not the reading of rights or settings.
_FEED = {
    "problem.accept": "Problem accepted",
    "problem.submit": "Problem sent for review",
    "dataset.seal": "Data ready",
    "version.register": "Version registered",
    "version.bring": "Predictions made elsewhere registered",
    "version.quarantine": "Version quarantined",
    "evaluation.complete": "Evaluation complete",
    "evaluation.fail": "Evaluation failed",
    "approval.request": "Approval asked",
    "approval.approve": "Approved",
    "approval.refuse": "Refused",
    "approval.stale": "Request turned stale",
    "approval.expire": "Request expired",
    "approval.withdraw": "Approval withdrawn",
    "deployment.live": "Live",
    "deployment.rollback": "Rolled back",
    "deployment.kill": "Kill switch used",
    "deployment.paused": "Paused",
    "deployment.rollout_failed": "Rollout failed",
}


def team_feed(actor: Actor, team_id: uuid.UUID | None, *, limit: int = 12) -> list[dict[str, Any]]:
    """Results in a team that the actor sees, newest first: {"at", "title", "url", "text"}."""
    allowed = actor.team_ids("view")
    if team_id is None or (allowed is not None and team_id not in allowed):
        return []
    events = list(AuditEvent.objects.filter(team_id=team_id, action__in=_FEED).order_by("-id")[:limit])
    links = links_of((event.object_type, event.object_id) for event in events)
    return [
        {
            "at": event.at,
            "title": f"{_FEED[event.action]}: {event.object_label}",
            "url": links.get((event.object_type, event.object_id), ""),
            "text": f"by {event.actor_label}" if event.actor_kind in ("USER", "TOKEN") else "",
        }
        for event in events
    ]
