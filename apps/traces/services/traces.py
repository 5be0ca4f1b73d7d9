"""Traces: begun, described, tagged, linked to runs, deleted."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_release
from apps.core.errors import Invalid, NotFound
from apps.experiments import policies as run_policies
from apps.experiments import selectors as experiments
from apps.traces.contracts import NAME_TAG, RUN_KEY, SERVER_TAGS, TOKENS_KEY, TraceDraft
from apps.traces.models import Trace, TraceFile, TracePrompt
from apps.traces.policies import require_trace_delete, require_trace_write
from apps.traces.services.assessments import assessment_add
from apps.traces.services.finding import experiment_writable, trace_lock, traces_opened
from apps.traces.services.limits import (
    ID_LIMIT,
    NAME_LIMIT,
    PREVIEW_LIMIT,
    key_check,
    pairs_check,
    text_check,
    time_check,
)

LINKS_LIMIT = 100
# Versions of prompts that one trace is linked to, and the characters of each.
PROMPTS_LIMIT = 100
PROMPT_LIMIT = 300
DELETE_LIMIT = 1000
# So many are deleted by one statement.
_BATCH = 500
# So many ids are named in an audit entry.
_NAMED = 100


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that the server says and without the name, which is a field."""
    return {key: value for key, value in tags.items() if key not in SERVER_TAGS and key != NAME_TAG}


def usage_of(value: Any) -> dict[str, int]:
    """Counts of tokens from what a client says, as an object or its JSON text; {} for what is none."""
    try:
        said = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    if not isinstance(said, dict):
        return {}
    known = ("input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return {
        key: said[key]
        for key in known
        if isinstance(said.get(key), int) and not isinstance(said[key], bool) and 0 <= said[key] < 2**53
    }


def _check(draft: TraceDraft) -> tuple[dict[str, str], dict[str, str]]:
    """Tags and metadata that can be kept. Raises Invalid."""
    key_check(draft.key)
    if draft.state not in Trace.State.values:
        raise Invalid.field("state", f"One of {', '.join(Trace.State.values)}.")
    time_check(draft.started_at, draft.duration_ms)
    text_check("client_request_id", draft.client_request or "", ID_LIMIT)
    return pairs_check("tags", draft.tags), pairs_check("trace_metadata", draft.metadata)


def trace_describe(*, actor: Actor, experiment_id: uuid.UUID, draft: TraceDraft) -> Trace:
    """Write what a client says of a trace, whose spans may have come before or come later.

    The same again changes nothing; tags and metadata are added to those there. A run that was active is linked.
    Raises NotFound, Forbidden, Invalid.
    """
    experiment = experiment_writable(actor, experiment_id)
    tags, metadata = _check(draft)
    fresh = Trace(
        team_id=experiment.team_id,
        experiment_id=experiment.pk,
        key=draft.key,
        started_at=draft.started_at,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    with transaction.atomic():
        locked, new = traces_opened([fresh])
        trace = locked[draft.key]
        again = trace.described_at is not None
        trace.experiment_id = experiment.pk
        trace.started_at, trace.duration_ms = draft.started_at, draft.duration_ms
        trace.state = draft.state
        if draft.client_request is not None:
            trace.client_request = draft.client_request
        if draft.request is not None:
            trace.request = draft.request[:PREVIEW_LIMIT]
        if draft.response is not None:
            trace.response = draft.response[:PREVIEW_LIMIT]
        trace.name = tags.get(NAME_TAG, trace.name)[:NAME_LIMIT]
        trace.tags = pairs_check("tags", {**trace.tags, **_own_tags(tags)})
        trace.metadata = pairs_check("trace_metadata", {**trace.metadata, **metadata})
        trace.usage = usage_of(metadata.get(TOKENS_KEY)) or trace.usage
        trace.described_at = timezone.now()
        trace.save()
        if new:
            _begun(actor, trace)
        if not again:
            for assessment in draft.assessments:
                assessment_add(actor, trace, assessment)
        _run_link(actor, trace, metadata.get(RUN_KEY, ""))
    return trace


def _begun(actor: Actor, trace: Trace) -> None:
    audit_record(actor=actor, action="trace.create", thing=trace, after={"trace": trace.key})


def _run_link(actor: Actor, trace: Trace, text: str) -> None:
    """Link the run that was active, when it is one of the team's; an unknown one stays a word of the metadata."""
    try:
        run = experiments.run_get(actor, uuid.UUID(hex=text)) if text else None
    except (ValueError, NotFound):
        return
    if run is not None and run.team_id == trace.team_id:
        trace.runs.add(run)


def trace_end(
    *,
    actor: Actor,
    trace_id: uuid.UUID,
    ended_at: datetime,
    state: str,
    tags: Mapping[str, str],
    metadata: Mapping[str, str],
) -> Trace:
    """End a trace that was begun before. Raises NotFound, Forbidden, Invalid."""
    if state not in Trace.State.values:
        raise Invalid.field("status", f"One of {', '.join(Trace.State.values)}.")
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        trace.state = state
        trace.duration_ms = round((ended_at - trace.started_at).total_seconds() * 1000)
        time_check(trace.started_at, trace.duration_ms)
        trace.name = tags.get(NAME_TAG, trace.name)[:NAME_LIMIT]
        trace.tags = pairs_check("tags", {**trace.tags, **_own_tags(tags)})
        trace.metadata = pairs_check("request_metadata", {**trace.metadata, **metadata})
        trace.usage = usage_of(metadata.get(TOKENS_KEY)) or trace.usage
        trace.save()
    return trace


def _tag_key_check(key: str) -> None:
    if key in SERVER_TAGS:
        raise Invalid.field("key", f"Tag '{key}' is immutable: it says where the server keeps a trace.")


def trace_tag_set(*, actor: Actor, trace_id: uuid.UUID, key: str, value: str) -> None:
    """Set a tag; the tag of the name renames the trace. Raises NotFound, Forbidden, Invalid."""
    _tag_key_check(key)
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        if key == NAME_TAG:
            trace.name = text_check("value", value, NAME_LIMIT)
        else:
            trace.tags = pairs_check("tags", {**trace.tags, key: value})
        trace.save(update_fields=["name", "tags"])


def trace_tag_delete(*, actor: Actor, trace_id: uuid.UUID, key: str) -> None:
    """Remove a tag. Raises NotFound, also for one that is not there, Forbidden, Invalid."""
    _tag_key_check(key)
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        if key not in trace.tags and not (key == NAME_TAG and trace.name):
            raise NotFound(f"No trace tag with key '{key[:60]}' for trace with ID '{trace.key}'")
        if key == NAME_TAG:
            trace.name = ""
        trace.tags = {held: value for held, value in trace.tags.items() if held != key}
        trace.save(update_fields=["name", "tags"])


def traces_link(*, actor: Actor, keys: Sequence[str], run_id: uuid.UUID) -> None:
    """Say that traces belong to a run; linked ones stay so, unknown ones are passed over, as MLflow does.

    Raises NotFound, Forbidden, Invalid.
    """
    if len(keys) > LINKS_LIMIT:
        raise Invalid.field("trace_ids", f"Cannot link more than {LINKS_LIMIT} traces to a run in a single request.")
    run = experiments.run_get(actor, run_id)
    run_policies.require_run_write(actor, run)
    with transaction.atomic():
        for trace in Trace.objects.visible_to(actor).filter(key__in=list(keys), team_id=run.team_id).order_by("key"):
            require_trace_write(actor, trace.team_id)
            trace.runs.add(run)


def prompts_link(*, actor: Actor, trace_id: uuid.UUID, prompts: Sequence[str]) -> None:
    """Say which versions of prompts a trace used, each as <name>/<version>; those that are linked stay so.

    Raises NotFound, Forbidden, Invalid.
    """
    wanted = dict.fromkeys(prompts)
    if any(not prompt.strip() or len(prompt) > PROMPT_LIMIT for prompt in wanted):
        raise Invalid.field("prompt_versions", f"A prompt is its name and version in 3 to {PROMPT_LIMIT} characters.")
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        held = set(TracePrompt.objects.filter(trace=trace).values_list("prompt", flat=True))
        if len(held | wanted.keys()) > PROMPTS_LIMIT:
            raise Invalid.field("prompt_versions", f"A trace is linked to at most {PROMPTS_LIMIT} versions of prompts.")
        TracePrompt.objects.bulk_create(TracePrompt(trace=trace, prompt=one) for one in wanted if one not in held)


def traces_delete(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    keys: Sequence[str] | None = None,
    before: datetime | None = None,
    most: int | None = None,
) -> int:
    """Delete traces of an experiment for good, with spans, assessments and files: those named, or the oldest begun
    before a moment, at most so many. How many there were.

    Raises NotFound, Forbidden, Invalid.
    """
    experiment = experiments.experiment_get(actor, experiment_id)
    require_trace_delete(actor, experiment.team_id)
    if bool(keys) == (before is not None):
        raise Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified, but not both.")
    if keys and most is not None:
        raise Invalid("`max_traces` can't be specified if `trace_ids` is specified.")
    if keys and len(keys) > DELETE_LIMIT:
        raise Invalid.field("request_ids", f"A request can name at most {DELETE_LIMIT} traces.")
    if most is not None and most < 1:
        raise Invalid.field("max_traces", "`max_traces` must be a positive integer.")
    rows = Trace.objects.filter(experiment_id=experiment.pk)
    rows = rows.filter(key__in=list(keys)) if keys else rows.filter(started_at__lt=before)
    with transaction.atomic():
        deleted = _delete(rows.order_by("started_at", "id"), most)
        if deleted:
            after = {"count": len(deleted), "traces": deleted[:_NAMED], "before": before}
            audit_record(actor=actor, action="trace.delete", thing=experiment, after=after)
    return len(deleted)


def _delete(rows: Any, most: int | None) -> list[str]:
    """Delete in pieces, so that no more than one piece is held; the ids of what was deleted."""
    deleted: list[str] = []
    while most is None or len(deleted) < most:
        size = _BATCH if most is None else min(_BATCH, most - len(deleted))
        found = dict(rows.select_for_update(of=("self",)).values_list("pk", "key")[:size])
        if not found:
            break
        files = TraceFile.objects.filter(trace_id__in=found).values_list("sha256", flat=True)
        for sha256 in sorted(set(files)):
            transaction.on_commit(partial(blob_release, sha256))
        Trace.objects.filter(pk__in=found).delete()
        deleted += found.values()
    return deleted
