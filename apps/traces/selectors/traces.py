"""Reading traces, their spans, assessments and files."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence

from django.db.models import Count, Q, QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.ids import id_read
from apps.traces.contracts import SIZES_KEY
from apps.traces.models import Assessment, Span, Trace, TraceFile

# So many spans are held at a time.
_PIECE = 500


def trace_by_id(actor: Actor, pk: uuid.UUID) -> Trace:
    """Raises NotFound."""
    found: Trace | None = Trace.objects.visible_to(actor).select_related("experiment").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such trace, or you may not see it.")
    return found


def trace_get(actor: Actor, key: str) -> Trace:
    """As MLflow's clients address it; of two teams' traces of one id the one that came first. Raises NotFound."""
    rows = Trace.objects.visible_to(actor).select_related("experiment").filter(key=key[:65])
    found: Trace | None = None if "\x00" in key else rows.order_by("id").first()
    if found is None:
        raise NotFound(f"Trace with ID '{key[:70]}' not found.")
    return found


def traces_by_keys(
    actor: Actor, keys: Sequence[str], *, experiment_numbers: Sequence[int] | None = None
) -> list[Trace]:
    """Those of the named traces that the actor sees, each once, in the order asked for."""
    rows = Trace.objects.visible_to(actor).select_related("experiment").filter(key__in=list(keys))
    if experiment_numbers is not None:
        rows = rows.filter(experiment__number__in=list(experiment_numbers))
    held: dict[str, Trace] = {}
    for trace in rows.order_by("id"):
        held.setdefault(trace.key, trace)
    return [held[key] for key in dict.fromkeys(keys) if key in held]


def trace_list(actor: Actor, *, experiment_id: uuid.UUID | None = None, run_id: uuid.UUID | None = None) -> QuerySet:
    """Traces that the actor sees; the table sorts."""
    rows: QuerySet[Trace] = Trace.objects.visible_to(actor)
    if experiment_id:
        rows = rows.filter(experiment_id=experiment_id)
    if run_id:
        rows = rows.filter(runs=run_id)
    return rows


def has_traces(*, experiment_id: uuid.UUID | None = None, run_id: uuid.UUID | None = None) -> bool:
    """Has an experiment or a run that the caller sees any trace?"""
    if experiment_id is not None:
        return Trace.objects.filter(experiment_id=experiment_id).exists()
    return run_id is not None and Trace.objects.filter(runs=run_id).exists()


def spans_declared(trace: Trace) -> int:
    """How many spans the client says that the trace has; 0 when it says nothing."""
    try:
        said = json.loads(trace.metadata.get(SIZES_KEY, "{}"))
        count = said.get("num_spans") if isinstance(said, dict) else 0
    except (ValueError, RecursionError):
        return 0
    return count if isinstance(count, int) else 0


def spans_complete(trace: Trace) -> bool:
    """Have all spans come in? Without a word of the client: is there any?"""
    return trace.span_count > 0 and trace.span_count >= spans_declared(trace)


def span_iterate(trace: Trace) -> Iterator[Span]:
    """Spans of a trace, its roots first, then as they began; read in pieces, so memory stays flat."""
    roots = Span.objects.filter(trace=trace, parent="").order_by("started_ns", "id")
    others = Span.objects.filter(trace=trace).exclude(parent="").order_by("started_ns", "id")
    for rows in (roots, others):
        yield from rows.iterator(chunk_size=_PIECE)


def span_list(trace: Trace) -> QuerySet[Span]:
    """Spans of a trace; the caller sorts."""
    return Span.objects.filter(trace=trace)


def assessments_of(traces: Iterable[Trace]) -> dict[uuid.UUID, list[Assessment]]:
    """{trace id: its assessments, the oldest first} of many traces, in one query."""
    found: dict[uuid.UUID, list[Assessment]] = {}
    for row in Assessment.objects.filter(trace__in=list(traces)).order_by("id"):
        found.setdefault(row.trace_id, []).append(row)
    return found


def assessment_get(trace: Trace, assessment_id: str) -> Assessment:
    """As clients address it: `a-` and 32 hexadecimal digits. Raises NotFound."""
    pk = id_read(assessment_id.removeprefix("a-"))
    found = Assessment.objects.filter(trace=trace, pk=pk).first() if pk else None
    if found is None:
        raise NotFound(f"Assessment with ID '{assessment_id[:60]}' not found for trace '{trace.key}'")
    return found


def file_counts(traces: Iterable[Trace]) -> dict[uuid.UUID, int]:
    """{trace id: number of files} of those that have any."""
    rows = TraceFile.objects.filter(trace__in=list(traces)).values("trace_id")
    return dict(rows.annotate(n=Count("pk")).values_list("trace_id", "n"))


def trace_prompts(trace: Trace) -> list[str]:
    """Versions of prompts that the trace is linked to, as <name>/<version>, in the order in which they were linked."""
    return list(trace.prompts.order_by("id").values_list("prompt", flat=True))


def trace_files(trace: Trace) -> QuerySet[TraceFile]:
    """Files by path."""
    return TraceFile.objects.filter(trace=trace).order_by("path")


def trace_file_find(trace: Trace, path: str) -> TraceFile:
    """Raises NotFound."""
    found = None if "\x00" in path else trace_files(trace).filter(path=path).first()
    if found is None:
        raise NotFound("There is no such file.")
    return found


def trace_blob_needed(sha256: str) -> bool:
    """Does a trace refer to these bytes?"""
    return TraceFile.objects.filter(sha256=sha256).exists()


def trace_search(actor: Actor, text: str, limit: int) -> QuerySet[Trace]:
    """Traces by their id, with or without its tr-."""
    rows: QuerySet[Trace] = Trace.objects.visible_to(actor).select_related("experiment")
    return rows.filter(Q(key=text) | Q(key=f"tr-{text}")).order_by("-id")[:limit]
