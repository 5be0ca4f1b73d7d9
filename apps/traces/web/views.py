"""Pages of traces: those of an experiment or a run, and one with its spans."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.files import file_response
from apps.core.tables import table_response
from apps.core.web.filter_words import words_response
from apps.core.web.views import page
from apps.experiments import selectors as experiments
from apps.traces import policies, selectors, services
from apps.traces.contracts import SESSION_KEY, SPANS_FILE, USER_KEY, AssessmentDraft
from apps.traces.models import Trace
from apps.traces.selectors import Branch
from apps.traces.web.completion import trace_fields, trace_values
from apps.traces.web.tables import TRACES, judged_attach
from apps.traces.web.words import judged_text, judged_value, seconds_between, span_words, state_words

# Spans that one page draws.
DRAWN = 200
# So deep a name is moved to the right; what lies deeper stays there.
DEEPEST = 12
RUNS_SHOWN = 20


@page
@require_safe
def experiment_traces(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The traces of an experiment."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment = experiments.experiment_get(actor, pk)
    return _list(request, {"experiment": experiment, "run": None}, experiment_id=experiment.pk)


@page
@require_safe
def run_traces(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The traces that are linked to a run."""
    run = experiments.run_get(request.actor, pk)  # type: ignore[attr-defined]
    return _list(request, {"experiment": run.experiment, "run": run}, run_id=run.pk)


@page
@require_safe
def experiment_filter_words(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What may stand at the cursor of the filter bar of an experiment's traces."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return _words(request, experiment_id=experiments.experiment_get(actor, pk).pk)


@page
@require_safe
def run_filter_words(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What may stand at the cursor of the filter bar of a run's traces."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return _words(request, run_id=experiments.run_get(actor, pk).pk)


def _words(request: HttpRequest, **which: uuid.UUID) -> JsonResponse:
    newest = selectors.newest_traces(request.actor, **which)  # type: ignore[attr-defined]
    return words_response(request, selectors.TRACES, partial(trace_fields, newest), partial(trace_values, newest))


def _list(request: HttpRequest, context: dict[str, Any], **which: uuid.UUID) -> HttpResponseBase:
    rows = selectors.trace_list(request.actor, **which).defer("metadata", "tags")  # type: ignore[attr-defined]
    table = TRACES.bind(request, rows, prepare=judged_attach)
    return table_response(request, table, "traces/trace_list.html", {"nav_key": "experiments", **context})


@page
@require_safe
def trace_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One trace: its spans in time, what one of them took and gave, and how it was judged."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    trace = selectors.trace_by_id(actor, pk)
    branches = selectors.span_tree(trace)
    chosen = _chosen(request, trace, branches)
    start = _start(request, branches, chosen)
    shown = branches[start : start + DRAWN]
    failed = selectors.span_failed(trace) if trace.state == Trace.State.ERROR else None
    files = list(selectors.trace_files(trace))
    assessments = selectors.assessments_of([trace]).get(trace.pk, [])
    span = selectors.span_find(trace, chosen) if chosen else None
    context = {
        "nav_key": "experiments",
        "trace": trace,
        "experiment": trace.experiment,
        "state": state_words(trace.state),
        "took": None if trace.duration_ms is None else trace.duration_ms / 1000,
        "rows": _rows(trace, branches, shown, chosen),
        "first": start + 1,
        "last": start + len(shown),
        "earlier": _address(trace, start - DRAWN) if start else "",
        "later": _address(trace, start + DRAWN) if start + DRAWN < len(branches) else "",
        "chosen": span_words(trace, span) if span else None,
        "failed": failed,
        "failed_url": _span_address(trace, failed.key) if failed and failed.key != chosen else "",
        "files": files,
        "spans_file": next((file for file in files if file.path == SPANS_FILE), None) if not branches else None,
        "missing": max(selectors.spans_declared(trace) - trace.span_count, 0),
        "assessments": [{"held": one, "value": judged_text(one.value)} for one in reversed(assessments)],
        "runs": list(trace.runs.order_by("-id")[:RUNS_SHOWN]),
        "prompts": selectors.trace_prompts(trace),
        "session": trace.metadata.get(SESSION_KEY, ""),
        "user": trace.metadata.get(USER_KEY, ""),
        "tags": sorted(trace.tags.items()),
        "metadata": sorted(trace.metadata.items()),
        "may_write": policies.trace_write(actor, trace.team_id),
        "menu": _menu(actor, trace),
    }
    return render(request, "traces/trace_detail.html", context)


def _menu(actor: Actor, trace: Trace) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"label": "As JSON", "icon": "braces", "url": reverse("api-trace-detail", args=[trace.pk])}
    ]
    if policies.trace_delete(actor, trace.team_id):
        items.append({"label": "Delete", "icon": "trash", "open": "delete-trace", "bad": True})
    return items


def _chosen(request: HttpRequest, trace: Trace, branches: Sequence[Branch]) -> str:
    """The span that the address names, else the first one."""
    wanted = request.GET.get("span", "")
    if any(branch.key == wanted for branch in branches):
        return wanted
    return branches[0].key if branches else ""


def _start(request: HttpRequest, branches: Sequence[Branch], chosen: str) -> int:
    """Where the drawn part begins: as the address says, else so that the chosen span is in it."""
    asked = request.GET.get("from", "")
    if asked.isascii() and asked.isdigit() and 0 < int(asked[:9]) < len(branches):
        return int(asked[:9]) // DRAWN * DRAWN
    place = next((number for number, branch in enumerate(branches) if branch.key == chosen), 0)
    return place // DRAWN * DRAWN


def _address(trace: Trace, start: int) -> str:
    return f"{reverse('trace-detail', args=[trace.pk])}?{urlencode({'from': max(start, 0)})}"


def _span_address(trace: Trace, key: str) -> str:
    return f"{reverse('trace-detail', args=[trace.pk])}?{urlencode({'span': key})}#span"


def _rows(trace: Trace, branches: Sequence[Branch], shown: Sequence[Branch], chosen: str) -> list[dict[str, Any]]:
    """Spans with their bars: x and width in thousandths of the time of the whole trace."""
    if not branches:
        return []
    begin = min(branch.started_ns for branch in branches)
    end = max(branch.ended_ns or branch.started_ns for branch in branches)
    unit = 1000 / max(end - begin, 1)
    rows = []
    for branch in shown:
        x = min((branch.started_ns - begin) * unit, 996.0)
        width = ((branch.ended_ns or end) - branch.started_ns) * unit
        rows.append(
            {
                "branch": branch,
                "state": state_words(branch.status),
                "indents": range(min(branch.depth, DEEPEST)),
                "took": seconds_between(branch.started_ns, branch.ended_ns),
                "after": (branch.started_ns - begin) / 1e9,
                "x": f"{x:.1f}",
                "width": f"{max(min(width, 1000 - x), 4):.1f}",
                "current": branch.key == chosen,
                "url": _span_address(trace, branch.key),
            }
        )
    return rows


@page
@require_POST
def trace_change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give a feedback by hand, or remove an assessment."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    trace = selectors.trace_by_id(actor, pk)
    try:
        if remove := request.POST.get("remove", ""):
            services.assessment_delete(actor=actor, trace_id=pk, assessment_id=remove)
        else:
            services.assessment_create(actor=actor, trace_id=pk, draft=_draft(request, actor))
    except FairwayError as refusal:
        if refusal.status != 400:
            raise
        messages.error(request, refusal.detail)
    return redirect(reverse("trace-detail", args=[trace.pk]) + "#assessments")


def _draft(request: HttpRequest, actor: Actor) -> AssessmentDraft:
    texts = {key: request.POST.get(key, "").replace("\x00", "").strip() for key in ("name", "value", "rationale")}
    return AssessmentDraft(
        name=texts["name"],
        kind="FEEDBACK",
        value=judged_value(texts["value"]),
        source_type="HUMAN",
        source_id=actor.label[:250],
        rationale=texts["rationale"],
    )


@page
@require_POST
def trace_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete a trace for good."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    trace = selectors.trace_by_id(actor, pk)
    services.traces_delete(actor=actor, experiment_id=trace.experiment_id, keys=[trace.key])
    messages.success(request, "Deleted, with its spans, assessments and files.")
    return redirect("experiment-traces", pk=trace.experiment_id)


@page
@require_safe
def trace_file(request: HttpRequest, pk: uuid.UUID, path: str) -> HttpResponseBase:
    """A file of the trace, always as an attachment."""
    trace = selectors.trace_by_id(request.actor, pk)  # type: ignore[attr-defined]
    file = selectors.trace_file_find(trace, path)
    return file_response(sha256=file.sha256, size=file.size, name=file.path)
