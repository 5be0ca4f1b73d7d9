"""What a write begins with: the experiment or the trace, seen, allowed and locked."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.experiments import selectors as experiments
from apps.traces.models import Trace
from apps.traces.policies import require_trace_write

if TYPE_CHECKING:
    from apps.experiments.models import Experiment


def experiment_writable(actor: Actor, experiment_id: uuid.UUID) -> Experiment:
    """The experiment that traces are sent to. Raises NotFound, Forbidden, Invalid for an archived one."""
    experiment = experiments.experiment_get(actor, experiment_id)
    require_trace_write(actor, experiment.team_id)
    if experiment.archived_at is not None:
        raise Invalid(
            f"The experiment {experiment.number} must be in the 'active' state. Current state is deleted. "
            "Restore it first.",
            code="experiment_deleted",
        )
    return experiment


def trace_lock(actor: Actor, trace_id: uuid.UUID) -> Trace:
    """A trace, locked for writing. Raises NotFound, Forbidden."""
    found: Trace | None = Trace.objects.visible_to(actor).select_for_update(no_key=True).filter(pk=trace_id).first()
    if found is None:
        raise NotFound("There is no such trace, or you may not see it.")
    require_trace_write(actor, found.team_id)
    return found


def traces_opened(fresh: Iterable[Trace]) -> tuple[dict[str, Trace], set[str]]:
    """Traces of one team by key, locked, written as given where they are new; and the keys of the new ones.

    Everybody locks in the order of the keys, so no two calls wait for each other. Raises Conflict.
    """
    rows = sorted(fresh, key=lambda trace: trace.key)
    Trace.objects.bulk_create(rows, ignore_conflicts=True)
    keys = [trace.key for trace in rows]
    held = Trace.objects.filter(team_id=rows[0].team_id, key__in=keys).order_by("key").select_for_update(no_key=True)
    locked = {trace.key: trace for trace in held}
    if len(locked) < len(rows):
        raise Conflict("A trace was deleted at this moment. Send it again.", code="deleted")
    return locked, {trace.key for trace in rows if trace.pk == locked[trace.key].pk}
