"""Runs side by side: a column each while they are few, a row each when they are many."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.core.web.views import page
from apps.experiments import selectors
from apps.experiments.contracts import run_outcomes, runs_panels
from apps.experiments.models import Run
from apps.experiments.web.charts import compare_charts
from apps.experiments.web.noise import repeats_of, spread_of, within_noise
from apps.experiments.web.words import MetricWords, metrics_in_order, number_of, param_shown

MOST = 200
# More do not fit beside each other.
COLUMNS = 6
# Of many runs: what a row shows before somebody asks for everything.
ROW_METRICS, ROW_PARAMS = 6, 8
# Curves of more are no longer told apart.
DRAWN = 20


@page
@require_safe
def run_compare(request: HttpRequest) -> HttpResponse:
    """What differs between runs, metrics with the difference to the baseline and the noise of repeats, curves."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    ids = _asked(request)
    if len(ids) < 2:
        known = [selectors.run_get(actor, pk) for pk in ids]
        return render(request, "experiments/run_compare.html", {"nav_key": "experiments", "runs": known, "few": True})
    found = selectors.run_compare(actor, ids)
    runs: list[Run] = found["runs"]
    everything, many = request.GET.get("all") == "1", len(runs) > COLUMNS
    experiments = {run.experiment_id: run.experiment for run in runs}
    inputs = selectors.run_inputs_of(run.pk for run in runs)
    groups = repeats_of(runs, {pk: [(row.dataset_version_id, row.role) for row in rows] for pk, rows in inputs.items()})
    outcomes = run_outcomes(actor, runs)
    params = [row for row in found["params"] if everything or row["differs"]]
    measures = [
        words for words in metrics_in_order({key for run in runs for key in run.metrics_latest}) if not words.system
    ]
    shown = measures[:ROW_METRICS] if many and not everything else measures
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "runs": runs,
        "base": runs[0],
        "few": False,
        "many": many,
        "params": _params(params[: len(params) if everything or not many else ROW_PARAMS]),
        "same_count": sum(not row["differs"] for row in found["params"]),
        "left_out": many and not everything and (len(params) > ROW_PARAMS or len(measures) > ROW_METRICS),
        "everything": everything,
        "toggle_url": _url(request, runs, runs[0], not everything),
        "metrics": _metrics(runs, shown, groups),
        "repeated": bool(groups),
        "charts": compare_charts(selectors.metric_curves(runs[:DRAWN]), runs[:DRAWN]),
        "drawn": DRAWN if len(runs) > DRAWN else 0,
        "data_differs": selectors.data_differs(runs),
        "experiment": next(iter(experiments.values())) if len(experiments) == 1 else None,
        "columns": [(run, outcomes.get(run.pk), _url(request, runs, run, everything)) for run in runs],
        "panels": runs_panels(actor, runs),
    }
    if many:
        context["rows"] = _rows(context)
    return render(request, "experiments/run_compare.html", context)


def _asked(request: HttpRequest) -> list[uuid.UUID]:
    """The runs asked for, once each, the baseline first. Raises NotFound for what is no id, Invalid for too many."""
    asked = [*request.GET.getlist("base"), *request.GET.getlist("selected"), *request.GET.getlist("run")]
    try:
        ids = list(dict.fromkeys(uuid.UUID(text) for text in asked))
    except ValueError as error:
        raise NotFound("That is not the id of a run.") from error
    if len(ids) > MOST:
        raise Invalid.field("run", f"At most {MOST} runs are compared at once.")
    return ids


def _url(request: HttpRequest, runs: Sequence[Run], base: Run, everything: bool) -> str:
    """The same comparison with another baseline, or with all that is the same as well."""
    query = request.GET.copy()
    for name in ("selected", "base", "all"):
        query.pop(name, None)
    query.setlist("run", [str(run.pk) for run in runs])
    if base is not runs[0] or "base" in request.GET:
        query["base"] = str(base.pk)
    if everything:
        query["all"] = "1"
    return f"?{query.urlencode()}"


def _params(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "key": row["key"],
            "differs": row["differs"],
            # Where two differ, those unlike the first are marked.
            "values": [(param_shown(value), row["differs"] and value != row["values"][0]) for value in row["values"]],
        }
        for row in rows
    ]


def _metrics(runs: list[Run], measures: Sequence[MetricWords], groups: Sequence[Sequence[Run]]) -> list[dict[str, Any]]:
    """Per metric: its noise, and per run (value, difference to the first, whether that is within the noise)."""
    rows = []
    for words in measures:
        spread = spread_of(words.key, groups)
        values = [number_of(run.metrics_latest.get(words.key)) for run in runs]
        first = values[0]
        cells = []
        for index, value in enumerate(values):
            change = None if index == 0 or value is None or first is None else value - first
            shown = "" if change is None else words.show_difference(change)
            cells.append((words.show(value), shown, change is not None and within_noise(change, spread)))
        noise = "" if spread is None else words.show_difference(spread).lstrip("+")
        rows.append({"words": words, "cells": cells, "noise": noise})
    return rows


def _rows(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The same cells, a row for each run."""
    return [
        {
            "run": run,
            "outcome": outcome,
            "base_url": url,
            "params": [row["values"][place] for row in context["params"]],
            "metrics": [row["cells"][place] for row in context["metrics"]],
        }
        for place, (run, outcome, url) in enumerate(context["columns"])
    ]
