"""The live topics `run.<id>` (measurements as they come) and `experiment.<id>` (whether its table changed).

Ids of measurements are given under the lock of their run's row, so within a run their order is commit order and an
id serves as the place to go on from.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from apps.core.actors import Actor
from apps.core.topics import Topic, topic_register
from apps.experiments import selectors
from apps.experiments.models import Experiment, Run
from apps.experiments.services.measurements import plain_number

ROWS = 500


def _uuid(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _follow(actor: Actor, key: str) -> bool:
    run_id = _uuid(key)
    return run_id is not None and Run.objects.visible_to(actor).filter(pk=run_id).exists()


def _replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    rows = [
        {
            "seq": metric.pk,
            "kind": "metric",
            "data": {"key": metric.key, "step": metric.step, "value": plain_number(metric.value)},
        }
        for metric in selectors.metrics_after(uuid.UUID(key), after, limit=ROWS)
    ]
    return (rows[-1]["seq"] if rows else after), rows  # type: ignore[return-value]


def _experiment_follow(actor: Actor, key: str) -> bool:
    experiment_id = _uuid(key)
    return experiment_id is not None and Experiment.objects.visible_to(actor).filter(pk=experiment_id).exists()


def _experiment_replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    # How things are now has no sequence of its own; the clock gives it one that always rises.
    seq = max(int(time.time() * 1000), after + 1)
    pulse = selectors.experiment_pulse(uuid.UUID(key))
    return seq, [{"seq": seq, "kind": "runs", "data": {"pulse": pulse.mark, "running": pulse.running}}]


def topics_register() -> None:
    topic_register(Topic("run", _follow, _replay))
    topic_register(Topic("experiment", _experiment_follow, _experiment_replay, snapshot=True))
