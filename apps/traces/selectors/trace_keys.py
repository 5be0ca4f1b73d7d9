"""Which tags, metadata, spans and judgements traces have, and which values: what a filter bar completes.

Looked for in the newest traces: with more of them a key is rarely new.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable

from django.db.models import Func, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from apps.core.actors import Actor
from apps.traces.models import Assessment, Span, Trace, TracePrompt
from apps.traces.selectors.traces import trace_list

LOOKED_AT = 500
SPANS_LOOKED_AT = 5_000
KEYS = 500


def newest_traces(
    actor: Actor, *, experiment_id: uuid.UUID | None = None, run_id: uuid.UUID | None = None
) -> QuerySet[Trace]:
    """The newest traces of an experiment or a run that the actor sees."""
    rows = trace_list(actor, experiment_id=experiment_id, run_id=run_id).order_by("-started_at", "id")
    return Trace.objects.filter(pk__in=rows.values("pk")[:LOOKED_AT])


def pair_keys(traces: QuerySet[Trace], column: str) -> list[str]:
    """The keys of "tags" or "metadata", the most frequent first, at most 500."""
    keys = Func(column, function="jsonb_object_keys", output_field=TextField())
    return _frequent(traces.annotate(found=keys).values_list("found", flat=True))


def pair_values(traces: QuerySet[Trace], column: str, key: str) -> list[str]:
    """The texts under a key of "tags" or "metadata", the most frequent first, at most 500."""
    text = Cast(KeyTextTransform(key, column), TextField())
    rows = traces.filter(**{f"{column}__has_key": key}).annotate(found=text)
    return _frequent(rows.values_list("found", flat=True))


def trace_names(traces: QuerySet[Trace]) -> list[str]:
    return _frequent(traces.exclude(name="").values_list("name", flat=True))


def span_values(traces: QuerySet[Trace], column: str) -> list[str]:
    """The values of "name", "type" or "status" among the spans of traces, the most frequent first, at most 500."""
    rows = Span.objects.filter(trace__in=traces.values("pk")).exclude(**{column: ""})
    return _frequent(rows.values_list(column, flat=True)[:SPANS_LOOKED_AT])


def assessment_names(traces: QuerySet[Trace], kind: str) -> list[str]:
    """The names of judgements of a kind, the most frequent first, at most 500."""
    rows = Assessment.objects.filter(trace__in=traces.values("pk"), kind=kind, valid=True)
    return _frequent(rows.values_list("name", flat=True))


def prompt_names(traces: QuerySet[Trace]) -> list[str]:
    """The versions of prompts that traces are linked to, the most frequent first, at most 500."""
    return _frequent(TracePrompt.objects.filter(trace__in=traces.values("pk")).values_list("prompt", flat=True))


def _frequent(texts: Iterable[str]) -> list[str]:
    counts = Counter(texts)
    return sorted(counts, key=lambda text: (-counts[text], text))[:KEYS]
