"""Evaluation datasets and their records, in pages."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Left

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.filter_conditions import compare, compare_moment, condition_of, entry
from apps.core.filter_language import Clause, ValueType, Vocabulary, parse_filter, parse_orders
from apps.core.search_pages import Column, Place, digest_of, page_read, place_of, token_of
from apps.experiments.models import EvaluationDataset, EvaluationRecord

EVALUATION_DATASETS = Vocabulary(
    attributes={
        "name": ("name", ValueType.TEXT),
        "created_by": ("created_by", ValueType.TEXT),
        "last_updated_by": ("last_updated_by", ValueType.TEXT),
        "created_time": ("created_time", ValueType.NUMBER),
        "last_update_time": ("last_update_time", ValueType.NUMBER),
    },
    maps=dict.fromkeys(("tag", "tags"), ("tags", ValueType.TEXT)),
    records={},
)
_COLUMNS: dict[str, Combinable] = {
    "name": F("name"),
    "created_by": F("created_by_label"),
    "last_updated_by": F("updated_by_label"),
    "created_time": F("created_at"),
    "last_update_time": F("updated_at"),
}
# A page of records ends here, in characters of JSON.
_PAGE_SIZE = 16_000_000
# What a list reads of each value of a record, which may have a million characters.
HEAD = 400


def evaluation_dataset_digest(dataset: EvaluationDataset) -> str:
    """Eight digits that change whenever the records do."""
    return hashlib.sha256(f"{dataset.pk.hex}:{dataset.row_version}".encode()).hexdigest()[:8]


def evaluation_dataset_get(actor: Actor, pk: uuid.UUID, *, archived: bool = False) -> EvaluationDataset:
    """Raises NotFound, also for an archived one unless `archived`."""
    rows = EvaluationDataset.objects.visible_to(actor)
    if not archived:
        rows = rows.filter(archived_at__isnull=True)
    found: EvaluationDataset | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such evaluation dataset, or you may not see it.")
    return found


def evaluation_dataset_table(
    actor: Actor, *, team_id: uuid.UUID | None = None, archived: bool = False
) -> QuerySet[EvaluationDataset]:
    """Datasets with `record_count` and `experiment_count`, which are None where there are none."""
    rows: QuerySet[EvaluationDataset] = EvaluationDataset.objects.visible_to(actor)
    rows = rows.filter(archived_at__isnull=not archived).defer("schema")
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    records = EvaluationRecord.objects.filter(dataset=OuterRef("pk")).values("dataset")
    links: QuerySet[Any] = EvaluationDataset.experiments.through.objects.filter(evaluationdataset=OuterRef("pk"))
    return rows.annotate(
        record_count=Subquery(records.annotate(n=Count("pk")).values("n")),
        experiment_count=Subquery(links.values("evaluationdataset").annotate(n=Count("pk")).values("n")),
    )


def evaluation_dataset_experiments(
    datasets: Iterable[EvaluationDataset],
) -> dict[uuid.UUID, list[tuple[uuid.UUID, str, int]]]:
    """{dataset id: its experiments by number, each as (id, name, number)}; they are of the dataset's team."""
    links: QuerySet[Any] = EvaluationDataset.experiments.through.objects.filter(evaluationdataset__in=list(datasets))
    found: dict[uuid.UUID, list[tuple[uuid.UUID, str, int]]] = {}
    for owner, pk, name, number in links.order_by("experiment__number").values_list(
        "evaluationdataset_id", "experiment_id", "experiment__name", "experiment__number"
    ):
        found.setdefault(owner, []).append((pk, name, number))
    return found


def evaluation_dataset_choices(
    actor: Actor, *, team_id: uuid.UUID | None = None, limit: int = 200
) -> list[tuple[uuid.UUID, str]]:
    """Experiments, as (id, name), that some dataset is for."""
    datasets = EvaluationDataset.objects.visible_to(actor)
    if team_id is not None:
        datasets = datasets.filter(team_id=team_id)
    links = EvaluationDataset.experiments.through.objects.filter(evaluationdataset__in=datasets)
    named = links.order_by("experiment__name", "experiment_id").values_list("experiment_id", "experiment__name")
    return list(named.distinct()[:limit])


def evaluation_datasets_for(
    rows: QuerySet[EvaluationDataset], experiment_ids: Iterable[uuid.UUID]
) -> QuerySet[EvaluationDataset]:
    """Those of the rows that are for one of some experiments."""
    links = EvaluationDataset.experiments.through.objects.filter(experiment_id__in=list(experiment_ids))
    return rows.filter(pk__in=links.values("evaluationdataset_id"))


def evaluation_dataset_numbers(dataset: EvaluationDataset) -> list[int]:
    """The experiments that the dataset is for."""
    return list(dataset.experiments.order_by("number").values_list("number", flat=True))


def evaluation_record_counts(datasets: Iterable[EvaluationDataset]) -> dict[uuid.UUID, int]:
    """{dataset id: number of records} of those that have any."""
    rows = EvaluationRecord.objects.filter(dataset__in=list(datasets)).values("dataset_id")
    return dict(rows.annotate(n=Count("pk")).values_list("dataset_id", "n"))


def evaluation_dataset_search_page(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    experiment_numbers: Sequence[int] | None = None,
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    token: str = "",
    limit: int = 1000,
) -> tuple[list[EvaluationDataset], str]:
    """Datasets that the actor sees (of one team, of some experiments), and the token of the next page.

    Sorted as asked, by default the newest first; the id settles a tie. Raises Invalid.
    """
    node = parse_filter(filter_text, EVALUATION_DATASETS)
    orders = parse_orders(order_texts or ["created_time DESC"], EVALUATION_DATASETS)
    asked = [str(team_id), sorted(experiment_numbers or ()), filter_text, list(order_texts)]
    digest = digest_of(["evaluation_datasets", *asked])
    place = place_of(token, digest) if token else None
    rows: QuerySet[EvaluationDataset] = EvaluationDataset.objects.visible_to(actor).filter(archived_at__isnull=True)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    if experiment_numbers is not None:
        through = EvaluationDataset.experiments.through.objects
        rows = rows.filter(
            pk__in=through.filter(experiment__number__in=experiment_numbers).values("evaluationdataset_id")
        )
    if node is not None:
        rows = rows.filter(condition_of(node, _condition))
    columns = [Column(_COLUMNS[order.field.key], order.descending) for order in orders]
    columns.append(Column(F("id"), descending=True))
    found, end = page_read(EvaluationDataset.objects.all(), [(rows, columns)], place, limit)
    return found, token_of(end, digest) if end else ""


def _condition(clause: Clause) -> Q:
    if clause.field.kind == "tags":
        return compare(entry("tags", clause.field.key), clause)
    column = _COLUMNS[clause.field.key]
    return compare_moment(column, clause) if clause.field.type is ValueType.NUMBER else compare(column, clause)


def evaluation_record_page(
    dataset: EvaluationDataset, *, token: str = "", limit: int = 1000
) -> tuple[list[EvaluationRecord], str]:
    """Records in the order in which they came, and the token of the next page. A page of large ones ends early.

    Raises Invalid.
    """
    digest = digest_of(["evaluation_records", dataset.pk.hex])
    rows = dataset.records.order_by("id")
    if token:
        rows = rows.filter(pk__gt=place_of(token, digest).values[0])
    ids: list[uuid.UUID] = []
    total = 0
    for pk, size in rows.values_list("pk", "size")[: limit + 1]:
        total += size
        if len(ids) == limit or (ids and total > _PAGE_SIZE):
            return list(rows.filter(pk__in=ids)), token_of(Place(0, (ids[-1],)), digest)
        ids.append(pk)
    return list(rows.filter(pk__in=ids)), ""


def evaluation_record_table(dataset: EvaluationDataset) -> QuerySet[EvaluationRecord]:
    """Records with the beginnings of their values (`inputs_head` and so on) and `source_type`, without the values."""

    def head(name: str) -> Left:
        return Left(Cast(name, TextField()), HEAD)

    return dataset.records.defer("inputs", "outputs", "expectations", "tags", "source").annotate(
        inputs_head=head("inputs"),
        outputs_head=head("outputs"),
        expectations_head=head("expectations"),
        tags_head=head("tags"),
        source_type=KeyTextTransform("source_type", "source"),
    )


def evaluation_records_whole(pks: Iterable[uuid.UUID]) -> dict[uuid.UUID, EvaluationRecord]:
    """{id: record with all its values} of records that the caller has found."""
    return EvaluationRecord.objects.in_bulk(list(pks))


def evaluation_record_get(actor: Actor, pk: uuid.UUID) -> EvaluationRecord:
    """A record with its dataset, also of an archived one. Raises NotFound."""
    found = EvaluationRecord.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such record, or you may not see it.")
    found.dataset = evaluation_dataset_get(actor, found.dataset_id, archived=True)
    return found
