"""Reading runs, one, many and beside each other."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import Experiment, Run, RunInput, RunModel

# As many of the newest runs say which columns and charts there are.
SAMPLE = 200


def run_get(actor: Actor, pk: uuid.UUID) -> Run:
    """Raises NotFound."""
    found: Run | None = (
        Run.objects.visible_to(actor).select_related("experiment", "experiment__problem").filter(pk=pk).first()
    )
    if found is None:
        raise NotFound("There is no such run, or you may not see it.")
    return found


def runs_get(actor: Actor, ids: Iterable[uuid.UUID]) -> list[Run]:
    """Runs by id. Raises NotFound when the actor sees one of them not."""
    wanted = set(ids)
    found: list[Run] = list(Run.objects.visible_to(actor).filter(pk__in=wanted).order_by("id"))
    if len(found) < len(wanted):
        raise NotFound("One of these runs does not exist, or you may not see it.")
    return found


def run_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    experiment_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    deleted: bool = False,
) -> QuerySet[Run]:
    """Runs that the actor sees, newest last by id; the table sorts."""
    rows = Run.objects.visible_to(actor).select_related("experiment").filter(deleted_at__isnull=not deleted)
    if team_id:
        rows = rows.filter(team_id=team_id)
    if experiment_id:
        rows = rows.filter(experiment_id=experiment_id)
    if problem_id:
        rows = rows.filter(experiment__problem_id=problem_id)
    return rows


def run_ids(experiment_id: uuid.UUID) -> set[uuid.UUID]:
    """The ids of all runs of an experiment that the caller sees, deleted ones too."""
    return set(Run.objects.filter(experiment_id=experiment_id).values_list("pk", flat=True))


def run_inputs(run: Run) -> QuerySet[RunInput]:
    return RunInput.objects.filter(run=run).select_related("dataset_version__dataset").order_by("id")


def run_inputs_of(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[RunInput]]:
    """{run id: its inputs} of many runs, in one query."""
    found: dict[uuid.UUID, list[RunInput]] = {}
    wanted = list(ids)
    if not wanted:
        return found
    rows = RunInput.objects.filter(run__in=wanted).select_related("dataset_version__dataset")
    for row in rows.order_by("id"):
        found.setdefault(row.run_id, []).append(row)
    return found


def run_input_summaries(actor: Actor, experiment_numbers: Iterable[int], *, limit: int) -> list[dict[str, Any]]:
    """What data the runs of these experiments read, each once: {"number", "name", "digest", "role"}."""
    runs = Run.objects.visible_to(actor).filter(
        experiment__number__in=list(experiment_numbers), deleted_at__isnull=True
    )
    rows = RunInput.objects.filter(run__in=runs)
    said = rows.filter(external__isnull=False).values_list(
        "run__experiment__number", "external__name", "external__digest", "role"
    )
    summaries = [(number, name, digest, role) for number, name, digest, role in said.distinct().order_by()[:limit]]
    held = rows.filter(external__isnull=True, dataset_version__isnull=False).values_list(
        "run__experiment__number",
        "dataset_version__dataset__name",
        "dataset_version__number",
        "dataset_version__content_digest",
        "role",
    )
    for number, name, version, digest, role in held.distinct().order_by()[:limit]:
        summaries.append((number, f"{name} v{version}", digest[:36], role))
    keys = ("number", "name", "digest", "role")
    return [dict(zip(keys, summary, strict=True)) for summary in sorted(set(summaries), key=str)[:limit]]


def run_models_of(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[RunModel]]:
    """{run id: logged models it read and wrote} of many runs, in one query."""
    found: dict[uuid.UUID, list[RunModel]] = {}
    wanted = list(ids)
    for row in RunModel.objects.filter(run__in=wanted).order_by("id") if wanted else ():
        found.setdefault(row.run_id, []).append(row)
    return found


def run_sample(runs: QuerySet[Run], count: int = SAMPLE) -> list[Run]:
    """The newest runs of a list with what columns and charts are made of, and no more."""
    rows = (
        runs.select_related(None)
        .order_by("-started_at", "pk")
        .only("name", "params", "tags", "metrics_latest", "experiment_id", "team_id", "status")
    )
    return list(rows[:count])


def data_differs(runs: list[Run]) -> bool:
    """Did these runs learn from different data? Numbers on different rows do not compare."""
    seen: dict[uuid.UUID, set[tuple[uuid.UUID, str]]] = {run.pk: set() for run in runs}
    for run_id, version_id, role in RunInput.objects.filter(run__in=runs, dataset_version__isnull=False).values_list(
        "run_id", "dataset_version_id", "role"
    ):
        seen[run_id].add((version_id, role))
    return len({frozenset(inputs) for inputs in seen.values()}) > 1


class NewestRun(NamedTuple):
    """What the strip tells of the newest run of a problem."""

    experiment_id: uuid.UUID
    status: str
    created_at: datetime


def run_newest(actor: Actor, problem_id: uuid.UUID) -> tuple[NewestRun | None, int, int]:
    """The newest run of a problem, how many it has, and how many run now.

    Asked experiment by experiment, each of which an index answers.
    """
    held = Run.objects.visible_to(actor).filter(experiment=OuterRef("pk"), deleted_at__isnull=True).order_by()
    counts = held.values("experiment").annotate(n=Count("*")).values("n")
    newest = held.order_by("-started_at", "pk")
    rows = (
        Experiment.objects.filter(problem_id=problem_id)
        .annotate(
            run_count=Subquery(counts),
            running_count=Subquery(counts.filter(status=Run.Status.RUNNING)),
            newest_at=Subquery(newest.values("started_at")[:1]),
            newest_status=Subquery(newest.values("status")[:1]),
            newest_made=Subquery(newest.values("created_at")[:1]),
        )
        .filter(run_count__gt=0)
        .order_by("-newest_at")
        .values_list("pk", "newest_status", "newest_made", "run_count", "running_count")
    )
    found = list(rows)
    if not found:
        return None, 0, 0
    return NewestRun(*found[0][:3]), sum(row[3] for row in found), sum(row[4] or 0 for row in found)


def run_compare(actor: Actor, ids: list[uuid.UUID]) -> dict[str, Any]:
    """Runs side by side in the order asked for: params that differ, metrics with the difference to the first.

    Raises NotFound when one of them cannot be seen.
    """
    found = {run.pk: run for run in run_list(actor).filter(pk__in=ids)}
    if len(found) != len(set(ids)):
        raise NotFound("One of these runs does not exist, or you may not see it.")
    runs = [found[pk] for pk in ids]
    keys = sorted({key for run in runs for key in run.params})
    params = []
    for key in keys:
        values = [run.params.get(key) for run in runs]
        params.append({"key": key, "values": values, "differs": len(set(values)) > 1})
    metrics = []
    for key in sorted({key for run in runs for key in run.metrics_latest}):
        values = [_value(run, key) for run in runs]
        first = values[0]
        metrics.append(
            {
                "key": key,
                "values": values,
                "differences": [None if v is None or first is None else v - first for v in values],
            }
        )
    return {"runs": runs, "params": params, "metrics": metrics}


def _value(run: Run, key: str) -> float | None:
    held = run.metrics_latest.get(key)
    return float(held[0]) if held else None


def run_search(actor: Actor, text: str, limit: int) -> QuerySet[Run]:
    """Runs by a part of their name or by id."""
    condition = Q(name__icontains=text)
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    held = Run.objects.visible_to(actor).filter(condition, deleted_at__isnull=True).order_by("-id").values("pk")[:limit]
    rows = Run.objects.filter(pk__in=held).select_related("experiment")
    return rows.only("name", "status", "experiment__name").order_by("-id")
