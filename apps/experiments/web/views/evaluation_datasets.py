"""Evaluation datasets: the list, one with its records, and one record whole."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.tables import part_alone, table_response
from apps.core.web.views import page
from apps.experiments import policies, selectors, services
from apps.experiments.models import EvaluationDataset
from apps.experiments.web.evaluation_datasets import (
    EVALUATION_DATASETS,
    RECORDS,
    SOURCES,
    experiments_attach,
    whole_attach,
)
from apps.experiments.web.snippets import evaluation_dataset_example, evaluation_dataset_snippet

FIELDS_SHOWN = 20


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


@page
@require_safe
def evaluation_dataset_list(request: HttpRequest) -> HttpResponseBase:
    """The evaluation datasets of the team."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.evaluation_dataset_table(actor, team_id=team.pk if team else None, archived=archived)
    table = EVALUATION_DATASETS.bind(request, rows, prepare=experiments_attach)
    context = {"archived": archived, "nav_key": "experiments", "example": evaluation_dataset_example(_base(request))}
    return table_response(request, table, "experiments/evaluation_dataset_list.html", context)


@page
@require_safe
def evaluation_dataset_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """One evaluation dataset: its records, and what it is for."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    dataset = selectors.evaluation_dataset_get(actor, pk, archived=True)
    table = RECORDS.bind(request, selectors.evaluation_record_table(dataset))
    if table.wants_csv:
        table.preparer = whole_attach
    alone = table.wants_csv or part_alone(table)
    context = {} if alone else _context(request, actor, dataset)
    return table_response(request, table, "experiments/evaluation_dataset_detail.html", context)


def _context(request: HttpRequest, actor: Actor, dataset: EvaluationDataset) -> dict[str, Any]:
    return {
        "nav_key": "experiments",
        "dataset": dataset,
        "client_id": f"d-{dataset.pk.hex}",
        "digest": selectors.evaluation_dataset_digest(dataset),
        "experiments": selectors.evaluation_dataset_experiments([dataset]).get(dataset.pk, []),
        "tags": sorted(dataset.tags.items()),
        "fields": _fields(dataset),
        "snippet": evaluation_dataset_snippet(_base(request), dataset),
        "menu": _menu(dataset, may_write=policies.evaluation_dataset_write(actor, dataset)),
    }


def _fields(dataset: EvaluationDataset) -> list[tuple[str, list[tuple[str, str]], int]]:
    """(part, its first fields with their types, how many more) of what the records held so far."""
    found = []
    for part in ("inputs", "outputs", "expectations"):
        types = (dataset.schema or {}).get(part)
        if isinstance(types, str):
            found.append((part, [("whole value", types)], 0))
        elif types:
            found.append((part, list(types.items())[:FIELDS_SHOWN], max(len(types) - FIELDS_SHOWN, 0)))
    return found


def _menu(dataset: EvaluationDataset, *, may_write: bool) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [{"label": "Use in Python", "icon": "code", "open": "snippet"}]
    if may_write:
        url = reverse("evaluation-dataset-archive", args=[dataset.pk])
        items.append({"label": "Restore" if dataset.archived_at else "Archive", "icon": "archive", "post": url})
    return items


@page
@require_POST
def evaluation_dataset_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a dataset out of the lists, or put it back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if selectors.evaluation_dataset_get(actor, pk, archived=True).archived_at is None:
        services.evaluation_dataset_archive(actor=actor, dataset_id=pk)
        messages.success(request, "Archived: clients do not find it any more. Nothing was deleted.")
    else:
        services.evaluation_dataset_restore(actor=actor, dataset_id=pk)
        messages.success(request, "Back in the lists.")
    return redirect("evaluation-dataset-detail", pk=pk)


@page
@require_safe
def evaluation_record_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One record, whole."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    record = selectors.evaluation_record_get(actor, pk)
    source = record.source or {}
    data = source.get("source_data") or {}
    trace = data.get("trace_id") if source.get("source_type") == "TRACE" else None
    context = {
        "nav_key": "experiments",
        "record": record,
        "dataset": record.dataset,
        "client_id": f"dr-{record.pk.hex}",
        "parts": [
            ("Inputs", _text(record.inputs)),
            ("Expectations", _text(record.expectations)),
            ("Outputs", _text(record.outputs)),
        ],
        "tags": sorted(record.tags.items()),
        "source": SOURCES.get(source.get("source_type", ""), ""),
        "source_data": _text(data),
        "trace": trace if isinstance(trace, str) else "",
    }
    return render(request, "experiments/evaluation_record_detail.html", context)


def _text(value: Any) -> str:
    """A value as people read it: a text as it is, all else as indented JSON; empty when there is none."""
    if value in (None, {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
