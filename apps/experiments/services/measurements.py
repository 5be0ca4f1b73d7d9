"""Metrics, params and tags of runs.

Measurements are data under their run's audit entry, not entries of their own (invariant I33).
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.topics import nudge
from apps.experiments.models import Metric, Run
from apps.experiments.services.runs import require_unsealed, run_lock

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


def _metrics_write(run: Run, points: Sequence[MetricPoint]) -> bool:
    for point in points:
        _key_check("metrics", point.key)
        if not -(2**63) <= point.step < 2**63 or not -(2**63) <= point.timestamp < 2**63:
            raise Invalid.field("metrics", "Step and timestamp are 64-bit whole numbers.")
    Metric.objects.bulk_create(
        [Metric(run=run, key=p.key, value=p.value, step=p.step, timestamp=p.timestamp) for p in points],
        ignore_conflicts=True,
        batch_size=1000,
    )
    latest = dict(run.metrics_latest)
    for point in points:
        held = latest.get(point.key)
        if held is None or (point.step, point.timestamp) >= (held[1], held[2]):
            latest[point.key] = [plain_number(point.value), point.step, point.timestamp]
    changed: bool = latest != run.metrics_latest
    run.metrics_latest = latest
    return changed


def _params_write(run: Run, params: Mapping[str, str]) -> bool:
    merged = dict(run.params)
    for key, value in params.items():
        _key_check("params", key)
        text = str(value)
        if len(text) > PARAM_LIMIT:
            raise Invalid.field("params", f"The value of “{key}” is longer than {PARAM_LIMIT} characters.")
        if key in merged and merged[key] != text:
            raise Invalid.field(
                "params",
                f"Params do not change: “{key}” was logged as {merged[key]!r}, and {text!r} differs.",
            )
        merged[key] = text
    changed: bool = merged != run.params
    run.params = merged
    return changed


def _tags_write(run: Run, tags: Mapping[str, str]) -> bool:
    merged = dict(run.tags)
    for key, value in tags.items():
        _key_check("tags", key)
        merged[key] = str(value)[:TAG_LIMIT]
    changed: bool = merged != run.tags
    run.tags = merged
    return changed


def run_batch_log(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    metrics: Sequence[MetricPoint] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write all or nothing. A repeated batch changes nothing.

    Raises NotFound, Forbidden, Invalid (a param that differs, a key too long), Conflict (sealed; tags alone may
    change).
    """
    if any("\x00" in str(v) for v in (*(params or {}).values(), *(tags or {}).values())):
        raise Invalid.field("params", "A NUL character cannot be stored.")
    with transaction.atomic():
        run = run_lock(actor, run_id)
        if metrics or params:
            require_unsealed(run)
        fields = []
        if metrics and _metrics_write(run, metrics):
            fields.append("metrics_latest")
        if params and _params_write(run, params):
            fields.append("params")
        if tags and _tags_write(run, tags):
            fields.append("tags")
        if fields:
            run.save(update_fields=fields)
        if metrics:
            nudge(f"run.{run.pk}")


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
        if key not in run.tags:
            return False
        run.tags = {k: v for k, v in run.tags.items() if k != key}
        run.save(update_fields=["tags"])
        return True
