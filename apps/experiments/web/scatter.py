"""A point a run: one of its numbers against another, so that what goes together is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from apps.core import formats
from apps.experiments.models import Run
from apps.experiments.web.charts import Chart
from apps.experiments.web.words import MetricWords, number_of, param_shown

METRIC, PARAM = "m.", "p."


@dataclass(frozen=True, slots=True)
class Across:
    """What lies across a scatter: a metric, or a param that is a number in some runs; `code` stands in addresses."""

    code: str
    label: str
    words: MetricWords | None = None

    def of(self, run: Run) -> float | None:
        """The run's number; None where it has none."""
        if self.words is not None:
            return number_of(run.metrics_latest.get(self.words.key))
        return _number(run.params.get(self.code.removeprefix(PARAM)))

    def show(self, run: Run) -> str:
        if self.words is not None:
            return self.words.show(run.metrics_latest.get(self.words.key))
        return param_shown(run.params[self.code.removeprefix(PARAM)])


def acrosses(runs: Sequence[Run], metrics: Sequence[MetricWords], params: Sequence[str]) -> list[Across]:
    """What can lie across: the metrics, then those of the params that are numbers in two runs or more."""
    found = [Across(METRIC + one.key, one.title, one) for one in metrics]
    for key in params:
        one = Across(PARAM + key, key)
        if sum(one.of(run) is not None for run in runs) > 1:
            found.append(one)
    return found


def scatter_chart(runs: Sequence[Run], across: Across, words: MetricWords) -> Chart | None:
    """The metric `words` of each run over another of its numbers. None with fewer than two runs that have both."""
    spots = [
        (run, x, y)
        for run in runs
        if (x := across.of(run)) is not None and (y := number_of(run.metrics_latest.get(words.key))) is not None
    ]
    if len(spots) < 2:
        return None
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [x for _, x, _ in spots],
        "y": [y for _, _, y in spots],
        "text": [run.name for run, _, _ in spots],
        "customdata": [reverse("run-detail", args=[run.pk]) for run, _, _ in spots],
        "marker": {"color": "$candidate", "size": 7, "opacity": 0.7},
        "hovertemplate": "%{text}<br>%{x:.4g}: <b>%{y:.4g}</b><extra></extra>",
    }
    layout = {"xaxis": {"title": across.label}, "yaxis": {"title": words.low}}
    rows = [[run.name, across.show(run), words.show(y)] for run, _, y in spots]
    title = f"{words.title} against {across.label}: {formats.num(len(spots))} runs"
    figure = {"data": [points], "layout": layout}
    return Chart("scatter", title, figure, ["Run", across.label, words.title], rows)


def _number(value: object) -> float | None:
    try:
        return number_of(float(str(value)))
    except ValueError:
        return None
