"""Logged models by MLflow's filter language, sorted by fields or by a metric on some data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Concat, NullIf, Replace
from django.db.models.lookups import Exact

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.filter_conditions import compare, compare_moment, compare_number, condition_of, entry, hex_of
from apps.core.filter_language import ORDERS, Clause, Field, Operator, ValueType, Vocabulary, clauses_of, parse_filter
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.experiments.models import Experiment, LoggedModel, Metric

_NUMBER, _TEXT = ValueType.NUMBER, ValueType.TEXT
LOGGED_MODELS = Vocabulary(
    attributes={
        **{key: (key, _TEXT) for key in ("name", "model_id", "model_type", "status", "source_run_id")},
        **dict.fromkeys(("creation_timestamp", "creation_time", "creation_timestamp_ms"), ("created", _NUMBER)),
        **dict.fromkeys(
            ("last_updated_timestamp", "last_updated_time", "last_updated_timestamp_ms"), ("updated", _NUMBER)
        ),
    },
    maps={
        **dict.fromkeys(("metric", "metrics"), ("metrics", _NUMBER)),
        **dict.fromkeys(("param", "params"), ("params", _TEXT)),
        **dict.fromkeys(("tag", "tags"), ("tags", _TEXT)),
    },
    records={},
    ordered=("attributes", "metrics"),
)
_COLUMNS: dict[str, Combinable] = {
    "name": F("name"),
    "model_id": Concat(Value("m-"), hex_of("id"), output_field=TextField()),
    "model_type": F("model_type"),
    # As clients say it: READY.
    "status": Replace("status", Value("LOGGED_MODEL_"), Value("")),
    "source_run_id": hex_of("source_run_id"),
    "created": F("created_at"),
    "updated": Coalesce("updated_at", "created_at"),
}
_MOMENTS = ("created", "updated")


@dataclass(frozen=True, slots=True)
class MeasuredOn:
    """Data by name and, if it matters, digest."""

    name: str
    digest: str = ""

    def condition(self) -> Q:
        return Q(dataset_name=self.name, **({"dataset_digest": self.digest} if self.digest else {}))


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """Sort by a field of `LOGGED_MODELS`; a metric may be limited to what was measured on some data."""

    field: Field
    descending: bool = False
    data: MeasuredOn | None = None


# Measurements of a model: anybody may write any id into theirs, so those of other teams' runs count for nothing.
_OWN = {"model_id": OuterRef("pk"), "run__team_id": OuterRef("team_id")}


def logged_model_search_page(
    actor: Actor,
    *,
    experiment_numbers: Sequence[int],
    filter_text: str = "",
    orders: Sequence[ModelOrder] = (),
    data: Sequence[MeasuredOn] = (),
    token: str = "",
    limit: int = 100,
) -> tuple[list[LoggedModel], str]:
    """Logged models of experiments that the actor sees, and the token of the next page ("": there is none).

    With `data`, a condition on a metric means what was measured on one of them. Sorted as asked, then by creation
    (newest first) and id. Raises Invalid.
    """
    if len(orders) > ORDERS:
        raise Invalid.field("order_by", f"Sort by at most {ORDERS} fields.")
    node = parse_filter(filter_text, LOGGED_MODELS)
    asked = [[asdict(order) for order in orders], [asdict(part) for part in data]]
    digest = digest_of(["models", sorted(experiment_numbers), filter_text, asked])
    place = place_of(token, digest) if token else None
    experiments = list(Experiment.objects.filter(number__in=experiment_numbers).values_list("pk", flat=True))
    rows: QuerySet[LoggedModel] = LoggedModel.objects.visible_to(actor)
    rows = rows.filter(experiment_id__in=experiments, archived_at__isnull=True)
    measured = Q()
    for part in data:
        measured |= part.condition()
    if node is not None:
        rows = rows.filter(condition_of(node, lambda clause: _condition(clause, measured)))
    if data and all(clause.field.kind != "metrics" for clause in clauses_of(node)):
        rows = rows.filter(Exists(Metric.objects.filter(measured, **_OWN)))
    found, end = page_read(LoggedModel.objects.select_related("experiment"), [(rows, _columns(orders))], place, limit)
    return found, token_of(end, digest) if end else ""


def _condition(clause: Clause, measured: Q) -> Q:
    kind, key = clause.field.kind, clause.field.key
    if kind in ("params", "tags"):
        return compare(entry(kind, key), clause)
    if kind == "metrics":
        values = Metric.objects.filter(measured, **_OWN, key=key)
        if clause.operator is Operator.IS_NULL:
            return ~Q(Exists(values))
        if clause.operator is Operator.IS_NOT_NULL:
            return Q(Exists(values))
        return Q(Exists(values.filter(compare_number(F("value"), clause))))
    if key in _MOMENTS:
        return compare_moment(_COLUMNS[key], clause)
    return compare(_COLUMNS[key], clause)


def _columns(orders: Sequence[ModelOrder]) -> list[Column]:
    columns: list[Column] = []
    for order in orders:
        if order.field.kind == "metrics":
            columns += _metric_columns(order)
        else:
            key = order.field.key
            columns.append(Column(_COLUMNS[key], order.descending, nullable=key == "source_run_id"))
    return [*columns, Column(F("created_at"), descending=True), Column(F("id"))]


def _metric_columns(order: ModelOrder) -> list[Column]:
    """The newest measurement; numbers first, then NaN, then models without one."""
    wanted = Q(**_OWN, key=order.field.key) & (order.data.condition() if order.data else Q())
    newest = Metric.objects.filter(wanted).order_by("-timestamp", "-step", "run_id")
    value = Subquery(newest.values("value")[:1])
    rank = Case(When(Exact(value, math.nan), then=1), When(Exists(newest), then=0), default=2)
    return [Column(rank), Column(NullIf(value, Value(math.nan)), order.descending, nullable=True)]
