"""Metrics, params and tags of runs.

Measurements are data under their run's audit entry, not entries of their own (invariant I33). This is the busiest
write of the product: one statement reads and locks what the batch touches of its run, one writes it, and no object is
built for a row.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind
from apps.core.errors import Invalid, NotFound
from apps.core.topics import nudge
from apps.experiments.contracts import NAME_TAG, NOTES_TAG
from apps.experiments.models import Run
from apps.experiments.policies import require_run_write
from apps.experiments.services.runs import NO_RUN, name_check, require_active, require_unsealed, run_lock

KEY_LIMIT = 250
PARAM_LIMIT = 6000
TAG_LIMIT = 8000


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One measurement; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    # The logged model and the data that it measures.
    model_id: uuid.UUID | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


# [value, step, timestamp] of the newest measurement of a key
Latest = list[Any]


def plain_number(value: float) -> float | str:
    """A float as JSON can hold it: NaN and infinities as MLflow's words."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _key_check(field: str, key: str) -> None:
    if not key or len(key) > KEY_LIMIT or "\x00" in key:
        raise Invalid.field(field, f"A key has 1 to {KEY_LIMIT} characters.")


def _points_check(points: Sequence[MetricPoint]) -> None:
    for point in points:
        _key_check("metrics", point.key)
        if not -(2**63) <= point.step < 2**63 or not -(2**63) <= point.timestamp < 2**63:
            raise Invalid.field("metrics", "Step and timestamp are 64-bit whole numbers.")


def _rank(value: float | str, step: int, timestamp: int) -> tuple[int, int, float]:
    """What makes a measurement the newest: its step, then its time, then its value; NaN counts as 0, as in MLflow."""
    number = float(value)
    return step, timestamp, 0.0 if math.isnan(number) else number


def _latest_changes(held: Mapping[str, Latest], points: Sequence[MetricPoint]) -> dict[str, Latest]:
    """What of the document of newest measurements these points change."""
    changes: dict[str, Latest] = {}
    for point in points:
        newest = changes.get(point.key) or held.get(point.key)
        if newest is None or _rank(point.value, point.step, point.timestamp) > _rank(*newest):
            changes[point.key] = [plain_number(point.value), point.step, point.timestamp]
    return changes


def _params_new(run: Run, held: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
    new = {}
    for key, value in params.items():
        _key_check("params", key)
        text = str(value)
        if len(text) > PARAM_LIMIT:
            raise Invalid.field("params", f"The value of “{key}” is longer than {PARAM_LIMIT} characters.")
        if key not in held:
            new[key] = text
        elif held[key] != text:
            raise Invalid.field(
                "params",
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value={held[key]!r} for run ID='{run.pk.hex}'. Attempted logging new value {text!r}. "
                "Params do not change.",
            )
    return new


def _tags_clean(tags: Mapping[str, str]) -> dict[str, str]:
    for key in tags:
        _key_check("tags", key)
    return {key: str(value)[:TAG_LIMIT] for key, value in tags.items()}


_READ = """
SELECT team_id, experiment_id, name, status, notes, sealed_at, purged_at, deleted_at,
       (SELECT jsonb_object_agg(k, metrics_latest -> k) FROM unnest(%s::text[]) k
        WHERE jsonb_exists(metrics_latest, k)),
       (SELECT jsonb_object_agg(k, params -> k) FROM unnest(%s::text[]) k WHERE jsonb_exists(params, k))
FROM experiments_run
WHERE id = %s AND (%s::uuid[] IS NULL OR team_id = ANY(%s::uuid[])) AND (%s::uuid IS NULL OR id = %s)
FOR NO KEY UPDATE
"""
_ADD = """
INSERT INTO experiments_metric
  (run_id, key, value, step, timestamp, model_id, dataset_name, dataset_digest)
SELECT %s, * FROM unnest(%s::text[], %s::float8[], %s::int8[], %s::int8[], %s::uuid[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
"""
# The document of the run, and the rows that searches walk; with the measurements in the same statement.
_WRITE = """
walked AS (
  INSERT INTO experiments_runmetric (run_id, experiment_id, key, value)
  SELECT %s, %s, * FROM unnest(%s::text[], %s::float8[])
  ON CONFLICT (run_id, key) DO UPDATE SET value = EXCLUDED.value
  WHERE experiments_runmetric.value IS DISTINCT FROM EXCLUDED.value
)
UPDATE experiments_run
SET metrics_latest = metrics_latest || %s::jsonb, params = params || %s::jsonb, tags = tags || %s::jsonb
WHERE id = %s
"""


def _document(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def _dump(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def run_batch_log(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    metrics: Sequence[MetricPoint] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write all or nothing. A repeated batch changes nothing.

    The tag of the name renames the run, the tag of the notes writes its notes. Raises NotFound, Forbidden, Invalid (a
    param that differs, a key too long, a deleted run), Conflict (sealed; tags alone may change).
    """
    if any("\x00" in str(v) for v in (*(params or {}).values(), *(tags or {}).values())):
        raise Invalid.field("params", "A NUL character cannot be stored.")
    _points_check(metrics)
    clean = _tags_clean(tags or {})
    name, notes = clean.pop(NAME_TAG, None), clean.pop(NOTES_TAG, None)
    with transaction.atomic():
        run, held_metrics, held_params = _read(actor, run_id, metrics, params or {})
        if metrics or params or name not in (None, run.name):
            require_unsealed(run)
        require_active(run)
        latest = _latest_changes(held_metrics, metrics)
        new = _params_new(run, held_params, params or {})
        with connection.cursor() as cursor:
            added: list[Any] = [run_id, *_columns(metrics)] if metrics else []
            if latest or new or clean:
                walked: list[list[Any]] = [list(latest), [float(value) for value, _, _ in latest.values()]]
                documents = [_dump(latest), _dump(new), _dump(clean)]
                statement = f"WITH added AS ({_ADD}), {_WRITE}" if metrics else f"WITH {_WRITE}"
                cursor.execute(statement, [*added, run_id, run.experiment_id, *walked, *documents, run_id])
            elif metrics:
                cursor.execute(_ADD, added)
        if name is not None or notes is not None:
            _words_write(actor, run, name, notes)
        if metrics:
            nudge(f"run.{run_id}")


def _columns(points: Sequence[MetricPoint]) -> list[list[Any]]:
    return [
        [point.key for point in points],
        [float(point.value) for point in points],
        [point.step for point in points],
        [point.timestamp for point in points],
        [point.model_id for point in points],
        [point.dataset_name for point in points],
        [point.dataset_digest for point in points],
    ]


def _read(
    actor: Actor, run_id: uuid.UUID, metrics: Sequence[MetricPoint], params: Mapping[str, str]
) -> tuple[Run, dict[str, Latest], dict[str, str]]:
    """The run, locked and without its documents, and of those what the batch touches; as `RunQuerySet.visible_to`.

    Raises NotFound, Forbidden.
    """
    own = (actor.run_id or uuid.UUID(int=0)) if actor.kind is ActorKind.RUN else None
    teams = None if own else actor.team_ids()
    team_ids = None if teams is None else list(teams)
    keys = list({point.key for point in metrics})
    with connection.cursor() as cursor:
        cursor.execute(_READ, [keys, list(params), run_id, team_ids, team_ids, own, own])
        row = cursor.fetchone()
    if row is None:
        raise NotFound(NO_RUN)
    *facts, held_metrics, held_params = row
    names = ("team_id", "experiment_id", "name", "status", "notes", "sealed_at", "purged_at", "deleted_at")
    run = Run(pk=run_id, **dict(zip(names, facts, strict=True)))
    require_run_write(actor, run)
    return run, _document(held_metrics), _document(held_params)


def _words_write(actor: Actor, run: Run, name: str | None, notes: str | None) -> None:
    """Name and notes that came as tags. Raises Invalid."""
    if name is not None and name != run.name:
        name_check(name)
        Run.objects.filter(pk=run.pk).update(name=name, row_version=F("row_version") + 1)
        audit_record(actor=actor, action="run.update", thing=run, before={"name": run.name}, after={"name": name})
    if notes is not None and notes != run.notes:
        Run.objects.filter(pk=run.pk).update(notes=notes, row_version=F("row_version") + 1)
        audit_record(actor=actor, action="run.notes", thing=run, before={"notes": run.notes}, after={"notes": notes})


def metrics_log(*, actor: Actor, run_id: uuid.UUID, points: Sequence[MetricPoint]) -> None:
    """Append measurements."""
    run_batch_log(actor=actor, run_id=run_id, metrics=points)


def metric_now(key: str, value: float, step: int = 0) -> MetricPoint:
    """A measurement taken at this moment."""
    return MetricPoint(key, value, int(time.time() * 1000), step)


def params_log(*, actor: Actor, run_id: uuid.UUID, params: Mapping[str, str]) -> None:
    """Add params; the same value again is fine, another is refused."""
    run_batch_log(actor=actor, run_id=run_id, params=params)


def tags_set(*, actor: Actor, run_id: uuid.UUID, tags: Mapping[str, str]) -> None:
    """Set tags; they may change, also on a sealed run."""
    run_batch_log(actor=actor, run_id=run_id, tags=tags)


def tag_delete(*, actor: Actor, run_id: uuid.UUID, key: str) -> bool:
    """Remove a tag; False when there was none."""
    with transaction.atomic():
        run = run_lock(actor, run_id)
        require_active(run)
        if key == NOTES_TAG and run.notes:
            _words_write(actor, run, None, "")
            return True
        if key not in run.tags:
            return False
        run.tags = {k: v for k, v in run.tags.items() if k != key}
        run.save(update_fields=["tags"])
        return True
