"""Traces for tests, made by the services."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from apps.core.actors import Actor
from apps.experiments.models import Experiment
from apps.traces import services
from apps.traces.contracts import INPUTS, OUTPUTS, SPAN_TYPE, SpanDraft, TraceDraft
from apps.traces.models import Trace

START_NS = 1_780_000_000_000_000_000
MS = 1_000_000


def span_make(trace: str, number: int, parent: int = 0, **fields: Any) -> SpanDraft:
    """The span of a number, which begins 10 ms after the one before; parent 0 makes it a root."""
    start = START_NS + (number - 1) * 10 * MS
    return SpanDraft(
        **{
            "trace": trace,
            "key": f"{number:016x}",
            "parent": f"{parent:016x}" if parent else "",
            "name": f"step {number}",
            "status": "OK",
            "started_ns": start,
            "ended_ns": start + 20 * MS,
            "attributes": {INPUTS: {"n": number}, OUTPUTS: f"out {number}", SPAN_TYPE: "TOOL"},
            **fields,
        }
    )


def trace_make(actor: Actor, experiment: Experiment, *, spans: int = 3, **fields: Any) -> Trace:
    """A finished trace with a root and spans below it."""
    key = fields.pop("key", f"tr-{secrets.token_hex(16)}")
    draft = TraceDraft(
        **{
            "key": key,
            "started_at": datetime.fromtimestamp(START_NS / 1e9, tz=UTC),
            "state": "OK",
            "duration_ms": 1500,
            "request": '{"question": "who decides?"}',
            "response": '"a judge"',
            "tags": {"mlflow.traceName": "answer"},
            **fields,
        }
    )
    drafts = [span_make(key, number, 0 if number == 1 else 1) for number in range(1, spans + 1)]
    services.spans_store(actor=actor, experiment_id=experiment.pk, drafts=drafts)
    services.trace_describe(actor=actor, experiment_id=experiment.pk, draft=draft)
    return Trace.objects.select_related("experiment").get(team_id=experiment.team_id, key=key)
