"""Whether anything in an experiment changed: cheap enough to be asked every few seconds.

A row of its table changes while its run goes on, so all runs that go on are followed, whichever of them a page shows.
Few do; what they measured is read and digested where it lies.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import CharField, Count, F, Func, OuterRef, Subquery, TextField, Value
from django.db.models.functions import MD5, Cast, Concat, JSONObject

from apps.experiments.models import Experiment, Run

_GOING = (Run.Status.RUNNING, Run.Status.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many runs go on, and a text that differs once they do otherwise or measured more, or a newer one began."""

    running: int
    mark: str


def pulse_parts() -> dict[str, Subquery]:
    """What `pulse_read` needs, to annotate experiments with."""
    held = Run.objects.filter(experiment=OuterRef("pk"), team=OuterRef("team"), deleted_at__isnull=True)
    # As text, for a fingerprint of the whole is all there is to compare.
    measured = Func(Cast("metrics_latest", TextField()), function="MD5", output_field=CharField())
    each = Concat(Cast("id", TextField()), F("status"), measured, output_field=TextField())
    told = JSONObject(running=Count("*"), told=MD5(StringAgg(each, delimiter=Value(""), order_by="id")))
    going = held.filter(status__in=_GOING).order_by().values("experiment").annotate(told=told)
    return {
        "pulse_going": Subquery(going.values("told")),
        "pulse_newest": Subquery(held.order_by("-started_at", "pk").values("pk")[:1]),
    }


def pulse_read(experiment: Any) -> Pulse:
    """Of an experiment that was read with `pulse_parts`."""
    going = experiment.pulse_going or {"running": 0, "told": ""}
    newest = experiment.pulse_newest
    return Pulse(going["running"], f"{newest.hex if newest else ''}{going['told']}")


def experiment_pulse(experiment_id: uuid.UUID) -> Pulse:
    """Of an experiment that the caller sees; nothing goes on in one that is not there."""
    found = Experiment.objects.filter(pk=experiment_id).only("pk").annotate(**pulse_parts()).first()
    return Pulse(0, "") if found is None else pulse_read(found)
