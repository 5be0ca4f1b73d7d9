"""Reading experiments and runs."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import Artifact, Experiment, LoggedModel, Metric, Run, RunInput, RunModel


def experiment_get(actor: Actor, pk: uuid.UUID) -> Experiment:
    """Raises NotFound."""
    found: Experiment | None = Experiment.objects.visible_to(actor).select_related("problem").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    return found


def experiment_by_number(actor: Actor, number: int) -> Experiment:
    """As MLflow clients address it. Raises NotFound."""
    found: Experiment | None = Experiment.objects.visible_to(actor).filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no experiment {number}, or you may not see it.")
    return found


def experiment_by_name(actor: Actor, name: str, *, team_id: uuid.UUID | None = None) -> Experiment:
    """The team's experiment of that name, archived ones too; spelled in other capitals where none is spelled so.

    Without a team, of any team that the actor sees, the oldest first. Raises NotFound.
    """
    rows = Experiment.objects.visible_to(actor).filter(name__iexact=name)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    found: list[Experiment] = list(rows.order_by("id"))
    if not found:
        raise NotFound(f"Could not find experiment with name '{name}'.")
    return next((experiment for experiment in found if experiment.name == name), found[0])


def experiment_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    archived: bool = False,
) -> QuerySet[Experiment]:
    """With the number of runs and the newest run's time."""
    rows: QuerySet[Experiment] = (
        Experiment.objects.visible_to(actor).select_related("problem").filter(archived_at__isnull=not archived)
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    counted = Run.objects.filter(experiment=OuterRef("pk"), deleted_at__isnull=True).values("experiment")
    return rows.annotate(
        run_count=Subquery(counted.annotate(n=Count("pk")).values("n")),
        newest_run_at=Subquery(counted.annotate(t=Max("created_at")).values("t")),
    )


def run_get(actor: Actor, pk: uuid.UUID) -> Run:
    """Raises NotFound."""
    found: Run | None = (
        Run.objects.visible_to(actor).select_related("experiment", "experiment__problem").filter(pk=pk).first()
    )
    if found is None:
        raise NotFound("There is no such run, or you may not see it.")
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


def run_inputs(run: Run) -> QuerySet[RunInput]:
    return RunInput.objects.filter(run=run).select_related("dataset_version__dataset").order_by("id")


def run_inputs_of(runs: Iterable[Run]) -> dict[uuid.UUID, list[RunInput]]:
    """{run id: its inputs} of many runs, in one query."""
    found: dict[uuid.UUID, list[RunInput]] = {}
    rows = RunInput.objects.filter(run__in=list(runs)).select_related("dataset_version__dataset")
    for row in rows.order_by("id"):
        found.setdefault(row.run_id, []).append(row)
    return found


def run_models_of(runs: Iterable[Run]) -> dict[uuid.UUID, list[RunModel]]:
    """{run id: logged models it read and wrote} of many runs, in one query."""
    found: dict[uuid.UUID, list[RunModel]] = {}
    for row in RunModel.objects.filter(run__in=list(runs)).order_by("id"):
        found.setdefault(row.run_id, []).append(row)
    return found


# Where a page of a history ended: the moment, step and id of its last measurement.
HistoryPlace = tuple[int, int, int]


def metric_history_page(
    run: Run, key: str, *, after: HistoryPlace | None = None, limit: int
) -> tuple[list[Metric], HistoryPlace | None]:
    """Measurements of one key by time and step, a page at a time, and where the next page goes on (None: the end)."""
    rows = Metric.objects.filter(run=run, key=key)
    if after is not None:
        rows = rows.extra(  # a row comparison, which the ORM cannot say
            where=['("timestamp", step, id) > (%s, %s, %s)'], params=list(after)
        )
    page = list(rows.order_by("timestamp", "step", "id")[: limit + 1])
    if len(page) <= limit:
        return page, None
    last = page[limit - 1]
    return page[:limit], (last.timestamp, last.step, last.pk)


def metric_history(run: Run, key: str, *, limit: int = 50_000) -> list[Metric]:
    """Measurements of one key by step and time."""
    return list(Metric.objects.filter(run=run, key=key).order_by("step", "timestamp", "id")[:limit])


Curves = dict[str, dict[uuid.UUID, list[tuple[int, float]]]]


def metric_curves(runs: list[Run], *, points: int = 320) -> Curves:
    """{key: {run id: [(step, value), ...]}} for keys measured at more than one step, thinned to `points` each."""
    return metric_curves_from(runs, points=points)[0]


def metric_curves_from(runs: list[Run], *, points: int = 320) -> tuple[Curves, int]:
    """The curves, and the id of their newest measurement: where a live page goes on (0: from the start)."""
    rows = (
        Metric.objects.filter(run__in=runs)
        .values_list("key", "run_id", "step", "value", "pk")
        .order_by("key", "run_id", "step", "timestamp", "id")[:200_000]
    )
    curves: Curves = {}
    newest = 0
    for key, run_id, step, value, pk in rows:
        curves.setdefault(key, {}).setdefault(run_id, []).append((step, value))
        newest = max(newest, pk)
    return _thinned(curves, points), newest


def _thinned(curves: Curves, points: int) -> Curves:
    thinned: Curves = {}
    for key, by_run in curves.items():
        if all(len({step for step, _ in line}) < 2 for line in by_run.values()):
            continue
        thinned[key] = {}
        for run_id, line in by_run.items():
            stride = max(1, -(-len(line) // points))
            kept = line[::stride]
            if kept[-1] != line[-1]:
                kept.append(line[-1])
            thinned[key][run_id] = kept
    return thinned


def metrics_after(run_id: uuid.UUID, after: int, *, limit: int = 2000) -> list[Metric]:
    """Measurements with an id above `after`, for the live topic."""
    return list(Metric.objects.filter(run_id=run_id, pk__gt=after).order_by("pk")[:limit])


def run_sample(runs: QuerySet[Run], count: int = 200) -> list[Run]:
    """The newest runs of a list with what columns and charts are made of, and no more."""
    rows = runs.order_by("-pk").only("name", "params", "metrics_latest", "experiment_id", "team_id", "status")
    return list(rows[:count])


def run_files(run: Run) -> tuple[list[Artifact], list[tuple[LoggedModel, list[Artifact]]]]:
    """All files of a run by path: its own, and those of each model that it logged."""
    own: list[Artifact] = []
    logged: dict[LoggedModel, list[Artifact]] = {}
    rows = Artifact.objects.filter(Q(run=run) | Q(logged_model__source_run=run)).select_related("logged_model")
    for file in rows.order_by("path", "id"):
        if file.logged_model is None:
            own.append(file)
        else:
            logged.setdefault(file.logged_model, []).append(file)
    return own, sorted(logged.items(), key=lambda item: item[0].pk)


def data_differs(runs: list[Run]) -> bool:
    """Did these runs learn from different data? Numbers on different rows do not compare."""
    seen: dict[uuid.UUID, set[tuple[uuid.UUID, str]]] = {run.pk: set() for run in runs}
    for run_id, version_id, role in RunInput.objects.filter(run__in=runs, dataset_version__isnull=False).values_list(
        "run_id", "dataset_version_id", "role"
    ):
        seen[run_id].add((version_id, role))
    return len({frozenset(inputs) for inputs in seen.values()}) > 1


def run_newest(actor: Actor, problem_id: uuid.UUID) -> tuple[Run | None, int, int]:
    """The newest run of a problem, how many it has, and how many run now."""
    rows = run_list(actor, problem_id=problem_id)
    counts = rows.order_by().values("experiment__problem_id").annotate(n=Count("pk"))
    running = counts.filter(status=Run.Status.RUNNING)
    newest = (
        rows.only("name", "status", "experiment_id", "created_at", "team_id")
        .annotate(run_count=Subquery(counts.values("n")), running_count=Subquery(running.values("n")))
        .order_by("-pk")
        .first()
    )
    if newest is None:
        return None, 0, 0
    return newest, newest.run_count or 0, newest.running_count or 0  # type: ignore[attr-defined]


def artifact_list(*, run_id: uuid.UUID | None = None, logged_model_id: uuid.UUID | None = None) -> QuerySet[Artifact]:
    """Files by path."""
    rows = (
        Artifact.objects.filter(run_id=run_id) if run_id else Artifact.objects.filter(logged_model_id=logged_model_id)
    )
    return rows.order_by("path")


def artifact_find(path: str, *, run_id: uuid.UUID | None = None, logged_model_id: uuid.UUID | None = None) -> Artifact:
    """The file of that path. Raises NotFound, also for what cannot be a path."""
    rows = artifact_list(run_id=run_id, logged_model_id=logged_model_id)
    # PostgreSQL refuses NUL in text.
    found = None if "\x00" in path else rows.filter(path=path).first()
    if found is None:
        raise NotFound("There is no such file.")
    return found


def logged_model_get(actor: Actor, pk: uuid.UUID) -> LoggedModel:
    """Raises NotFound, also for a deleted one."""
    rows = LoggedModel.objects.visible_to(actor).filter(pk=pk, archived_at__isnull=True)
    found: LoggedModel | None = rows.select_related("source_run", "experiment").first()
    if found is None:
        raise NotFound("There is no such logged model, or you may not see it.")
    return found


def logged_model_search(
    actor: Actor,
    *,
    experiment_numbers: list[int],
    name: str | None = None,
    run_id: uuid.UUID | None = None,
    after: uuid.UUID | None = None,
    limit: int = 100,
) -> list[LoggedModel]:
    """Logged models of experiments, oldest first, after a given one."""
    rows = LoggedModel.objects.visible_to(actor).filter(
        experiment__number__in=experiment_numbers, archived_at__isnull=True
    )
    if name is not None:
        rows = rows.filter(name=name)
    if run_id is not None:
        rows = rows.filter(source_run_id=run_id)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return list(rows.select_related("experiment").order_by("pk")[:limit])


def logged_model_metrics(models: Iterable[LoggedModel]) -> dict[uuid.UUID, list[Metric]]:
    """{logged model id: the newest measurement of each key, data and run} of many models, in one query."""
    found: dict[uuid.UUID, list[Metric]] = {}
    rows = Metric.objects.filter(model_id__in=[model.pk for model in models])
    order = ["model_id", "key", "dataset_name", "dataset_digest", "run_id"]
    for metric in rows.order_by(*order, "-step", "-timestamp", "-id").distinct(*order):
        if metric.model_id is not None:
            found.setdefault(metric.model_id, []).append(metric)
    return found


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


def experiment_search(actor: Actor, text: str, limit: int) -> QuerySet[Experiment]:
    """Experiments by a part of their name or by id."""
    condition = Q(name__icontains=text)
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    rows: QuerySet[Experiment] = Experiment.objects.visible_to(actor).select_related("problem")
    return rows.filter(condition).order_by("-id")[:limit]


def run_search(actor: Actor, text: str, limit: int) -> QuerySet[Run]:
    """Runs whose name or id begins with the text."""
    condition = Q(name__icontains=text)
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    return run_list(actor).filter(condition).order_by("-id")[:limit]


def blob_needed(sha256: str) -> bool:
    """Does a run or a logged model refer to these bytes?"""
    mine = Q(run__isnull=False, run__purged_at__isnull=True)
    logged = Q(logged_model__isnull=False, logged_model__source_run__purged_at__isnull=True)
    return Artifact.objects.filter(mine | logged, sha256=sha256).exists()
