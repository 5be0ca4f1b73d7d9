"""Metrics, params and tags of runs.

Measurements are data under their run's audit entry, not entries of their own (invariant I33). This is the busiest
write of the product: one call of a database function (`experiments_run_log`, migration 0011) checks the run, holds its
row and writes the batch, in a transaction of its own. It writes nothing where anything stands against it; only then is
the run read, to say what.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F

from apps.accounts.selectors import row_proven
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.quick_json import json_text
from apps.core.topics import nudge_gathered
from apps.experiments.contracts import NAME_TAG, NOTES_TAG
from apps.experiments.models import Run
from apps.experiments.policies import require_run_write
from apps.experiments.services.calls import reach
from apps.experiments.services.runs import NO_RUN, name_check, require_active, require_unsealed, run_lock

KEY_LIMIT = 250
PARAM_LIMIT = 6000
TAG_LIMIT = 8000


class MetricPoint(NamedTuple):
    """One measurement; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    # The logged model and the data that it measures.
    model_id: uuid.UUID | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


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


def _newest(points: Sequence[MetricPoint]) -> dict[str, list[Any]]:
    """[value, step, timestamp] of the newest point of each key: the largest step, then time, then value.

    NaN counts as 0, as in MLflow.
    """
    found: dict[str, tuple[int, int, float, float]] = {}
    for key, value, timestamp, step, *_ in points:
        rank = (step, timestamp, value if value == value else 0.0, value)
        held = found.get(key)
        if held is None or rank[:3] > held[:3]:
            found[key] = rank
    return {key: [plain_number(value), step, timestamp] for key, (step, timestamp, _, value) in found.items()}


def _params_clean(params: Mapping[str, Any]) -> dict[str, str]:
    clean = {}
    for key, value in params.items():
        _key_check("params", key)
        clean[key] = str(value)
        if len(clean[key]) > PARAM_LIMIT:
            raise Invalid.field("params", f"The value of “{key}” is longer than {PARAM_LIMIT} characters.")
    return clean


def _tags_clean(tags: Mapping[str, Any]) -> dict[str, str]:
    for key in tags:
        _key_check("tags", key)
    return {key: str(value)[:TAG_LIMIT] for key, value in tags.items()}


def _array(numbers: Sequence[float]) -> str:
    """Numbers as PostgreSQL writes an array: one text is sent faster than a thousand values."""
    return "{" + ",".join(map(repr, numbers)) + "}"


def _text_array(texts: Iterable[str]) -> str:
    """The same of texts."""
    return "{" + ",".join('"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts) + "}"


def _columns(points: Sequence[MetricPoint]) -> list[Any]:
    """What the function takes of the points: the keys once, which of them each point has, and the other columns."""
    if not points:
        return [None] * 8
    keys, values, timestamps, steps, *about = zip(*points, strict=True)
    places: dict[str, int] = {}
    at = [places.setdefault(key, len(places) + 1) for key in keys]
    for key in places:
        _key_check("metrics", key)
    if any(not -(2**63) <= number < 2**63 for ends in (steps, timestamps) for number in (min(ends), max(ends))):
        raise Invalid.field("metrics", "Step and timestamp are 64-bit whole numbers.")
    numbers = [_array(column) for column in (at, [float(value) for value in values], steps, timestamps)]
    return [_text_array(places), *numbers, *(list(column) if any(column) else None for column in about)]


def _dump(value: Mapping[str, Any]) -> str | None:
    return json_text(value) if value else None


_LOG = """
SELECT written FROM experiments_run_log(
  %s, %s::uuid[], %s, %s::text[], %s::int4[], %s::float8[], %s::int8[], %s::int8[], %s::uuid[], %s::text[], %s::text[],
  %s::jsonb, %s::jsonb, %s::jsonb) AS written
"""


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
    columns, new, clean = _columns(metrics), _params_clean(params or {}), _tags_clean(tags or {})
    name, notes = clean.pop(NAME_TAG, None), clean.pop(NOTES_TAG, None)
    worded = name is not None or notes is not None
    documents = [_dump(_newest(metrics)), _dump(new), _dump(clean)]
    with transaction.atomic() if worded else nullcontext():
        if worded:
            _words_write(actor, run_lock(actor, run_id), name, notes)
        (written,) = row_proven(actor, _LOG, lambda by: [run_id, *reach(by), *columns, *documents])
        if not written:
            raise _refusal(actor, run_id, new, closes=bool(metrics or params))
        if metrics:
            nudge_gathered(f"run.{run_id}")


def _refusal(actor: Actor, run_id: uuid.UUID, params: Mapping[str, str], *, closes: bool) -> Exception:
    """Why a batch was not written. Raises or returns it: NotFound, Forbidden, Conflict, Invalid."""
    run: Run | None = Run.objects.visible_to(actor).filter(pk=run_id).first()
    if run is None:
        return NotFound(NO_RUN)
    require_run_write(actor, run)
    if closes:
        require_unsealed(run)
    require_active(run)
    for key, value in params.items():
        held = run.params.get(key, value)
        if held != value:
            return Invalid.field(
                "params",
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value={held!r} for run ID='{run.pk.hex}'. Attempted logging new value {value!r}. "
                "Params do not change.",
            )
    return Conflict("The run changed in the same moment and nothing was written. Send it again.")


def _words_write(actor: Actor, run: Run, name: str | None, notes: str | None) -> None:
    """Name and notes that came as tags. Raises Invalid, Conflict."""
    require_active(run)
    if name is not None and name != run.name:
        require_unsealed(run)
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
