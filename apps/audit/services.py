"""Writing the audit trail and sealing it into a hash chain."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction

from apps.audit.models import AuditEvent
from apps.core.actors import Actor

# Any constant: the advisory lock that makes the sealer single.
_SEALER_LOCK = 0x46414952
GENESIS = "0" * 64


def audit_record(
    *,
    actor: Actor,
    action: str,
    thing: models.Model | None = None,
    object_type: str = "",
    object_id: str = "",
    object_label: str = "",
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Append one entry, in the transaction of the change it describes.

    `thing` fills type, id, label and team; the explicit arguments override. `before` and `after` hold only the
    fields that changed, never a secret.
    """
    if thing is not None:
        object_type = object_type or thing._meta.label_lower
        object_id = object_id or str(thing.pk)
        object_label = object_label or str(thing)
        team_id = team_id or getattr(thing, "team_id", None)
    return AuditEvent.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:200],
        on_behalf_of=_behalf(actor),
        action=action,
        object_type=object_type,
        object_id=object_id,
        object_label=object_label[:300],
        team_id=team_id,
        problem_id=problem_id,
        before=_plain(before),
        after=_plain(after),
        reason=reason,
        request_id=actor.request_id,
    )


def _behalf(actor: Actor) -> str:
    return f"token {actor.token_id}" if actor.token_id else ""


def audit_who(actor: Actor) -> dict[str, str | None]:
    """Who acts, as the database function `audit_append` takes it: for a change that is one call of the database."""
    return {
        "kind": actor.kind,
        "id": str(actor.id) if actor.id else None,
        "label": actor.label[:200],
        "for": _behalf(actor),
        "request": actor.request_id,
    }


def _plain(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    plain: dict[str, Any] = json.loads(json.dumps(value, cls=DjangoJSONEncoder, default=str))
    return plain


def event_hash(event: AuditEvent, sequence: int, previous_hash: str) -> str:
    """SHA-256 over the canonical JSON of an entry, its place and the hash before it."""
    body = {
        "sequence": sequence,
        "previous": previous_hash,
        "id": str(event.id),
        "at": event.at.isoformat(),
        "actor": [event.actor_kind, str(event.actor_id), event.actor_label, event.on_behalf_of],
        "action": event.action,
        "object": [event.object_type, event.object_id, event.object_label],
        "team": str(event.team_id),
        "problem": str(event.problem_id),
        "reason": event.reason,
        "before": event.before,
        "after": event.after,
        "request": event.request_id,
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# Hundreds of entries a second while many runs begin and end: as arrays they are one short statement.
_SEAL = """
UPDATE audit_auditevent e
   SET sequence = placed.sequence, previous_hash = placed.previous, hash = placed.hash
  FROM unnest(%s::uuid[], %s::int8[], %s::text[], %s::text[]) AS placed(id, sequence, previous, hash)
 WHERE e.id = placed.id
"""


def audit_seal(*, limit: int = 5000) -> int:
    """Link the entries committed since the last call into the chain; returns how many.

    One sealer at a time (an advisory lock), so writers never wait for each other.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        last = (
            AuditEvent.objects.filter(sequence__isnull=False).order_by("-sequence").values("sequence", "hash").first()
        )
        sequence: int = (last["sequence"] or 0) if last else 0
        previous: str = (last["hash"] or GENESIS) if last else GENESIS
        waiting = list(AuditEvent.objects.filter(sequence__isnull=True).order_by("id")[:limit])
        for event in waiting:
            sequence += 1
            event.hash = event_hash(event, sequence, previous)
            event.sequence, event.previous_hash = sequence, previous
            previous = event.hash
        if waiting:
            places = [
                [getattr(event, name) for event in waiting] for name in ("id", "sequence", "previous_hash", "hash")
            ]
            with connection.cursor() as cursor:
                cursor.execute(_SEAL, places)
        return len(waiting)
