"""Columns of the table of runs: their params and metrics, and how far a run is from the pinned one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.db.models import DurationField, ExpressionWrapper, F, FloatField, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Now

from apps.core.parquet import Kind
from apps.core.search_pages import Column as Sorted
from apps.core.search_pages import Part
from apps.core.tables import Column, Walk
from apps.experiments import selectors
from apps.experiments.models import Run
from apps.experiments.web.words import MetricWords, number_of, param_shown
from workers.contracts.recipes import RECIPES

TOOK = ExpressionWrapper(Coalesce(F("ended_at"), Now()) - F("started_at"), output_field=DurationField())
METRICS_SHOWN = 3
PARAMS_SHOWN = 2
_HIDDEN_PARAMS = {"seed", "rows_train", "rows_validation", "features", "threshold"}
_NUMBER = r"^\s*([-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?)\s*$"


def param_walk(key: str, *, number: bool) -> Walk:
    """A walk by a param as text, or as a number where what is none comes last."""
    value: Any = Cast(KeyTextTransform(key, "params"), TextField())
    if number:
        value = Cast(Func(value, Value(_NUMBER), function="substring", output_field=TextField()), FloatField())
    return lambda rows, descending: [(rows, [Sorted(value, descending, nullable=True), Sorted(F("id"))])]


def _took_walk(rows: QuerySet[Run], descending: bool) -> list[Part]:
    return [(rows, [Sorted(TOOK, descending, nullable=True), Sorted(F("id"))])]


def _seconds(run: Any) -> float | None:
    return run.took.total_seconds() if run.took is not None else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_LAST = (
    Column("took", "Time", sort=_took_walk, value=_seconds, format="duration"),
    Column(
        "begun",
        "Begun",
        sort=selectors.run_walk("attributes", "start_time"),
        value="started_at",
        format="ago",
        csv=lambda run: run.started_at,
    ),
    Column("by", "Begun by", sort="created_by_label", value="created_by_label", default_visible=False),
    Column("seed", "Seed", sort="seed", numeric=True, default_visible=False),
)


def run_columns(sample: Sequence[Run], metrics: Sequence[MetricWords], baseline: Run | None = None) -> list[Column]:
    """Columns for the params of these runs and for metrics in their order; what differs and comes first is shown.

    With a baseline each metric is followed by the difference to it.
    """
    shown = {words.key for words in metrics_first(metrics)}
    columns = _param_columns(sample)
    for words in metrics:
        columns.append(_metric_column(words, words.key in shown))
        if baseline is not None:
            columns.append(_difference_column(words, baseline, words.key in shown))
    return [*columns, *_LAST]


def metrics_first(metrics: Sequence[MetricWords]) -> list[MetricWords]:
    """The metrics that a table shows when nobody chose any: the first ones that are not on training rows."""
    return [words for words in metrics if words.part != "training"][:METRICS_SHOWN]


def metric_column_key(key: str) -> str:
    """The name of a metric's column in an address."""
    return f"m.{quote(key, safe='')}"


def _metric_column(words: MetricWords, shown: bool) -> Column:
    return Column(
        metric_column_key(words.key),
        _label(words),
        sort=selectors.run_walk("metrics", words.key),
        value=lambda run: (run.metrics_latest.get(words.key) or [None])[0],
        render=lambda run: words.show(run.metrics_latest.get(words.key)),
        numeric=True,
        help=f"{words.title} ({words.key}), newest value",
        css="b",
        default_visible=shown,
    )


def _difference_column(words: MetricWords, baseline: Run, shown: bool) -> Column:
    """A difference sorts as the value itself does."""
    base = number_of(baseline.metrics_latest.get(words.key))

    def difference(run: Run) -> float | None:
        value = number_of(run.metrics_latest.get(words.key))
        return None if value is None or base is None else value - base

    return Column(
        f"d.{quote(words.key, safe='')}",
        f"\u0394 {_label(words)}",
        sort=selectors.run_walk("metrics", words.key),
        value=difference,
        render=lambda run: "baseline" if run.pk == baseline.pk else words.show_difference(difference(run)),
        numeric=True,
        help=f"{words.title}: difference to {baseline.name}",
        css="ci",
        default_visible=shown,
        beside=metric_column_key(words.key),
    )


def _label(words: MetricWords) -> str:
    return f"Best {words.low}" if words.part.endswith("best") else words.label


def _param_columns(sample: Sequence[Run]) -> list[Column]:
    values: dict[str, set[str]] = {}
    for run in sample:
        for key in run.params:
            values.setdefault(key, set()).add(str(run.params[key]))
    count = len(sample)
    differing = [
        key
        for key, seen in values.items()
        if key not in _HIDDEN_PARAMS and (len(seen) > 1 or sum(key in run.params for run in sample) < count)
    ]
    differing.sort(key=lambda key: (key != "recipe", -sum(key in run.params for run in sample), key))
    columns = []
    for key in sorted(values, key=lambda key: (key != "recipe", key)):
        number = all(_is_number(text) for text in values[key])
        columns.append(
            Column(
                f"p.{quote(key, safe='')}",
                "Recipe" if key == "recipe" else key,
                sort=param_walk(key, number=number),
                value=_param_value(key),
                render=_recipe_cell if key == "recipe" else None,
                numeric=number,
                kind=Kind.TEXT,
                help=f"Param {key}",
                default_visible=key in [one for one in differing if one != "recipe"][:PARAMS_SHOWN] or key == "recipe",
            )
        )
    return columns


def _param_value(key: str) -> Any:
    return lambda run: param_shown(run.params.get(key))


def _recipe_cell(run: Any) -> str:
    recipe = RECIPES.get(run.params.get("recipe", ""))
    # The usual library goes without saying in a narrow column.
    return recipe.title.removesuffix(" (scikit-learn)") if recipe else param_shown(run.params.get("recipe"))
