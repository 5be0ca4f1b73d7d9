"""Evaluation datasets and their records."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.core.policies import require_verb, require_verb_in
from apps.experiments.models import EvaluationDataset, EvaluationRecord, Experiment

NAME_LIMIT = 255
TAGS_LIMIT = 100
EXPERIMENTS_LIMIT = 100
RECORDS_LIMIT = 100_000
RECORD_SIZE_LIMIT = 1_000_000
_FIELDS_LIMIT = 500
_JSON_TYPES = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A record as it comes in; `outputs` counts only with `has_outputs`, so that null can be said."""

    inputs: dict[str, Any]
    outputs: Any = None
    has_outputs: bool = False
    expectations: dict[str, Any] | None = None
    tags: dict[str, str] | None = None
    source: dict[str, Any] | None = None


def _lock(actor: Actor, dataset_id: uuid.UUID, *, archived: bool = False) -> EvaluationDataset:
    """The dataset, or the archived one, locked for writing. Raises NotFound, Forbidden."""
    rows = EvaluationDataset.objects.visible_to(actor).select_for_update().filter(archived_at__isnull=not archived)
    dataset: EvaluationDataset | None = rows.filter(pk=dataset_id).first()
    if dataset is None:
        raise NotFound("There is no such evaluation dataset, or you may not see it.")
    require_verb(actor, "job.run", dataset)
    return dataset


def _one_team(team_id: uuid.UUID, experiments: Iterable[Experiment]) -> None:
    if any(experiment.team_id != team_id for experiment in experiments):
        raise Invalid.field("experiment_ids", "A dataset and its experiments belong to one team.")


def _tags_check(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > TAGS_LIMIT:
        raise Invalid.field("tags", f"A dataset has at most {TAGS_LIMIT} tags.")
    return tags


def evaluation_dataset_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    experiments: Sequence[Experiment] = (),
    tags: dict[str, str] | None = None,
) -> EvaluationDataset:
    """Open a dataset for experiments of the team. Raises NotFound, Forbidden, Invalid."""
    if not accounts.team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    require_verb_in(actor, "job.run", team_id)
    name = name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    _one_team(team_id, experiments)
    with transaction.atomic():
        dataset = EvaluationDataset.objects.create(
            team_id=team_id,
            name=name,
            tags=_tags_check(tags or {}),
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
            updated_by_label=actor.label,
        )
        dataset.experiments.set(experiments)
        numbers = [experiment.number for experiment in experiments]
        audit_record(
            actor=actor, action="evaluation_dataset.create", thing=dataset, after={"name": name, "experiments": numbers}
        )
    return dataset


def evaluation_dataset_archive(*, actor: Actor, dataset_id: uuid.UUID) -> EvaluationDataset:
    """MLflow's delete: the dataset leaves the lists with its records; nothing is lost. Raises NotFound, Forbidden."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        dataset.archived_at = timezone.now()
        dataset.save(update_fields=["archived_at"])
        audit_record(actor=actor, action="evaluation_dataset.archive", thing=dataset)
    return dataset


def evaluation_dataset_restore(*, actor: Actor, dataset_id: uuid.UUID) -> EvaluationDataset:
    """An archived dataset is back in the lists, with its records. Raises NotFound, Forbidden."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id, archived=True)
        dataset.archived_at = None
        dataset.save(update_fields=["archived_at"])
        audit_record(actor=actor, action="evaluation_dataset.restore", thing=dataset)
    return dataset


def evaluation_dataset_tags_set(*, actor: Actor, dataset_id: uuid.UUID, tags: dict[str, str]) -> EvaluationDataset:
    """Add or change tags. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        _tags_write(actor, dataset, _tags_check({**dataset.tags, **tags}))
    return dataset


def evaluation_dataset_tag_delete(*, actor: Actor, dataset_id: uuid.UUID, key: str) -> None:
    """Remove a tag; one that is not there is no error. Raises NotFound, Forbidden."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        _tags_write(actor, dataset, {k: v for k, v in dataset.tags.items() if k != key})


def _tags_write(actor: Actor, dataset: EvaluationDataset, tags: dict[str, str]) -> None:
    if tags == dataset.tags:
        return
    before, dataset.tags = {"tags": dataset.tags}, tags
    dataset.save(update_fields=["tags"])
    audit_record(
        actor=actor, action="evaluation_dataset.update", thing=dataset, before=before, after={"tags": dataset.tags}
    )


def evaluation_dataset_experiments_change(
    *, actor: Actor, dataset_id: uuid.UUID, add: Sequence[Experiment] = (), remove: Sequence[Experiment] = ()
) -> EvaluationDataset:
    """Say for which experiments the dataset is. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        _one_team(dataset.team_id, add)
        before = list(dataset.experiments.order_by("number").values_list("number", flat=True))
        dataset.experiments.add(*add)
        dataset.experiments.remove(*remove)
        after = list(dataset.experiments.order_by("number").values_list("number", flat=True))
        if len(after) > EXPERIMENTS_LIMIT:
            raise Invalid.field("experiment_ids", f"A dataset is for at most {EXPERIMENTS_LIMIT} experiments.")
        if after != before:
            audit_record(
                actor=actor,
                action="evaluation_dataset.update",
                thing=dataset,
                before={"experiments": before},
                after={"experiments": after},
            )
    return dataset


def evaluation_records_upsert(*, actor: Actor, dataset_id: uuid.UUID, drafts: Sequence[RecordDraft]) -> tuple[int, int]:
    """Add records; the same inputs again change the record that has them. Returns how many were (added, changed).

    Outputs are replaced where they are given, expectations and tags merged. Raises NotFound, Forbidden, Invalid.
    """
    now = timezone.now()
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        hashes = [hashlib.sha256(_json(draft.inputs).encode()).hexdigest() for draft in drafts]
        found = {row.inputs_sha256: row for row in dataset.records.filter(inputs_sha256__in=set(hashes))}
        known = frozenset(found)
        for draft, sha256 in zip(drafts, hashes, strict=True):
            record = found.get(sha256)
            if record is None:
                record = found[sha256] = EvaluationRecord(
                    dataset=dataset,
                    inputs=draft.inputs,
                    inputs_sha256=sha256,
                    outputs=None if draft.has_outputs else {},
                    source=draft.source,
                    created_by_label=actor.label[:200],
                )
            _merge(record, draft)
            record.updated_at, record.updated_by_label = now, actor.label[:200]
            record.size = len(_json([record.inputs, record.outputs, record.expectations, record.tags, record.source]))
            if record.size > RECORD_SIZE_LIMIT:
                raise Invalid.field("records", f"A record has at most {RECORD_SIZE_LIMIT} characters.")
        added = [record for sha256, record in found.items() if sha256 not in known]
        if dataset.records.count() + len(added) > RECORDS_LIMIT:
            raise Invalid.field("records", f"A dataset has at most {RECORDS_LIMIT} records.")
        EvaluationRecord.objects.bulk_create(added, batch_size=1000)
        EvaluationRecord.objects.bulk_update(
            [found[sha256] for sha256 in known],
            ["outputs", "expectations", "tags", "size", "updated_at", "updated_by_label"],
            batch_size=500,
        )
        dataset.schema = _schema_widen(dataset.schema, drafts)
        counts = {"added": len(added), "changed": len(drafts) - len(added)}
        _changed(actor, dataset, counts)
    return counts["added"], counts["changed"]


def evaluation_records_delete(*, actor: Actor, dataset_id: uuid.UUID, record_ids: Sequence[uuid.UUID]) -> int:
    """Remove records; returns how many there were. Raises NotFound, Forbidden."""
    with transaction.atomic():
        dataset = _lock(actor, dataset_id)
        removed, _ = dataset.records.filter(pk__in=record_ids).delete()
        if removed:
            _changed(actor, dataset, {"removed": removed})
    return removed


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _merge(record: EvaluationRecord, draft: RecordDraft) -> None:
    if draft.has_outputs:
        record.outputs = draft.outputs
    if draft.expectations:
        record.expectations = {**(record.expectations or {}), **draft.expectations}
    if draft.tags:
        record.tags = {**record.tags, **draft.tags}


def _changed(actor: Actor, dataset: EvaluationDataset, counts: dict[str, int]) -> None:
    """Note that the records changed: the row's version is what its digest is made of."""
    dataset.row_version += 1
    dataset.updated_at, dataset.updated_by_label = timezone.now(), actor.label[:200]
    dataset.save(update_fields=["row_version", "schema", "updated_at", "updated_by_label"])
    audit_record(actor=actor, action="evaluation_dataset.records", thing=dataset, after=counts)


def _schema_widen(schema: dict[str, Any] | None, drafts: Sequence[RecordDraft]) -> dict[str, Any] | None:
    """The types of fields, those of the first value seen, with what these records bring."""
    if not drafts:
        return schema
    known = schema or {"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}
    for draft in drafts:
        parts = {"inputs": draft.inputs, "expectations": draft.expectations or {}}
        if isinstance(draft.outputs, dict) and isinstance(known["outputs"], dict):
            parts["outputs"] = draft.outputs
        elif draft.outputs is not None and not known["outputs"]:
            known["outputs"] = _type(draft.outputs)
        for part, values in parts.items():
            for key, value in values.items():
                if len(known[part]) < _FIELDS_LIMIT:
                    known[part].setdefault(key, _type(value))
    return known


def _type(value: Any) -> str:
    return "null" if value is None else _JSON_TYPES[type(value)]
