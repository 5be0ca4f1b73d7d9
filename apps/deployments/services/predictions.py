"""Taking in the gateway's spooled predictions, once each."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.ids import id_new
from apps.core.sealing import retention
from apps.deployments.models import BatchScore, PredictionBatch, PredictionLog

ROWS_LIMIT = 10_000
_TABLE = "deployments_predictionlog"


def predictions_ingest(*, batch_id: str, rows: list[dict[str, Any]]) -> int:
    """Store a batch; a repeated batch stores nothing. Returns the number of new rows. Raises Invalid."""
    if len(rows) > ROWS_LIMIT:
        raise Invalid.field("rows", f"At most {ROWS_LIMIT} rows.")
    try:
        batch = uuid.UUID(str(batch_id))
        logs = [_row(row) for row in rows]
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Invalid.field("rows", f"A row is not of the agreed form: {error}") from error
    with transaction.atomic():
        _, created = PredictionBatch.objects.get_or_create(batch_id=batch, defaults={"rows": len(logs)})
        if not created:
            return 0
        PredictionLog.objects.bulk_create(logs, ignore_conflicts=True, batch_size=1000)
    return len(logs)


def batch_log(batch: BatchScore) -> None:
    """Log a complete batch score as a call is logged, in the transaction that completes it.

    One entry for all rows that were answered, one for all that were refused: version, time, rows and how long it took.
    The rows themselves stand in the file, so that a million of them is no million entries.
    """
    at = batch.completed_at or timezone.now()
    refused = f"invalid-input: {batch.refused} rows of batch score {batch.number}"
    told = ((batch.scored or 0, 200, ""), (batch.refused or 0, 400, refused))
    PredictionLog.objects.bulk_create(
        PredictionLog(
            id=id_new(),
            at=at,
            deployment_id=batch.deployment_id,
            version_id=batch.model_version_id,
            status=status,
            latency_ms=1000 * (batch.seconds or 0.0),
            error=error,
            rows=rows,
            batch_score_id=batch.pk,
        )
        for rows, status, error in told
        if rows
    )


def _row(row: dict[str, Any]) -> PredictionLog:
    # One row that the database cannot hold would keep its whole batch out: it is refused before.
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    text.encode()  # ValueError for half of a character
    if "\\u0000" in text and _holds_nul(row):
        raise ValueError("a text holds NUL")
    at = datetime.fromisoformat(str(row["at"]))
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    version = row.get("version_id")
    score = row.get("score")
    if not 100 <= int(row["status"]) <= 599:
        raise ValueError("the status is none of HTTP")
    return PredictionLog(
        id=uuid.UUID(str(row["id"])),
        at=at,
        deployment_id=uuid.UUID(str(row["deployment_id"])),
        version_id=uuid.UUID(str(version)) if version else None,
        status=int(row["status"]),
        inputs=row.get("inputs"),
        output=row.get("output"),
        score=float(score) if isinstance(score, int | float) else None,
        latency_ms=float(row["latency_ms"]),
        row_digest=str(row.get("row_digest") or "")[:64],
        token_hint=str(row.get("token") or "")[:12],
        error=str(row.get("error") or "")[:300],
    )


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def partitions_make(*, days: int = 7, today: date | None = None) -> list[str]:
    """Make the partitions of the coming days, those that do not exist yet. Returns their names.

    A day whose rows already lie in the default partition is left there.
    """
    made = []
    start = today or timezone.now().date()
    for offset in range(days):
        day = start + timedelta(days=offset)
        name = f"{_TABLE}_{day:%Y%m%d}"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_TABLE])  # one maker at a time
            cursor.execute("SELECT to_regclass(%s)", [name])
            if cursor.fetchone()[0] is not None:
                continue
            cursor.execute(
                f"SELECT 1 FROM {_TABLE}_rest WHERE at >= %s AND at < %s LIMIT 1",  # noqa: S608 - a constant
                [f"{day} 00:00+00", f"{day + timedelta(days=1)} 00:00+00"],
            )
            if cursor.fetchone() is not None:
                continue
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF {_TABLE} "
                f"FOR VALUES FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
            )
            made.append(name)
    return made


def predictions_retain(*, keep_days: int = 90, today: date | None = None) -> list[str]:
    """Drop whole days older than the retention rule, and such rows of the default partition.

    Returns the names of the dropped partitions.
    """
    limit = (today or timezone.now().date()) - timedelta(days=keep_days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = %s",
            [_TABLE],
        )
        names = [row[0] for row in cursor.fetchall()]
    dropped = []
    for name in sorted(names):
        day = name.removeprefix(f"{_TABLE}_")
        if not day.isdigit() or datetime.strptime(day, "%Y%m%d").date() >= limit:
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {name}")
        dropped.append(name)
    with transaction.atomic(), retention(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLE}_rest WHERE at < %s", [f"{limit} 00:00+00"])  # noqa: S608
    PredictionBatch.objects.filter(at__lt=timezone.now() - timedelta(days=keep_days)).delete()
    return dropped
