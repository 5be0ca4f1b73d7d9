"""Counts, sums and percentiles over traces, their spans or their assessments, grouped as asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Aggregate, Avg, Count, F, FloatField, Func, Max, Min, Q, QuerySet, Sum, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, NullIf

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.filter_conditions import compare, entry
from apps.core.filter_language import Clause, Operator, ValueType, Vocabulary, clauses_of, parse_filter
from apps.core.ids import id_read
from apps.experiments import selectors as experiments
from apps.traces.contracts import NAME_TAG, RUN_KEY, SESSION_KEY
from apps.traces.models import Assessment, Span, Trace
from apps.traces.selectors.json_values import judged_in, number_in, text_in

LIMIT = 1000
AGGREGATIONS_LIMIT = 20
FILTERS_LIMIT = 20
BUCKET = "time_bucket"
_COUNT, _SUMS = ("COUNT",), ("SUM", "AVG", "MIN", "MAX", "PERCENTILE")
_SPREAD = _SUMS[1:]
_FILTERS = Vocabulary(
    attributes={},
    maps={name: (name, ValueType.TEXT) for name in ("trace", "span", "assessment")},
    records={},
    prefixes=(),
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """COUNT, SUM, AVG, MIN, MAX, or PERCENTILE with a value of 0 to 100."""

    kind: str
    percentile: float | None = None

    @property
    def label(self) -> str:
        return self.kind if self.percentile is None else f"P{self.percentile}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `interval` in seconds, times in milliseconds since 1970, both ends within."""

    view: str
    metric: str
    aggregations: Sequence[Aggregation]
    dimensions: Sequence[str] = ()
    filters: Sequence[str] = ()
    interval: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    limit: int = LIMIT


@dataclass(frozen=True, slots=True)
class Point:
    """One group: what it has in common, and its numbers by the labels of the aggregations."""

    dimensions: dict[str, str]
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Measure:
    """A number of each row, what may be made of it, and what it may be grouped by."""

    value: Combinable
    kinds: Sequence[str]
    dimensions: Sequence[str] = ()
    distinct: bool = False


class _Percentile(Aggregate):
    """Linear between neighbours."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)r) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def _tokens(key: str) -> _Measure:
    return _Measure(Cast(KeyTextTransform(key, "usage"), FloatField()), _SUMS, ("trace_name",))


def _cost(key: str) -> _Measure:
    text = Cast(KeyTextTransform(key, KeyTransform("mlflow.llm.cost", "attributes")), TextField())
    return _Measure(number_in(text), _SUMS, ("span_model_name", "span_model_provider"))


_SPAN_DIMENSIONS = ("span_name", "span_type", "span_status", "span_model_name", "span_model_provider")
_MEASURES: dict[str, dict[str, _Measure]] = {
    "TRACES": {
        "trace_count": _Measure(F("pk"), _COUNT, ("trace_name", "trace_status")),
        "session_count": _Measure(entry("metadata", SESSION_KEY), _COUNT, distinct=True),
        "latency": _Measure(Cast("duration_ms", FloatField()), _SPREAD, ("trace_name",)),
        **{key: _tokens(key) for key in ("input_tokens", "output_tokens", "total_tokens")},
        "cache_read_input_tokens": _tokens("cache_read_input_tokens"),
        "cache_creation_input_tokens": _tokens("cache_creation_input_tokens"),
    },
    "SPANS": {
        "span_count": _Measure(F("pk"), _COUNT, _SPAN_DIMENSIONS),
        "latency": _Measure(
            Cast(F("ended_ns") - F("started_ns"), FloatField()) / Value(1e6), _SPREAD, ("span_name", "span_status")
        ),
        **{key: _cost(key) for key in ("input_cost", "output_cost", "total_cost")},
    },
    "ASSESSMENTS": {
        "assessment_count": _Measure(F("pk"), _COUNT, ("assessment_name", "assessment_value")),
        "assessment_value": _Measure(judged_in(text_in("value")), _SPREAD, ("assessment_name",)),
    },
}
_DIMENSIONS: dict[str, Combinable] = {
    "trace_name": NullIf(Cast("name", TextField()), Value(""), output_field=TextField()),
    "trace_status": F("state"),
    "span_name": F("name"),
    "span_type": NullIf(Cast("type", TextField()), Value(""), output_field=TextField()),
    "span_status": F("status"),
    "span_model_name": entry("attributes", "mlflow.llm.model"),
    "span_model_provider": entry("attributes", "mlflow.llm.provider"),
    "assessment_name": F("name"),
    "assessment_value": Cast("value", TextField()),
}


def trace_metric_points(actor: Actor, experiment_numbers: Sequence[int], question: Question) -> list[Point]:
    """Numbers of the traces of experiments that the actor sees. Raises Invalid."""
    measure = _measure(question)
    traces: QuerySet[Any] = Trace.objects.visible_to(actor).filter(
        experiment_id__in=experiments.experiment_ids(actor, experiment_numbers)
    )
    if question.start is not None:
        traces = traces.filter(started_at__gte=question.start)
    if question.end is not None:
        traces = traces.filter(started_at__lt=question.end)
    rows, prefix = _rows(question.view, traces)
    for text in question.filters:
        for clause in clauses_of(parse_filter(text, _FILTERS, "filters")):
            rows = rows.filter(_condition(clause, question.view, prefix))
    names: dict[str, Combinable] = {}
    if question.interval:
        names[BUCKET] = _bucket(f"{prefix}started_at", question.interval)
    names |= {name: _DIMENSIONS[name] for name in question.dimensions}
    groups = {f"group_{number}": value for number, value in enumerate(names.values())}
    rows = rows.annotate(measured=measure.value, **groups).filter(measured__isnull=False)
    rows = rows.filter(**{f"{group}__isnull": False for group in groups})
    sums = {f"sum_{n}": _aggregate(one, measure) for n, one in enumerate(question.aggregations)}
    if groups:
        found = list(rows.order_by().values(*groups).annotate(**sums).order_by(*groups)[: question.limit])
    else:
        found = [rows.aggregate(**sums)]
    return [point for row in found if (point := _point(row, names, question)).values]


def _measure(question: Question) -> _Measure:
    """Raises Invalid for what is not measured, not summed so or not grouped so."""
    known = _MEASURES.get(question.view)
    if known is None:
        raise Invalid.field("view_type", f"view_type must be one of {list(_MEASURES)}.")
    measure = known.get(question.metric)
    if measure is None:
        raise Invalid.field("metric_name", f"metric_name must be one of {list(known)}, got '{question.metric[:60]}'")
    if not 1 <= len(question.aggregations) <= AGGREGATIONS_LIMIT or len(question.filters) > FILTERS_LIMIT:
        raise Invalid.field(
            "aggregations", f"Give 1 to {AGGREGATIONS_LIMIT} aggregations, at most {FILTERS_LIMIT} filters."
        )
    for one in question.aggregations:
        if one.kind not in measure.kinds:
            raise Invalid.field(
                "aggregations", f"Found an invalid aggregation_type. Supported: {sorted(measure.kinds)}"
            )
        if (one.kind == "PERCENTILE") != (one.percentile is not None) or not 0 <= (one.percentile or 0) <= 100:
            raise Invalid.field("aggregations", "A percentile, and nothing else, has a percentile_value of 0 to 100.")
    if set(question.dimensions) - set(measure.dimensions):
        raise Invalid.field("dimensions", f"Found invalid dimension(s). Supported: {sorted(measure.dimensions)}")
    return measure


def _rows(view: str, traces: QuerySet[Any]) -> tuple[QuerySet[Any], str]:
    """The rows of a view, and what leads from them to their trace."""
    if view == "TRACES":
        return traces, ""
    if view == "SPANS":
        return Span.objects.filter(trace__in=traces), "trace__"
    return Assessment.objects.filter(trace__in=traces, valid=True), "trace__"


def _condition(clause: Clause, view: str, prefix: str) -> Q:
    kind, key = clause.field.kind, clause.field.key
    if clause.operator is not Operator.EQUAL:
        raise Invalid.field("filters", "Filters of metrics compare by = alone.")
    if kind == "trace":
        return _trace_condition(clause, prefix)
    if kind == "span" and view == "SPANS" and key in ("name", "status", "type"):
        return compare(F(key), clause)
    if kind == "assessment" and view == "ASSESSMENTS" and key in ("name", "type"):
        return Q(kind=str(clause.value).upper()) if key == "type" else compare(F("name"), clause)
    raise Invalid.field("filters", f"'{kind}.{key[:60]}' does not filter {view}.")


def _trace_condition(clause: Clause, prefix: str) -> Q:
    part, _, key = clause.field.key.partition(".")
    if part == "status" and not key:
        return Q(**{f"{prefix}state": clause.value})
    if part == "tag" and key == NAME_TAG:
        return Q(**{f"{prefix}name": clause.value})
    if part not in ("tag", "metadata") or not key:
        raise Invalid.field("filters", "Of a trace: status, tag.<key>, metadata.<key>.")
    column = "tags" if part == "tag" else "metadata"
    said = Q(**{f"{prefix}{column}__contains": {key: clause.value}})
    if part == "metadata" and key == RUN_KEY:
        run_id = id_read(str(clause.value))
        linked = Trace.runs.through.objects.filter(run_id__in=[run_id] if run_id else [])
        return said | Q(**{f"{prefix}id__in": linked.values("trace_id")})
    return said


def _bucket(column: str, seconds: int) -> Func:
    """The beginning of the interval in which a moment lies, in seconds since 1970."""
    template = f"FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / {int(seconds)}) * {int(seconds)}"
    return Func(F(column), template=template, output_field=FloatField())


def _aggregate(one: Aggregation, measure: _Measure) -> Aggregate:
    if one.kind == "COUNT":
        return Count("measured", distinct=measure.distinct)
    if one.percentile is not None:
        return _Percentile("measured", fraction=one.percentile / 100)
    return {"SUM": Sum, "AVG": Avg, "MIN": Min, "MAX": Max}[one.kind]("measured")


def _point(row: dict[str, Any], names: dict[str, Combinable], question: Question) -> Point:
    dimensions = {}
    for number, name in enumerate(names):
        value = row[f"group_{number}"]
        dimensions[name] = datetime.fromtimestamp(value, tz=UTC).isoformat() if name == BUCKET else str(value)
    values = {one.label: row[f"sum_{number}"] for number, one in enumerate(question.aggregations)}
    return Point(dimensions, {label: float(value) for label, value in values.items() if value is not None})
