"""Datasets: described, archived, deleted after a look at what that would cost."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.sealing import retention
from apps.datasets import selectors
from apps.datasets.contracts import purge_vetoes
from apps.datasets.models import Dataset, DatasetVersion, Upload
from apps.datasets.services.locking import dataset_lock, edit_require, row_version_check, text_clean
from apps.datasets.storage import bytes_release, parts_delete
from apps.problems import selectors as problems

_TEXTS = {"name": (120, True), "licence": (120, True), "source": (300, True), "description": (5000, False)}


def _fields_clean(given: dict[str, Any]) -> dict[str, str]:
    faults: dict[str, list[str]] = {}
    clean: dict[str, str] = {}
    for field, value in given.items():
        limit, one_line = _TEXTS[field]
        try:
            clean[field] = text_clean(value, field, limit, needed=field == "name", one_line=one_line)
        except Invalid as error:
            faults.update(error.fields)
    if faults:
        raise Invalid("Check the fields. Nothing was saved.", fields=faults)
    return clean


def _problem_check(actor: Actor, team_id: uuid.UUID, problem_id: uuid.UUID | None) -> None:
    if problem_id is None:
        return
    try:
        problem = problems.problem_get(actor, problem_id)
    except NotFound:
        raise Invalid.field("problem_id", "There is no such problem, or you may not see it.") from None
    if problem.team_id != team_id:
        raise Invalid.field("problem_id", "The problem belongs to another team.")


@transaction.atomic
def dataset_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    problem_id: uuid.UUID | None = None,
    description: str = "",
    licence: str = "",
    source: str = "",
) -> Dataset:
    """Register a source of rows. Raises NotFound for a team out of sight, Forbidden, Invalid, Conflict for the name."""
    if not accounts.team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    edit_require(actor, team_id)
    fields = _fields_clean({"name": name, "description": description, "licence": licence, "source": source})
    _problem_check(actor, team_id, problem_id)
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(
                team_id=team_id,
                problem_id=problem_id,
                created_by_id=actor.id if actor.is_person else None,
                created_by_label=actor.label,
                **fields,
            )
    except IntegrityError as error:
        raise _name_taken(fields["name"]) from error
    audit_record(actor=actor, action="dataset.created", thing=dataset, problem_id=problem_id, after=dict(fields))
    return dataset


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"The team has a dataset called “{name}” already.",
        code="name_taken",
        fields={"name": ["This name is taken in the team."]},
    )


@transaction.atomic
def dataset_edit(*, actor: Actor, dataset_id: uuid.UUID, row_version: int | None = None, **changes: Any) -> Dataset:
    """Change name, description, licence, source or problem_id. Raises NotFound, Forbidden, Invalid, Conflict."""
    dataset = dataset_lock(actor, dataset_id)
    row_version_check(row_version, dataset)
    unknown = set(changes) - {*_TEXTS, "problem_id"}
    if unknown:
        raise Invalid.field(sorted(unknown)[0], "A dataset has no such field.")
    problem_given = "problem_id" in changes
    problem_id = changes.pop("problem_id", None)
    fields: dict[str, Any] = _fields_clean(changes)
    if problem_given:
        _problem_check(actor, dataset.team_id, problem_id)
        fields["problem_id"] = problem_id
    before = {field: getattr(dataset, field) for field in fields if getattr(dataset, field) != fields[field]}
    if not before:
        return dataset
    for field in before:
        setattr(dataset, field, fields[field])
    dataset.row_version += 1
    try:
        with transaction.atomic():
            dataset.save()
    except IntegrityError as error:
        raise _name_taken(dataset.name) from error
    audit_record(
        actor=actor,
        action="dataset.edited",
        thing=dataset,
        problem_id=dataset.problem_id,
        before=before,
        after={field: fields[field] for field in before},
    )
    return selectors.dataset_get(actor, dataset.pk)


@transaction.atomic
def dataset_archive(*, actor: Actor, dataset_id: uuid.UUID) -> Dataset:
    """Put a dataset out of the lists; its versions stay usable by what cites them. Raises NotFound, Forbidden."""
    dataset = dataset_lock(actor, dataset_id)
    if dataset.archived_at is None:
        dataset.archived_at = timezone.now()
        dataset.row_version += 1
        dataset.save(update_fields=["archived_at", "row_version"])
        audit_record(actor=actor, action="dataset.archived", thing=dataset, problem_id=dataset.problem_id)
    return dataset


@transaction.atomic
def dataset_restore(*, actor: Actor, dataset_id: uuid.UUID) -> Dataset:
    """Bring an archived dataset back. Raises NotFound, Forbidden."""
    dataset = dataset_lock(actor, dataset_id)
    if dataset.archived_at is not None:
        dataset.archived_at = None
        dataset.row_version += 1
        dataset.save(update_fields=["archived_at", "row_version"])
        audit_record(actor=actor, action="dataset.restored", thing=dataset, problem_id=dataset.problem_id)
    return dataset


@dataclass(frozen=True, slots=True)
class DeletePreview:
    """What removing a dataset would mean: bytes freed, versions that were used, and what stands against it."""

    bytes: int
    versions: int
    used: list[str]
    """Versions that a run or an evaluation used: they could not be reproduced any more."""
    against: list[str]
    """Why it may not be deleted at all."""

    @property
    def allowed(self) -> bool:
        """Nothing stands against it."""
        return not self.used and not self.against


def delete_preview(actor: Actor, dataset_id: uuid.UUID) -> DeletePreview:
    """Look before deleting. Raises NotFound."""
    dataset = selectors.dataset_get(actor, dataset_id)
    versions = list(selectors.dataset_version_list(actor, dataset))
    against = [reason for version in versions for reason in purge_vetoes(version.pk)]
    against += [
        f"“{v}” is being profiled: cancel its job first." for v in versions if v.state == DatasetVersion.State.PROFILING
    ]
    return DeletePreview(
        bytes=selectors.disk_use(dataset),
        versions=len(versions),
        used=[str(v) for v in versions if v.cited_at is not None],
        against=against,
    )


@transaction.atomic
def dataset_delete(*, actor: Actor, dataset_id: uuid.UUID, confirm: str, reason: str = "") -> None:
    """Remove a dataset that nothing has used, with its versions and bytes; audit entries stay.

    `confirm` repeats the name. Raises NotFound, Forbidden, Invalid, Conflict with the reasons when it was used.
    """
    dataset = dataset_lock(actor, dataset_id)
    if confirm.strip() != dataset.name:
        raise Invalid.field("confirm", f"Type “{dataset.name}” to confirm.")
    preview = delete_preview(actor, dataset_id)
    if not preview.allowed:
        raise Conflict(
            "This dataset was used, so it can be archived, not deleted.",
            code="in_use",
            items=[*(f"“{label}” was used by a run or an evaluation." for label in preview.used), *preview.against],
        )
    versions = DatasetVersion.objects.filter(dataset=dataset)
    hashes = {sha for pair in versions.values_list("content_digest", "table_sha256") for sha in pair}
    uploads = [(u.pk, [part[0] for part in u.parts]) for u in Upload.objects.filter(dataset=dataset)]
    audit_record(
        actor=actor,
        action="dataset.deleted",
        thing=dataset,
        problem_id=dataset.problem_id,
        before={"name": dataset.name, "versions": preview.versions, "bytes": preview.bytes},
        reason=text_clean(reason, "reason", 2000, one_line=False),
    )
    try:
        with transaction.atomic(), retention():
            Upload.objects.filter(dataset=dataset).delete()
            versions.delete()
            dataset.delete()
    except (ProtectedError, IntegrityError) as error:
        raise Conflict("Something refers to this dataset: archive it instead.", code="in_use") from error
    for sha256 in hashes:
        transaction.on_commit(partial(bytes_release, sha256))
    for upload_id, offsets in uploads:
        transaction.on_commit(partial(parts_delete, upload_id, offsets))
