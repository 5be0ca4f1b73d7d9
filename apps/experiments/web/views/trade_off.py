"""Two metrics over the newest runs of an experiment: the chart above their table, which does not wait for it."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.actors import Actor
from apps.core.web.views import page
from apps.experiments import selectors
from apps.experiments.contracts import RunOutcome, run_outcomes
from apps.experiments.models import Run
from apps.experiments.web.charts import Chart, Spot, trade_off
from apps.experiments.web.tables import RUNS
from apps.experiments.web.words import MetricWords, metrics_in_order, number_of

SAMPLE = selectors.SAMPLE


@page
@require_safe
def experiment_trade_off(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The chart for the filters and axes of the address; nothing when no two metrics can be drawn."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment, aims = selectors.experiment_get_with_aims(actor, pk)
    runs = selectors.run_list(actor, experiment_id=experiment.pk, deleted=request.GET.get("archived") == "1")
    sample = selectors.run_sample(runs, SAMPLE)
    words = metrics_in_order({key for run in sample for key in run.metrics_latest}, aims)
    table = RUNS.bind(request, runs)
    if table.active and sample and not table.refusals:
        sample = selectors.run_sample(table.filtered, SAMPLE)
    known = {one.key: one for one in words if any(one.key in run.metrics_latest for run in sample)}
    first = list(known.values())
    y = known.get(request.GET.get("y", "")) or (first[0] if first else None)
    others = [one for one in first if y is not None and one.key != y.key]
    x = known.get(request.GET.get("x", "")) or (others[0] if others else None)
    chart: Chart | None = None
    if x is not None and y is not None:
        chart = trade_off(_spots(sample, run_outcomes(actor, sample), x, y), x, y)
    context = {"chart": chart, "metrics": first, "x": x, "y": y, "sampled": len(sample), "table": table}
    return render(request, "experiments/_trade_off.html", context)


def _spots(sample: list[Run], outcomes: dict[uuid.UUID, RunOutcome], x: MetricWords, y: MetricWords) -> list[Spot]:
    spots = []
    for run in sample:
        across, up = number_of(run.metrics_latest.get(x.key)), number_of(run.metrics_latest.get(y.key))
        if across is not None and up is not None:
            outcome = outcomes.get(run.pk)
            spots.append(Spot(run, across, up, outcome.flag if outcome else "", outcome.live if outcome else False))
    return spots
