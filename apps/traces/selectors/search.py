"""Traces by MLflow's filter and order language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, NullIf

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
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.experiments import selectors as experiments
from apps.traces.contracts import NAME_TAG
from apps.traces.models import Assessment, Span, Trace, TracePrompt
from apps.traces.selectors.json_values import number_in, text_in

_NUMBER, _TEXT = ValueType.NUMBER, ValueType.TEXT
TRACES = Vocabulary(
    attributes={
        **dict.fromkeys(("request_id", "trace_id"), ("trace_id", _TEXT)),
        **dict.fromkeys(("status", "state"), ("status", _TEXT)),
        **dict.fromkeys(("timestamp", "timestamp_ms", "request_time"), ("timestamp", _NUMBER)),
        **dict.fromkeys(("execution_time", "execution_time_ms", "execution_duration"), ("execution_time", _NUMBER)),
        **dict.fromkeys(("end_time", "end_time_ms"), ("end_time", _NUMBER)),
        "client_request_id": ("client_request_id", _TEXT),
        "name": ("name", _TEXT),
        "run_id": ("run_id", _TEXT),
        "experiment_id": ("experiment_id", _TEXT),
        "text": ("text", _TEXT),
        "prompt": ("prompt", _TEXT),
    },
    maps={
        **dict.fromkeys(("tag", "tags"), ("tags", _TEXT)),
        **dict.fromkeys(("metadata", "request_metadata", "trace_metadata"), ("metadata", _TEXT)),
        "span": ("span", _TEXT),
        "feedback": ("feedback", ValueType.EITHER),
        "expectation": ("expectation", ValueType.EITHER),
    },
    records={"issue": ("issue", ("id",))},
    prefixes=("attribute", "attributes", "attr", "trace"),
)
# Each of these comparisons looks into another table.
JOINED = 10
_JOINED = ("span", "feedback", "expectation", "issue")
_JOINED_KEYS = ("text", "prompt")
_ENDED = ExpressionWrapper(
    F("started_at")
    + ExpressionWrapper(
        Coalesce(F("duration_ms"), 0) * Value(timedelta(milliseconds=1), output_field=DurationField()),
        output_field=DurationField(),
    ),
    output_field=DateTimeField(),
)
_TEXTS: dict[str, Combinable] = {
    "trace_id": F("key"),
    "status": F("state"),
    "client_request_id": NullIf(Cast("client_request", TextField()), Value(""), output_field=TextField()),
    "name": NullIf(Cast("name", TextField()), Value(""), output_field=TextField()),
    "experiment_id": Cast("experiment__number", TextField()),
}
_ORDERED: dict[str, Combinable] = {
    **_TEXTS,
    "timestamp": F("started_at"),
    "execution_time": F("duration_ms"),
    "end_time": _ENDED,
    "run_id": entry("metadata", "mlflow.sourceRun"),
}
_NULLABLE = ("client_request_id", "name", "execution_time", "run_id")


def trace_search_page(
    actor: Actor,
    *,
    experiment_numbers: Sequence[int],
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    token: str = "",
    limit: int = 100,
) -> tuple[list[Trace], str]:
    """Traces of experiments that the actor sees, and the token of the next page ("": there is none).

    Sorted as asked, then by their beginning (newest first) and id. Raises Invalid.
    """
    orders = parse_orders(order_texts, TRACES)
    for order in orders:
        if order.field.key not in _ORDERED:
            raise Invalid.field("order_by", f"Nothing can be sorted by {order.field.key}.")
    digest = digest_of(["traces", sorted(experiment_numbers), filter_text, list(order_texts)])
    place = place_of(token, digest) if token else None
    rows = traces_matching(actor, experiment_numbers, filter_text)
    found, end = page_read(Trace.objects.select_related("experiment"), [(rows, _columns(orders))], place, limit)
    return found, token_of(end, digest) if end else ""


def traces_matching(actor: Actor, experiment_numbers: Sequence[int], filter_text: str) -> QuerySet[Trace]:
    """Traces of experiments that the actor sees and that a filter lets through. Raises Invalid."""
    rows: QuerySet[Trace] = Trace.objects.visible_to(actor).filter(
        experiment_id__in=experiments.experiment_ids(actor, experiment_numbers)
    )
    return rows.filter(trace_condition(filter_text))


@dataclass(frozen=True, slots=True)
class FilterCounts:
    """How many traces two filters let through, each, both, and how many there are."""

    first: int
    second: int
    both: int
    total: int


def trace_filter_counts(
    actor: Actor, experiment_numbers: Sequence[int], first: str, second: str, *, base: str = ""
) -> FilterCounts:
    """Counts among the traces that `base` lets through. Raises Invalid."""
    rows = traces_matching(actor, experiment_numbers, base)
    one, two = (rows.filter(trace_condition(text)) for text in (first, second))
    both = one.filter(trace_condition(second))
    return FilterCounts(one.count(), two.count(), both.count(), rows.count())


def trace_condition(text: str) -> Q:
    """What a filter lets through, everything when it is empty. Raises Invalid."""
    node = parse_filter(text, TRACES)
    if sum(clause.field.kind in _JOINED or clause.field.key in _JOINED_KEYS for clause in clauses_of(node)) > JOINED:
        raise Invalid.field("filter", f"A filter has at most {JOINED} comparisons of spans and assessments.")
    return Q() if node is None else condition_of(node, _condition)


def _condition(clause: Clause) -> Q:
    kind, key = clause.field.kind, clause.field.key
    if kind == "span":
        return _span(clause)
    if kind in ("feedback", "expectation"):
        return _assessment(clause)
    if kind == "issue":
        return _issue(clause)
    if kind in ("tags", "metadata"):
        if kind == "tags" and key == NAME_TAG:
            return compare(_TEXTS["name"], clause)
        if clause.operator is Operator.EQUAL:
            return Q(**{f"{kind}__contains": {key: clause.value}})
        return compare(entry(kind, key), clause)
    return _attribute(clause)


def _attribute(clause: Clause) -> Q:
    match clause.field.key:
        case "timestamp":
            return compare_moment(F("started_at"), clause)
        case "end_time":
            return compare_moment(_ENDED, clause)
        case "execution_time":
            return compare_number(Cast("duration_ms", FloatField()), clause)
        case "run_id":
            return _run(clause)
        case "text":
            return _text(clause)
        case "prompt":
            return _prompt(clause)
        case key:
            return compare(_TEXTS[key], clause)


def _run(clause: Clause) -> Q:
    """By a run that the trace is linked to."""
    through = Trace.runs.through.objects.filter(trace=OuterRef("pk"))
    match clause.operator:
        case Operator.IS_NULL:
            return ~Q(Exists(through))
        case Operator.IS_NOT_NULL:
            return Q(Exists(through))
        case Operator.EQUAL | Operator.UNEQUAL:
            found = Q(Exists(through.filter(run_id__in=_run_ids([clause.value]))))
            return found if clause.operator is Operator.EQUAL else ~found
        case Operator.IN | Operator.NOT_IN:
            found = Q(Exists(through.filter(run_id__in=_run_ids(clause.value))))
            return found if clause.operator is Operator.IN else ~found
    return Q(Exists(through.filter(compare(hex_of("run_id"), clause))))


def _run_ids(texts: Any) -> list[Any]:
    return [found for text in texts if (found := id_read(text))]


def _text(clause: Clause) -> Q:
    """Anything that stands in a span."""
    if clause.operator not in (Operator.LIKE, Operator.ILIKE):
        raise Invalid.field("filter", "A text is found by LIKE or ILIKE, such as text LIKE '%word%'.")
    spans = Span.objects.filter(trace=OuterRef("pk"))
    return Q(Exists(spans.filter(compare(F("name"), clause) | compare(Cast("attributes", TextField()), clause))))


def _span(clause: Clause) -> Q:
    """A trace with a span that fits; each comparison may be met by another one."""
    key = clause.field.key
    if key == "content":
        return _text(clause)
    if key in ("name", "type", "status"):
        value: Combinable = F(key)
    elif key.startswith("attributes.") and len(key) > len("attributes."):
        value = entry("attributes", key.removeprefix("attributes."))
    else:
        raise Invalid.field(
            "filter", f"'span' has no '{key[:60]}'; it has attributes.<name>, content, name, status, type."
        )
    spans = Span.objects.filter(trace=OuterRef("pk"))
    if clause.operator is Operator.IS_NULL:
        return ~Q(Exists(spans.filter(compare(value, replace(clause, operator=Operator.IS_NOT_NULL)))))
    return Q(Exists(spans.filter(compare(value, clause))))


def _assessment(clause: Clause) -> Q:
    """By a valid assessment of that name; booleans are compared as the texts 'true' and 'false'."""
    held = Assessment.objects.filter(
        trace=OuterRef("pk"), kind=clause.field.kind.upper(), name=clause.field.key, valid=True
    )
    if clause.operator is Operator.IS_NULL:
        return ~Q(Exists(held))
    if clause.operator is Operator.IS_NOT_NULL:
        return Q(Exists(held))
    if isinstance(clause.value, int | float):
        return Q(Exists(held.filter(compare_number(number_in(text_in("value")), clause))))
    return Q(Exists(held.filter(compare(text_in("value"), clause))))


def _issue(clause: Clause) -> Q:
    """By the id of an issue that the trace shows."""
    if clause.operator is not Operator.EQUAL:
        raise Invalid.field("filter", f"issue.id comparator '{clause.operator.value}' not one of '{{'='}}'")
    held = Assessment.objects.filter(trace=OuterRef("pk"), kind=Assessment.Kind.ISSUE, name=clause.value)
    return Q(Exists(held))


def _prompt(clause: Clause) -> Q:
    """By a version of a prompt that the trace is linked to."""
    if clause.operator is not Operator.EQUAL:
        raise Invalid.field(
            "filter",
            f"Invalid comparator '{clause.operator.value}' for prompts filter. Only '=' is supported with format: "
            'prompt = "name/version"',
        )
    value = str(clause.value)
    if value.count("/") != 1:
        raise Invalid.field(
            "filter", f"Invalid prompts filter value '{value[:300]}'. Expected format: prompt = \"name/version\""
        )
    return Q(Exists(TracePrompt.objects.filter(trace=OuterRef("pk"), prompt=value)))


def _columns(orders: Sequence[Order]) -> list[Column]:
    """What is sorted by, with the two fields that settle a tie."""
    columns = [
        Column(_ORDERED[order.field.key], order.descending, nullable=order.field.key in _NULLABLE) for order in orders
    ]
    if "timestamp" not in {order.field.key for order in orders}:
        columns.append(Column(F("started_at"), descending=True))
    return [*columns, Column(F("id"))]
