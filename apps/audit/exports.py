"""Entries as files, with the hashes that prove their order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from apps.audit.models import AuditEvent


def event_dict(event: AuditEvent) -> dict[str, Any]:
    """One entry with everything that its hash covers."""
    return {
        "sequence": event.sequence,
        "id": str(event.pk),
        "at": event.at.isoformat(),
        "actor_kind": event.actor_kind,
        "actor_id": str(event.actor_id) if event.actor_id else None,
        "actor_label": event.actor_label,
        "on_behalf_of": event.on_behalf_of,
        "action": event.action,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "object_label": event.object_label,
        "team_id": str(event.team_id) if event.team_id else None,
        "problem_id": str(event.problem_id) if event.problem_id else None,
        "reason": event.reason,
        "before": event.before,
        "after": event.after,
        "request_id": event.request_id,
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }


def export_json_lines(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """One JSON object per line, oldest first, with the hashes that prove the order."""
    for event in rows.order_by("id").iterator(chunk_size=1000):
        yield json.dumps(event_dict(event), ensure_ascii=False, sort_keys=True) + "\n"


def export_csv(rows: QuerySet[AuditEvent]) -> Iterator[str]:
    """The same as a table; `before` and `after` are JSON in a cell."""
    buffer = io.StringIO()
    writer: Any = None
    for event in rows.order_by("id").iterator(chunk_size=1000):
        row = event_dict(event)
        if writer is None:
            writer = csv.DictWriter(buffer, fieldnames=list(row))
            writer.writeheader()
        writer.writerow({key: _cell(value) for key, value in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        # A spreadsheet would run such a cell as a formula.
        return "'" + value
    return value
