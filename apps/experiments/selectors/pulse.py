"""Whether anything in an experiment changed: cheap enough to be asked every few seconds."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from apps.experiments.models import Run
from apps.experiments.selectors.runs import run_sample

# As many of the newest runs as the page of an experiment reads anyway.
FOLLOWED = 200
_GOING = (Run.Status.RUNNING, Run.Status.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many of the newest runs go on, and a text that differs once they do otherwise or measured more."""

    running: int
    mark: str


def pulse_of(newest: Sequence[Run]) -> Pulse:
    """Of the newest runs of an experiment, the newest first."""
    going = [(run.pk, run.status, run.metrics_latest) for run in newest[:FOLLOWED] if run.status in _GOING]
    first = newest[0].pk if newest else None
    return Pulse(len(going), hashlib.sha256(repr((first, going)).encode()).hexdigest()[:16])


def experiment_pulse(experiment_id: uuid.UUID) -> Pulse:
    """Of an experiment that the caller sees."""
    return pulse_of(run_sample(Run.objects.filter(experiment_id=experiment_id, deleted_at__isnull=True), FOLLOWED))
