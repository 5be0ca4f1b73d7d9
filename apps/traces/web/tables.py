"""The table of traces."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import BigIntegerField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from apps.core.tables import ChoiceFilter, Column, DateFilter, LanguageFilter, NumberFilter, Table, TextFilter
from apps.traces import selectors
from apps.traces.models import Assessment, Trace
from apps.traces.web.words import judged_text, state_html

PREVIEW = 90
ASSESSMENTS_SHOWN = 3
_STATES = (Trace.State.OK, Trace.State.ERROR, Trace.State.IN_PROGRESS)


def _preview(name: str) -> Any:
    def show(trace: Any) -> str:
        text = " ".join((getattr(trace, name) or "").split())
        return text if len(text) <= PREVIEW else f"{text[:PREVIEW]}…"

    return show


def _assessments(trace: Any) -> Any:
    """The newest valid judgements, each by its name."""
    told = trace.judged[:ASSESSMENTS_SHOWN]
    tags = format_html_join(
        " ", '<span class="fw-kind">{} {}</span>', ((one.name, judged_text(one.value)[:40]) for one in told)
    )
    more = len(trace.judged) - len(told)
    return format_html('{} <span class="fw-3">and {} more</span>', tags, more) if more else tags


def _filter_words(request: HttpRequest) -> str:
    """Beside the list itself, which is that of an experiment or of a run."""
    found = request.resolver_match
    return reverse(f"{found.url_name}-words", kwargs=found.kwargs)  # type: ignore[union-attr]


TRACES = Table(
    key="traces",
    columns=[
        Column("name", "Trace", sort="name", link=True, value=lambda trace: trace.name or trace.key, wrap=True),
        Column(
            "state", "State", sort="state", render=lambda trace: state_html(trace.state), csv=lambda trace: trace.state
        ),
        Column("begun", "Begun", sort="started_at", value="started_at", format="ago"),
        Column(
            "took",
            "Took",
            sort="duration_ms",
            value=lambda trace: None if trace.duration_ms is None else trace.duration_ms / 1000,
            format="duration",
        ),
        Column("spans", "Spans", sort="span_count", value="span_count", format="count"),
        Column(
            "tokens",
            "Tokens",
            sort=Cast(KeyTextTransform("total_tokens", "usage"), BigIntegerField()),
            value=lambda trace: trace.usage.get("total_tokens"),
            format="count",
            nullable=True,
        ),
        Column("request", "Request", render=_preview("request"), csv=lambda trace: trace.request, wrap=True),
        Column("response", "Response", render=_preview("response"), csv=lambda trace: trace.response, wrap=True),
        Column("judged", "Assessments", render=_assessments, csv=lambda trace: len(trace.judged), wrap=True),
        Column("key", "Id", sort="key", value="key", format="code", default_visible=False),
        Column("by", "Sent by", sort="created_by_label", value="created_by_label", default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", [(one.value, one.label) for one in _STATES]),
        LanguageFilter(
            "filter",
            "Filter",
            narrow=lambda rows, text: rows.filter(selectors.trace_condition(text)),
            words_url=_filter_words,
            placeholder="status = 'ERROR' AND execution_time > 2000",
        ),
        TextFilter("q", "Find a trace", ["name", "key", "request", "response"]),
        DateFilter("since", "Begun after", "started_at", "gte"),
        NumberFilter("slow", "Took at least (ms)", "duration_ms", "gte"),
    ],
    default_sort="-begun",
    row_url=lambda trace: reverse("trace-detail", args=[trace.pk]),
    label="Traces",
    noun="trace",
    empty_title="No trace yet",
    empty_text="A trace appears here when an application sends one with MLflow's or OpenTelemetry's client.",
)


def judged_attach(rows: list[Any]) -> None:
    """Say the valid assessments of a page of traces, the newest first."""
    found: dict[uuid.UUID, list[Assessment]] = selectors.assessments_of(rows)
    for trace in rows:
        trace.judged = [one for one in reversed(found.get(trace.pk, [])) if one.valid]
