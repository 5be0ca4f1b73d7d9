"""Runs by MLflow's filter and order language.

A page sorted by a metric walks that metric's index (`RunMetric`) in three parts: runs with a number, runs whose value
is NaN, runs without the metric. One sorted by a param walks that param's (`RunParam`) in two: runs with it, runs
without. So its price does not grow with the runs of the experiment. A param is walked by its first 250 characters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from django.db.models import (
    Case,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, Left, NullIf
from django.db.models.lookups import Exact, IsNull, LessThan

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.filter_conditions import compare, compare_moment, compare_number, condition_of, entry, hex_of
from apps.core.filter_language import (
    Clause,
    Operator,
    Order,
    ValueType,
    Vocabulary,
    clauses_of,
    parse_filter,
    parse_orders,
)
from apps.core.ids import id_read
from apps.core.search_pages import Column, Part, digest_of, place_of, places_read, token_of
from apps.experiments.contracts import NAME_TAG, NOTES_TAG, USER_TAG, View
from apps.experiments.models import Experiment, Run, RunInput, RunMetric
from apps.experiments.selectors.run_rows import RunRow, run_rows

_NUMBER, _TEXT = ValueType.NUMBER, ValueType.TEXT
RUNS = Vocabulary(
    attributes={
        "run_id": ("run_id", _TEXT),
        **dict.fromkeys(("run_name", "run name", "Run name", "Run Name"), ("run_name", _TEXT)),
        "status": ("status", _TEXT),
        "user_id": ("user_id", _TEXT),
        "artifact_uri": ("artifact_uri", _TEXT),
        **dict.fromkeys(("start_time", "created", "Created"), ("start_time", _NUMBER)),
        "end_time": ("end_time", _NUMBER),
    },
    maps={
        **dict.fromkeys(("metric", "metrics"), ("metrics", _NUMBER)),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), ("params", _TEXT)),
        **dict.fromkeys(("tag", "tags"), ("tags", _TEXT)),
    },
    records=dict.fromkeys(("dataset", "datasets"), ("datasets", frozenset({"name", "digest", "context"}))),
    ordered=("attributes", "metrics", "params", "tags"),
    prefixes=("attribute", "attributes", "attr", "run"),
)
# Each of these comparisons is one more table to the database's planner, whose time grows much faster than their number.
_JOINED = ("metrics", "datasets")
JOINED = 10
# Jobs do not name a user, but somebody began them.
_BEGUN_BY = Case(When(job_id__isnull=False, then=F("created_by_label")), output_field=TextField())
_TEXTS: dict[str, Combinable] = {
    "run_id": hex_of("id"),
    "run_name": F("name"),
    "status": F("status"),
    "user_id": Coalesce(
        NullIf(Cast("user_name", TextField()), Value("")), _BEGUN_BY, Value(""), output_field=TextField()
    ),
    "artifact_uri": Concat(
        Value("mlflow-artifacts:/"),
        Cast("experiment__number", TextField()),
        Value("/"),
        hex_of("id"),
        Value("/artifacts"),
        output_field=TextField(),
    ),
}
# What MLflow's clients write as tags and is a field of a run here.
_FIELD_TAGS: dict[str, Combinable] = {
    NAME_TAG: F("name"),
    NOTES_TAG: NullIf(F("notes"), Value("")),
    USER_TAG: Coalesce(entry("tags", USER_TAG), _BEGUN_BY),
}
_MOMENTS = {"start_time": "started_at", "end_time": "ended_at"}
_HELD = Q(external__isnull=True)
# Data as clients see it: what a client described, or a version that Fairway holds.
_DATASETS: dict[str, Combinable] = {
    "name": Case(
        When(
            _HELD,
            then=Concat(
                "dataset_version__dataset__name",
                Value(" v"),
                Cast("dataset_version__number", TextField()),
                output_field=TextField(),
            ),
        ),
        default=entry("external", "name"),
        output_field=TextField(),
    ),
    "digest": Case(
        When(_HELD, then=Left("dataset_version__content_digest", 36)),
        default=entry("external", "digest"),
        output_field=TextField(),
    ),
    "context": Case(
        When(_HELD, then=F("role")),
        default=entry("external__tags", "mlflow.data.context"),
        output_field=TextField(),
    ),
}


def run_search_page(
    actor: Actor,
    *,
    experiment_numbers: Sequence[int],
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    view: View = View.ACTIVE,
    token: str = "",
    limit: int = 1000,
) -> tuple[list[RunRow], str]:
    """Runs of experiments that the actor sees, and the token of the next page ("": there is none).

    Sorted as asked, then by start (newest first) and id; numbers come first, then NaN, then what is missing, whatever
    the direction. Raises Invalid for what cannot be read and for a token of another search.
    """
    condition = run_condition(filter_text)
    orders = parse_orders(order_texts, RUNS)
    digest = digest_of(["runs", sorted(experiment_numbers), filter_text, list(order_texts), view])
    place = place_of(token, digest) if token else None
    experiments = list(Experiment.objects.filter(number__in=experiment_numbers).values_list("pk", flat=True))
    if not experiments:
        return [], ""
    rows: QuerySet[Run] = Run.objects.visible_to(actor).filter(experiment_id__in=experiments)
    if view is not View.ALL:
        rows = rows.filter(deleted_at__isnull=view is View.ACTIVE)
    found, more = places_read(run_parts(rows.filter(condition), orders), place, limit)
    return run_rows([pk for pk, _ in found]), token_of(found[-1][1], digest) if found and more else ""


def run_condition(filter_text: str) -> Q:
    """A filter as a condition of runs. Raises Invalid for what cannot be read."""
    node = parse_filter(filter_text, RUNS)
    if sum(clause.field.kind in _JOINED for clause in clauses_of(node)) > JOINED:
        raise Invalid.field("filter", f"A filter has at most {JOINED} comparisons of metrics and datasets.")
    return Q() if node is None else condition_of(node, _condition)


def _condition(clause: Clause) -> Q:
    kind, key = clause.field.kind, clause.field.key
    if kind == "metrics":
        return _metric_condition(clause)
    if kind == "datasets":
        inputs = RunInput.objects.filter(compare(_DATASETS[key], clause), run=OuterRef("pk"))
        return Q(Exists(inputs))
    if kind == "attributes" and key in _MOMENTS:
        return compare_moment(F(_MOMENTS[key]), clause)
    if kind == "attributes" and key == "run_id" and clause.operator in (Operator.EQUAL, Operator.IN):
        wanted = (clause.value,) if clause.operator is Operator.EQUAL else clause.value
        return Q(pk__in=[found for text in wanted if (found := id_read(text))])  # type: ignore[union-attr, arg-type]
    if kind == "params" and clause.operator is Operator.EQUAL:
        # The database knows which values are frequent when it is asked so.
        return Q(params__contains={key: clause.value})
    if kind == "tags" and clause.operator is Operator.EQUAL and key not in _FIELD_TAGS:
        return Q(tags__contains={key: clause.value})
    return compare(_text(kind, key), clause)


def _metric_condition(clause: Clause) -> Q:
    # The experiment is said once more so that the index of its values can be used.
    values = RunMetric.objects.filter(run=OuterRef("pk"), experiment_id=OuterRef("experiment_id"), key=clause.field.key)
    if clause.operator is Operator.IS_NULL:
        return ~Q(Exists(values))
    if clause.operator is Operator.IS_NOT_NULL:
        return Q(Exists(values))
    return Q(Exists(values.filter(compare_number(F("value"), clause))))


def _text(kind: str, key: str) -> Combinable:
    if kind == "attributes":
        return _TEXTS[key]
    if kind == "tags" and key in _FIELD_TAGS:
        return _FIELD_TAGS[key]
    return entry(kind, key)


def run_walk(kind: str, key: str) -> Callable[[QuerySet[Run], bool], list[Part]]:
    """How a table walks runs by one field of the language: (runs, descending) -> parts."""
    field = RUNS.field((kind, key))
    return lambda rows, descending: run_parts(rows, [Order(field, descending)])


def run_parts(rows: QuerySet[Run], orders: Sequence[Order]) -> list[Part]:
    """Runs in an order, in as many parts as an index can walk."""
    for number, order in enumerate(orders):
        if order.field.kind == "metrics":
            joined, value = metric_value(number, order.field.key)
            rows = rows.annotate(**joined, **{_value(number): value})
    columns = _columns(orders)
    first = orders[0].field.kind if orders else ""
    if first == "params":
        return _param_parts(rows, orders[0], columns[1:])
    if first != "metrics":
        return [(rows, columns)]
    # What the first two columns, rank and value, say is said by the parts themselves.
    value, rest = F(_value(0)), columns[2:]
    return [
        (rows.filter(Q(LessThan(value, math.nan))), [Column(value, orders[0].descending), *rest]),
        (rows.filter(Q(Exact(value, math.nan))), rest),
        (rows.filter(Q(IsNull(value, True))), rest),
    ]


def _param_parts(rows: QuerySet[Run], order: Order, rest: list[Column]) -> list[Part]:
    """Runs with a param by its value, then those without it."""
    key = order.field.key
    same = Q(walked_params__key=key, walked_params__experiment_id=F("experiment_id"))
    walked = rows.annotate(walk=FilteredRelation("walked_params", condition=same))
    value = F("walk__value")
    return [
        (walked.filter(Q(IsNull(value, False))), [Column(value, order.descending), *rest]),
        (rows.exclude(params__has_key=key), rest),
    ]


def metric_value(number: int, key: str) -> tuple[dict[str, FilteredRelation], F]:
    """A join with the newest values of a metric, to annotate runs with, and the value that it brings.

    The experiment is said once more so that its index can be walked; `number` tells several joins apart.
    """
    same = Q(newest_metrics__key=key, newest_metrics__experiment_id=F("experiment_id"))
    name = f"walk_{number}"
    return {name: FilteredRelation("newest_metrics", condition=same)}, F(f"{name}__value")


def _value(number: int) -> str:
    return f"walk_{number}_value"


def _columns(orders: Sequence[Order]) -> list[Column]:
    """What is sorted by, with the two fields that settle a tie."""
    columns: list[Column] = []
    for number, order in enumerate(orders):
        columns += _order_columns(number, order)
    asked = {order.field.key for order in orders if order.field.kind == "attributes"}
    if "start_time" not in asked:
        columns.append(Column(F("started_at"), descending=True))
    return [*columns, Column(F("id"))]


def _order_columns(number: int, order: Order) -> list[Column]:
    kind, key, down = order.field.kind, order.field.key, order.descending
    if kind == "metrics":
        value = F(_value(number))
        rank = Case(When(Exact(value, math.nan), then=1), When(IsNull(value, True), then=2), default=0)
        return [Column(rank), Column(NullIf(value, Value(math.nan)), down, nullable=True)]
    if kind == "attributes" and key in _MOMENTS:
        return [Column(F(_MOMENTS[key]), down, nullable=key == "end_time")]
    return [Column(_text(kind, key), down, nullable=kind != "attributes")]
