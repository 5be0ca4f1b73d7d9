"""Reading files and the models that runs logged."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import Artifact, LoggedModel, Metric, Run


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a run's files with how much it holds, in bytes."""

    name: str
    path: str
    count: int
    size: int


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


def artifact_list(*, run_id: uuid.UUID | None = None, logged_model_id: uuid.UUID | None = None) -> QuerySet[Artifact]:
    """Files by path."""
    rows = (
        Artifact.objects.filter(run_id=run_id) if run_id else Artifact.objects.filter(logged_model_id=logged_model_id)
    )
    return rows.order_by("path")


class Filed(Protocol):
    """What has a path and a size in bytes."""

    @property
    def path(self) -> str: ...
    @property
    def size(self) -> int: ...


AnyFile = TypeVar("AnyFile", bound=Filed)


def folder_entries(files: Iterable[AnyFile], folder: str) -> tuple[list[Folder], list[AnyFile]]:
    """What lies in a folder ("" is the top) of files: its folders by name, and its files by path."""
    start = f"{folder}/" if folder else ""
    folders: dict[str, list[int]] = {}
    own: dict[str, AnyFile] = {}
    for file in files:
        if not file.path.startswith(start):
            continue
        name, slash, _ = file.path[len(start) :].partition("/")
        if slash:
            folders.setdefault(name, []).append(file.size)
        else:
            own[name] = file
    held = [Folder(name, start + name, len(sizes), sum(sizes)) for name, sizes in sorted(folders.items())]
    # One name is one entry: a file hides a folder that is called the same.
    return [one for one in held if one.name not in own], [own[name] for name in sorted(own)]


def artifact_find(path: str, *, run_id: uuid.UUID | None = None, logged_model_id: uuid.UUID | None = None) -> Artifact:
    """The file of that path. Raises NotFound, also for what cannot be a path."""
    rows = artifact_list(run_id=run_id, logged_model_id=logged_model_id)
    # PostgreSQL refuses NUL in text.
    found = None if "\x00" in path else rows.filter(path=path).first()
    if found is None:
        raise NotFound("There is no such file.")
    return found


def logged_model_of_run(actor: Actor, run_id: uuid.UUID, name: str) -> LoggedModel | None:
    """The newest model of that name that a run logged."""
    rows = LoggedModel.objects.visible_to(actor).filter(source_run_id=run_id, name=name, archived_at__isnull=True)
    found: LoggedModel | None = rows.order_by("-id").first()
    return found


def logged_model_get(actor: Actor, pk: uuid.UUID) -> LoggedModel:
    """Raises NotFound, also for a deleted one."""
    rows = LoggedModel.objects.visible_to(actor).filter(pk=pk, archived_at__isnull=True)
    found: LoggedModel | None = rows.select_related("source_run", "experiment").first()
    if found is None:
        raise NotFound("There is no such logged model, or you may not see it.")
    return found


def logged_model_metrics(models: Iterable[LoggedModel]) -> dict[uuid.UUID, list[Metric]]:
    """{logged model id: the newest measurement of each key, data and run} of many models, in one query.

    Anybody may write any id into a measurement of theirs, so those of other teams' runs count for nothing.
    """
    found: dict[uuid.UUID, list[Metric]] = {}
    teams = {model.pk: model.team_id for model in models}
    rows = Metric.objects.filter(model_id__in=teams).annotate(team=F("run__team_id"))
    order = ["model_id", "key", "dataset_name", "dataset_digest", "run_id"]
    for metric in rows.order_by(*order, "-step", "-timestamp", "-id").distinct(*order):
        if metric.model_id is not None and metric.team == teams[metric.model_id]:
            found.setdefault(metric.model_id, []).append(metric)
    return found


def blob_needed(sha256: str) -> bool:
    """Does a run or a logged model refer to these bytes?"""
    mine = Q(run__isnull=False, run__purged_at__isnull=True)
    logged = Q(logged_model__isnull=False, logged_model__source_run__purged_at__isnull=True)
    return Artifact.objects.filter(mine | logged, sha256=sha256).exists()


def run_file_sizes(run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """{run id: (files, bytes)} of runs and of the models that they logged; runs without a file are left out."""
    wanted = list(run_ids)
    rows = Artifact.objects.filter(Q(run__in=wanted) | Q(logged_model__source_run__in=wanted))
    by_run = rows.annotate(of=Coalesce("run_id", "logged_model__source_run_id")).values("of").order_by()
    counted = by_run.annotate(files=Count("pk"), bytes=Sum("size")).values_list("of", "files", "bytes")
    return {run_id: (files, size) for run_id, files, size in counted}
