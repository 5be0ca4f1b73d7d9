"""Datasets, versions and uploads."""

from __future__ import annotations

import uuid

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.datasets.models import Dataset, DatasetVersion, Upload


def dataset_get(actor: Actor, pk: uuid.UUID) -> Dataset:
    """One dataset. Raises NotFound for what the actor may not see."""
    found: Dataset | None = Dataset.objects.visible_to(actor).select_related("team", "problem").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such dataset, or you may not see it.")
    return found


def dataset_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    archived: bool = False,
    text: str = "",
) -> QuerySet[Dataset]:
    """Datasets, newest first, each with `version_count`, `newest_state`, `newest_number`, `newest_rows`, `bytes`."""
    newest = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by("-number")
    rows: QuerySet[Dataset] = Dataset.objects.visible_to(actor).select_related("team", "problem")
    rows = rows.filter(archived_at__isnull=not archived)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    if problem_id is not None:
        rows = rows.filter(problem_id=problem_id)
    if text:
        rows = rows.filter(name__icontains=text)
    return rows.annotate(
        version_count=Count("versions"),
        newest_state=Subquery(newest.values("state")[:1]),
        newest_number=Subquery(newest.values("number")[:1]),
        newest_rows=Subquery(newest.values("row_count")[:1]),
        newest_id=Subquery(newest.values("pk")[:1]),
        newest_at=Subquery(newest.values("created_at")[:1]),
        bytes=Coalesce(Sum(F("versions__size") + Coalesce(F("versions__table_size"), Value(0))), Value(0)),
    ).order_by("-id")


def dataset_version_list(actor: Actor, dataset: Dataset | None = None) -> QuerySet[DatasetVersion]:
    """Versions, newest first, of one dataset or of all that the actor may see."""
    rows = DatasetVersion.objects.filter(dataset__in=Dataset.objects.visible_to(actor)).select_related(
        "dataset__problem", "team"
    )
    if dataset is not None:
        return rows.filter(dataset=dataset).order_by("-number", "-id")
    return rows.order_by("-id")


def dataset_version_get(actor: Actor, pk: uuid.UUID) -> DatasetVersion:
    """One version with its dataset. Raises NotFound for what the actor may not see."""
    found = dataset_version_list(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such dataset version, or you may not see it.")
    return found


def dataset_version_by_digest(actor: Actor, digest: str, *, team_id: uuid.UUID | None = None) -> DatasetVersion | None:
    """The only version that the actor sees, of a team or of all, whose content begins with these hexadecimal digits;
    None when in doubt."""
    rows = dataset_version_list(actor).filter(content_digest__startswith=digest)
    found = list((rows if team_id is None else rows.filter(team_id=team_id))[:2])
    return found[0] if len(found) == 1 else None


def dataset_version_of_size(actor: Actor, team_id: uuid.UUID, size: int) -> bool:
    """Whether the team has any version whose file is so long, so that hashing another one is worth while."""
    return dataset_version_list(actor).filter(team_id=team_id, size=size).exists()


def dataset_newest(actor: Actor, problem_id: uuid.UUID) -> DatasetVersion | None:
    """The newest version of any dataset of a problem that is not archived; None when there is none."""
    return (
        dataset_version_list(actor)
        .filter(dataset__problem_id=problem_id, dataset__archived_at__isnull=True)
        .exclude(state=DatasetVersion.State.FAILED)
        .select_related(None)
        .select_related("dataset")
        .only("number", "state", "row_count", "schema", "dataset__name")
        .first()
    )


def upload_get(actor: Actor, pk: uuid.UUID) -> Upload:
    """One upload. Raises NotFound for what the actor may not see."""
    found: Upload | None = Upload.objects.visible_to(actor).select_related("dataset", "version").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such upload, or you may not see it.")
    return found


def upload_open_list(actor: Actor, dataset: Dataset) -> QuerySet[Upload]:
    """Uploads of a dataset that were begun and not ended, newest first."""
    rows: QuerySet[Upload] = Upload.objects.visible_to(actor).filter(dataset=dataset, state=Upload.State.OPEN)
    return rows.order_by("-id")


def disk_use(dataset: Dataset) -> int:
    """Bytes that the versions of a dataset take in the store, each content counted once."""
    sizes: dict[str, int] = {}
    rows = DatasetVersion.objects.filter(dataset=dataset, purged_at__isnull=True)
    for digest, size, table, table_size in rows.values_list("content_digest", "size", "table_sha256", "table_size"):
        sizes[digest] = size
        if table:
            sizes[table] = table_size or 0
    return sum(sizes.values())
