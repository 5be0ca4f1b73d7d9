"""What the charts of a table of runs show, as the address asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from analysis.importance import Importance, importances
from apps.core.tables import BoundTable
from apps.experiments import selectors
from apps.experiments.models import Run
from apps.experiments.web.charts import Chart
from apps.experiments.web.run_charts import AXES, box_chart, curves_chart, importance_chart, parallel_chart
from apps.experiments.web.scatter import Across, acrosses, scatter_chart
from apps.experiments.web.words import MetricWords, number_of

CURVES = 12
CHARTED = 500
SMOOTH = {"": ("none", 0.0), "6": ("light", 0.6), "9": ("medium", 0.9), "97": ("strong", 0.97)}
_FIELDS = ("metric", "by", "across", "axis", "smooth", "logx", "logy")


@dataclass(frozen=True, slots=True)
class ChartView:
    """The charts, the form that chooses what they show, and over which runs they are."""

    charts: list[Chart]
    metrics: list[MetricWords]
    metric: MetricWords
    params: list[str]
    param: str
    acrosses: list[Across]
    across: Across | None
    asked: QueryDict
    kept: list[tuple[str, str]]
    sampled: int

    @property
    def smooths(self) -> list[tuple[str, str]]:
        return [(code, word) for code, (word, _) in SMOOTH.items()]


def chart_view(
    table: BoundTable, newest: list[Run], words: Sequence[MetricWords], baseline: Run | None
) -> ChartView | None:
    """Over what the filters leave of the `newest` runs, or of all; None where nothing was measured.

    Texts in the address that make no sense count as not given.
    """
    asked = table.request.GET
    sample = selectors.run_sample(table.filtered, CHARTED) if table.active else newest
    measured = {key for run in sample for key in run.metrics_latest}
    metrics = [one for one in words if one.key in measured]
    if not metrics:
        return None
    metric = next((one for one in metrics if one.key == asked.get("metric")), metrics[0])
    numbers = [(run, number_of(run.metrics_latest.get(metric.key))) for run in sample]
    found = importances([(run.params, value) for run, value in numbers if value is not None])
    params = [one.key for one in found]
    param = asked.get("by", "")
    param = param if param in params else next(iter(params), "")
    others = acrosses(sample, [one for one in metrics if one.key != metric.key], params)
    across = next((one for one in others if one.code == asked.get("across")), next(iter(others), None))
    return ChartView(
        charts=_charts(table, sample, metric, found, param, across, baseline),
        metrics=metrics,
        metric=metric,
        params=sorted(params),
        param=param,
        acrosses=others,
        across=across,
        asked=asked,
        kept=table.kept(*_FIELDS),
        sampled=len(sample),
    )


def _charts(
    table: BoundTable,
    sample: list[Run],
    metric: MetricWords,
    found: list[Importance],
    param: str,
    across: Across | None,
    baseline: Run | None,
) -> list[Chart]:
    asked = table.request.GET
    first: list[Run] = table.slice.rows[:CURVES]
    if baseline is not None:
        first = [baseline, *(run for run in first if run.pk != baseline.pk)]
    charts: list[Chart | None] = [
        curves_chart(
            selectors.metric_curves_of([run.pk for run in first], metric.key),
            first,
            metric,
            by_time=asked.get("axis") == "time",
            smooth=SMOOTH.get(asked.get("smooth", ""), SMOOTH[""])[1],
            logs=(asked.get("logx") == "1", asked.get("logy") == "1"),
        ),
        scatter_chart(sample, across, metric) if across else None,
        importance_chart(found, metric),
        box_chart(sample, param, metric) if param else None,
        parallel_chart(sample, [one.key for one in found[: AXES - 1]], metric),
    ]
    return [chart for chart in charts if chart is not None]
