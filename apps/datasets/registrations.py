"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from apps.core import formats
from apps.core.actors import Actor
from apps.core.links import link_register, page_of
from apps.core.registries import (
    Command,
    Hit,
    NavEntry,
    Station,
    command_register,
    navigation_register,
    search_register,
    station_register,
)
from apps.datasets import selectors
from apps.datasets.models import DatasetVersion
from apps.jobs.contracts import JobKind, job_kind_register


def station_data(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The second buoy: the newest version of any dataset of the problem."""
    version = selectors.dataset_newest(actor, problem_id)
    if version is None:
        dataset = selectors.dataset_list(actor, problem_id=problem_id).first()
        if dataset is not None:
            url = reverse("dataset-detail", args=[dataset.pk])
            return Station("data", "Data", state="no version yet", object_label=dataset.name, object_url=url)
        return Station("data", "Data", wait="Data scientist uploads it")
    label, url = str(version), reverse("dataset-version-detail", args=[version.pk])
    state, tone = {
        DatasetVersion.State.SEALED.value: ("sealed", "good"),
        DatasetVersion.State.QUARANTINED.value: ("quarantined", "warn"),
        DatasetVersion.State.RECALLED.value: ("recalled", "bad"),
    }.get(version.state, ("being read", "info"))
    wait = ""
    if version.row_count:
        wait = f"{formats.num(version.row_count)} rows, {formats.num(len(version.schema))} columns"
    return Station(
        "data",
        "Data",
        state=state,
        tone=tone,
        object_label=label,
        object_url=url,
        wait=wait,
        ahead=tone == "info",
    )


def search_data(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Datasets by name."""
    for dataset in selectors.dataset_list(actor, text=text)[:limit]:
        count = dataset.version_count  # type: ignore[attr-defined]
        yield Hit(
            kind="Dataset",
            label=dataset.name,
            detail=f"{count} version{'' if count == 1 else 's'}, {dataset.team}",
            url=reverse("dataset-detail", args=[dataset.pk]),
            icon="database",
        )


def _may_create(actor: Actor) -> bool:
    teams = actor.team_ids("data.edit")
    return teams is None or bool(teams)


def _subject_url(job: Any) -> str:
    return reverse("dataset-version-detail", args=[job.subject_id])


def register() -> None:
    """Navigation, station, search, command, lineage links and the profile job."""
    from apps.datasets import services

    job_kind_register(
        JobKind(
            "profile",
            "Profile",
            on_finish=services.profile_finish,
            on_fail=services.profile_fail,
            on_retry=services.profile_retry,
            within_quota=False,
            subject_url=_subject_url,
        )
    )
    navigation_register(
        NavEntry(key="data", label="Data", icon="database", url_name="dataset-list", order=30, shortcut="d")
    )
    station_register("data", station_data)
    search_register("datasets", search_data)
    command_register(Command("Register a dataset", "dataset-create", icon="database-plus", visible=_may_create))
    link_register("datasets.datasetversion", page_of("dataset-version-detail"), word="dataset version")
