"""Spans as they come in: many at once, of one or more traces, in any order and more than once.

Spans are data under their trace's audit entry, not entries of their own (invariant I33).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Max, Min, Sum

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.traces.contracts import INPUTS, NAME_TAG, OUTPUTS, SERVER_TAGS, SPAN_TOKENS, SPAN_TYPE, TAG_PREFIX, SpanDraft
from apps.traces.models import Span, Trace
from apps.traces.services.finding import experiment_writable, traces_opened
from apps.traces.services.limits import (
    KEY_LIMIT,
    NAME_LIMIT,
    PAIRS_LIMIT,
    PREVIEW_LIMIT,
    TAG_LIMIT,
    key_check,
    size_check,
)
from apps.traces.services.traces import usage_of

if TYPE_CHECKING:
    from apps.experiments.models import Experiment

TRACES_PER_CALL = 1000
_SPAN_FIELDS = (
    "parent",
    "name",
    "type",
    "status",
    "message",
    "started_ns",
    "ended_ns",
    "attributes",
    "events",
    "links",
    "size",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What libraries say of themselves is no tag of a trace.
_UNTOLD = ("telemetry.sdk.", "mlflow.", "process.", "os.", "host.")


def moment_of(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 as a time; below the millisecond nothing is said of a trace."""
    return _EPOCH + timedelta(milliseconds=nanoseconds // 1_000_000)


def spans_store(*, actor: Actor, experiment_id: uuid.UUID, drafts: Sequence[SpanDraft]) -> list[Trace]:
    """Write spans, all or none; a trace that is not there yet begins with them. The traces, by their keys.

    A span that is there is replaced. Raises NotFound, Forbidden, Invalid, TooLarge.
    """
    experiment = experiment_writable(actor, experiment_id)
    grouped: dict[str, list[SpanDraft]] = {}
    for draft in drafts:
        grouped.setdefault(key_check(draft.trace), []).append(draft)
    if not grouped:
        return []
    if len(grouped) > TRACES_PER_CALL:
        raise Invalid(f"A request can hold spans of at most {TRACES_PER_CALL} traces.")
    with transaction.atomic():
        fresh = [_begun(actor, experiment, key, group) for key, group in grouped.items()]
        locked, new = traces_opened(fresh)
        for key in sorted(new):
            audit_record(actor=actor, action="trace.create", thing=locked[key], after={"trace": key})
        rows = {(key, draft.key): _row(locked[key], draft) for key, group in grouped.items() for draft in group}
        Span.objects.bulk_create(
            rows.values(),
            batch_size=500,
            update_conflicts=True,
            unique_fields=["trace", "key"],
            update_fields=_SPAN_FIELDS,
        )
        for key, group in grouped.items():
            _follow(locked[key], group)
    return [locked[key] for key in sorted(locked)]


def _begun(actor: Actor, experiment: Experiment, key: str, group: Sequence[SpanDraft]) -> Trace:
    return Trace(
        team_id=experiment.team_id,
        experiment_id=experiment.pk,
        key=key,
        started_at=moment_of(min(draft.started_ns for draft in group)),
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )


def _row(trace: Trace, draft: SpanDraft) -> Span:
    attributes, events, links = dict(draft.attributes), list(draft.events), list(draft.links)
    return Span(
        trace=trace,
        key=draft.key,
        parent=draft.parent,
        name=draft.name[:500],
        type=str(attributes.get(SPAN_TYPE) or "")[:100],
        status=draft.status,
        message=draft.message,
        started_ns=draft.started_ns,
        ended_ns=draft.ended_ns,
        attributes=attributes,
        events=events,
        links=links,
        size=len(json.dumps([attributes, events, links], ensure_ascii=False)) + len(draft.name) + len(draft.message),
    )


def _follow(trace: Trace, group: Sequence[SpanDraft]) -> None:
    """Write into a trace what follows from its spans; what a client said of it stays."""
    held = Span.objects.filter(trace=trace)
    sums = held.aggregate(count=Count("id"), size=Sum("size"), first=Min("started_ns"), last=Max("ended_ns"))
    size_check(sums["count"], sums["size"])
    trace.span_count, trace.span_size = sums["count"], sums["size"]
    root = next((draft for draft in group if not draft.parent), None)
    if trace.described_at is None:
        trace.started_at = moment_of(sums["first"])
        if sums["last"] is not None:
            trace.duration_ms = sums["last"] // 1_000_000 - sums["first"] // 1_000_000
        if root is not None and root.ended_ns is not None:
            trace.state = Trace.State.ERROR if root.status == "ERROR" else Trace.State.OK
    if root is not None:
        _root_follow(trace, root)
    if any(SPAN_TOKENS in draft.attributes for draft in group) and (trace.described_at is None or not trace.usage):
        trace.usage = _usage(held)
    trace.tags = _tags_more(trace.tags, group[0].resource, root)
    trace.save()


def _root_follow(trace: Trace, root: SpanDraft) -> None:
    trace.name = trace.name or str(root.attributes.get(TAG_PREFIX + NAME_TAG) or root.name)[:NAME_LIMIT]
    if trace.request is None and root.attributes.get(INPUTS) is not None:
        trace.request = _preview(root.attributes[INPUTS])
    if trace.response is None and root.attributes.get(OUTPUTS) is not None:
        trace.response = _preview(root.attributes[OUTPUTS])


def _preview(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= PREVIEW_LIMIT else text[: PREVIEW_LIMIT - 3] + "..."


def _usage(spans: Any) -> dict[str, int]:
    """Tokens of all spans; a span below one that says its own is part of that one's sum."""
    rows = spans.values_list("key", "parent", f"attributes__{SPAN_TOKENS}")
    parents = {key: parent for key, parent, _ in rows}
    said = {key: usage_of(value) for key, _, value in rows if value is not None}
    total: dict[str, int] = {}
    for key, usage in said.items():
        if not _below_any(key, parents, said):
            for name, count in usage.items():
                total[name] = total.get(name, 0) + count
    return total


def _below_any(key: str, parents: Mapping[str, str], said: Mapping[str, Any]) -> bool:
    """Whether one of the spans above has said its tokens; a ring of parents ends where it began."""
    seen = {key}
    above = parents.get(key, "")
    while above and above not in seen:
        if said.get(above):
            return True
        seen.add(above)
        above = parents.get(above, "")
    return False


def _tags_more(tags: Mapping[str, str], resource: Mapping[str, Any], root: SpanDraft | None) -> dict[str, str]:
    """Tags that the process and the root span say, as far as there is room; those there stay."""
    told = {key: value for key, value in resource.items() if not key.startswith(_UNTOLD)}
    if root is not None:
        told |= {
            key.removeprefix(TAG_PREFIX): value for key, value in root.attributes.items() if key.startswith(TAG_PREFIX)
        }
    more = {
        key: (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:TAG_LIMIT]
        for key, value in told.items()
        if 0 < len(key) <= KEY_LIMIT and key != NAME_TAG and key not in SERVER_TAGS
    }
    whole = {**more, **tags}
    return whole if len(whole) <= PAIRS_LIMIT else dict(tags)
