"""The tables of experiments and runs; params and metrics of the runs at hand become columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.db.models import ExpressionWrapper, F, FloatField, Func, TextField, Value, fields
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Now, NullIf
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.core.actors import Actor
from apps.core.tables import BulkAction, ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.experiments.contracts import RunOutcome, run_outcomes
from apps.experiments.models import Experiment, Run
from apps.experiments.web.words import metric_words, metrics_in_order, param_shown
from apps.problems import selectors as problems
from workers.contracts.recipes import RECIPES

METRICS_SHOWN = 3
PARAMS_SHOWN = 2
_HIDDEN_PARAMS = {"seed", "rows_train", "rows_validation", "features", "threshold"}


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


EXPERIMENTS = Table(
    key="experiments",
    columns=[
        Column("name", "Experiment", sort="name", link=True, wrap=True),
        Column("state", "State", sort="state", format="state"),
        Column("problem", "Problem", sort="problem__name", value="problem.name", wrap=True),
        Column("runs", "Runs", sort="run_count", value=lambda row: row.run_count or 0, format="count", nullable=True),
        Column("newest", "Newest run", sort="newest_run_at", value="newest_run_at", format="ago", nullable=True),
        Column("hypothesis", "Hypothesis", value="hypothesis", wrap=True, default_visible=False),
        Column("number", "Number", sort="number", format="code", help="The id that MLflow clients use"),
        Column("by", "Opened by", sort="created_by_label", value="created_by_label", default_visible=False),
        Column("opened", "Opened", sort="id", value="created_at", format="ago", default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", Experiment.State.choices),
        ChoiceFilter("problem", "Problem", _problems, lookup="problem_id"),
        TextFilter("q", "Find an experiment", ["name", "hypothesis"]),
    ],
    default_sort="-newest",
    row_url=lambda row: reverse("experiment-detail", args=[row.pk]),
    label="Experiments",
    noun="experiment",
    empty_title="No experiment yet",
    empty_text="An experiment opens by itself with the first training of a problem; a client may open one too.",
)

TOOK = ExpressionWrapper(Coalesce(F("ended_at"), Now()) - F("started_at"), output_field=fields.DurationField())


def _name(run: Any) -> Any:
    """The name, with the version that came of it as a flag."""
    outcome = getattr(run, "outcome", None)
    if outcome is None:
        return run.name
    css = "fw-tag--live" if outcome.live else ""
    return format_html('{} <span class="fw-tag {}">{}</span>', run.name, css, outcome.flag)


def _seconds(run: Any) -> float | None:
    return run.took.total_seconds() if run.took is not None else None


RUNS = Table(
    key="runs",
    columns=[
        Column("name", "Run", sort="name", link=True, render=_name, csv=lambda run: run.name),
        Column("id", "Id", value="pk", format="id", csv=lambda run: run.pk.hex, default_visible=False),
        Column("status", "State", sort="status", format="state"),
    ],
    filters=[
        ChoiceFilter("status", "State", Run.Status.choices),
        ChoiceFilter("recipe", "Recipe", [(one.id, one.title) for one in RECIPES.values()], lookup="params__recipe"),
        TextFilter("q", "Find a run", ["name", "params__recipe", "created_by_label"]),
        DateFilter("since", "Begun after", "started_at", "gte"),
    ],
    default_sort="-begun",
    row_url=lambda run: reverse("run-detail", args=[run.pk]),
    label="Runs",
    noun="run",
    select=True,
    bulk=[BulkAction("Compare", "run-compare", least=2, most=200)],
    empty_title="No run yet",
    empty_text="A run appears here with the first training, or when a client logs one.",
)

_LAST = (
    Column("took", "Time", sort="took", value=_seconds, format="duration", nullable=True),
    Column("begun", "Begun", sort="id", value="started_at", format="ago", csv=lambda run: run.started_at),
    Column("by", "Begun by", sort="created_by_label", value="created_by_label", default_visible=False),
    Column("seed", "Seed", sort="seed", numeric=True, default_visible=False),
)

_NUMBER = r"^\s*([-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?)\s*$"


def metric_sort(key: str) -> Any:
    """The newest value of a metric as a number of the database; NaN counts as not there."""
    text = KeyTextTransform("0", KeyTransform(key, "metrics_latest"))
    return Cast(NullIf(Cast(text, TextField()), Value("NaN")), FloatField())


def param_sort(key: str, *, number: bool) -> Any:
    """A param as text, or as a number where what is none sorts last."""
    text = Cast(KeyTextTransform(key, "params"), TextField())
    if not number:
        return text
    return Cast(Func(text, Value(_NUMBER), function="substring", output_field=TextField()), FloatField())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _safe(key: str) -> str:
    return quote(key, safe="")


def run_columns(sample: Sequence[Run]) -> list[Column]:
    """Columns for the params and metrics that these runs have; what differs and what people ask first is shown."""
    metrics = metrics_in_order({key for run in sample for key in run.metrics_latest})
    main = [words.key for words in metrics if words.part != "training"][:METRICS_SHOWN]
    return [
        *_param_columns(sample),
        *(
            Column(
                f"m.{_safe(words.key)}",
                words.label if not words.part.endswith("best") else f"Best {words.low}",
                sort=metric_sort(words.key),
                value=_metric_value(words.key),
                render=_metric_cell(words.key),
                numeric=True,
                help=f"{words.title} ({words.key}), newest value",
                css="b",
                default_visible=words.key in main,
                nullable=True,
            )
            for words in metrics
        ),
        *_LAST,
    ]


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
                f"p.{_safe(key)}",
                "Recipe" if key == "recipe" else key,
                sort=param_sort(key, number=number),
                value=_param_value(key),
                render=_recipe_cell if key == "recipe" else None,
                numeric=number,
                help=f"Param {key}",
                default_visible=key in [one for one in differing if one != "recipe"][:PARAMS_SHOWN] or key == "recipe",
                nullable=True,
            )
        )
    return columns


def _param_value(key: str) -> Any:
    return lambda run: param_shown(run.params.get(key))


def _recipe_cell(run: Any) -> str:
    recipe = RECIPES.get(run.params.get("recipe", ""))
    # The usual library goes without saying in a narrow column.
    return recipe.title.removesuffix(" (scikit-learn)") if recipe else param_shown(run.params.get("recipe"))


def _metric_value(key: str) -> Any:
    return lambda run: (run.metrics_latest.get(key) or [None])[0]


def _metric_cell(key: str) -> Any:
    words = metric_words(key)
    return lambda run: words.show(run.metrics_latest.get(key))


def outcomes_attach(actor: Actor, known: Mapping[Any, RunOutcome], asked: set[Any]) -> Any:
    """A `prepare` that says what came of a page of runs; of those in `asked` all is `known`."""

    def prepare(rows: list[Any]) -> None:
        found = {**known, **run_outcomes(actor, [run for run in rows if run.pk not in asked])}
        for run in rows:
            run.outcome = found.get(run.pk)

    return prepare
