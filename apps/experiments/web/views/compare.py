"""Runs side by side."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.core.web.views import page
from apps.experiments import selectors
from apps.experiments.contracts import run_outcomes
from apps.experiments.models import Run
from apps.experiments.web.charts import compare_charts
from apps.experiments.web.words import metrics_in_order, number_of, param_shown

MOST = 20


@page
@require_safe
def run_compare(request: HttpRequest) -> HttpResponse:
    """Two or more runs: what differs, metrics with the difference to the first, curves over each other."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    asked = [*request.GET.getlist("selected"), *request.GET.getlist("run")]
    try:
        ids = list(dict.fromkeys(uuid.UUID(text) for text in asked))
    except ValueError as error:
        raise NotFound("That is not the id of a run.") from error
    if len(ids) > MOST:
        raise Invalid.field("run", f"At most {MOST} runs are compared at once.")
    if len(ids) < 2:
        known = [selectors.run_get(actor, pk) for pk in ids]
        return render(request, "experiments/run_compare.html", {"nav_key": "experiments", "runs": known, "few": True})
    found = selectors.run_compare(actor, ids)
    runs: list[Run] = found["runs"]
    everything = request.GET.get("all") == "1"
    experiments = {run.experiment_id: run.experiment for run in runs}
    query = request.GET.copy()
    query["all"] = "" if everything else "1"
    if everything:
        del query["all"]
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "runs": runs,
        "few": False,
        "outcomes": run_outcomes(actor, runs),
        "params": _params(found["params"], everything),
        "same_count": sum(not row["differs"] for row in found["params"]),
        "everything": everything,
        "toggle_url": f"?{query.urlencode()}",
        "metrics": _metrics(runs),
        "charts": compare_charts(selectors.metric_curves(runs), runs),
        "data_differs": selectors.data_differs(runs),
        "experiment": next(iter(experiments.values())) if len(experiments) == 1 else None,
    }
    context["columns"] = [(run, context["outcomes"].get(run.pk)) for run in runs]
    return render(request, "experiments/run_compare.html", context)


def _params(rows: list[dict[str, Any]], everything: bool) -> list[dict[str, Any]]:
    return [
        {
            "key": row["key"],
            "differs": row["differs"],
            # Where two differ, those unlike the first are marked.
            "values": [(param_shown(value), row["differs"] and value != row["values"][0]) for value in row["values"]],
        }
        for row in rows
        if everything or row["differs"]
    ]


def _metrics(runs: list[Run]) -> list[dict[str, Any]]:
    rows = []
    for words in metrics_in_order({key for run in runs for key in run.metrics_latest}):
        values = [number_of(run.metrics_latest.get(words.key)) for run in runs]
        first = values[0]
        cells = [
            (
                words.show(value),
                "" if index == 0 or value is None or first is None else words.show_difference(value - first),
            )
            for index, value in enumerate(values)
        ]
        rows.append({"words": words, "cells": cells})
    return rows
