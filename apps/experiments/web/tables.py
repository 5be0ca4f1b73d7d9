"""The tables of experiments and runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.core.actors import Actor
from apps.core.tables import BulkAction, ChoiceFilter, Column, DateFilter, LanguageFilter, Table, TextFilter
from apps.core.templatetags import _marks
from apps.experiments import selectors
from apps.experiments.contracts import RunOutcome, run_outcomes
from apps.experiments.models import Experiment, Run
from apps.problems import selectors as problems
from workers.contracts.recipes import RECIPES


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


def _name(run: Any) -> Any:
    """The name, with the version that came of it as a flag."""
    outcome = getattr(run, "outcome", None)
    sealed = format_html(" {}", _marks.icon("lock", label="Sealed")) if run.sealed_at else ""
    if outcome is None:
        return format_html("{}{}", run.name, sealed)
    css = "fw-tag--live" if outcome.live else ""
    return format_html('{}{} <span class="fw-tag {}">{}</span>', run.name, sealed, css, outcome.flag)


def _pin(run: Any) -> str:
    """A button that pins a run as the one that all others are compared with, or lets it go."""
    url, pinned = getattr(run, "pin", ("", False))
    if not url:
        return ""
    words = f"Let {run.name} go as baseline" if pinned else f"Compare all with {run.name}"
    css = "fw-pin is-on" if pinned else "fw-pin"
    drawn = _marks.icon("x" if pinned else "pinned")
    return format_html('<a class="{}" href="{}" aria-label="{}" title="{}">{}</a>', css, url, words, words, drawn)


def _filter_words(request: HttpRequest) -> str:
    return reverse("experiment-filter-words", kwargs=request.resolver_match.kwargs)  # type: ignore[union-attr]


def runs_bulk(*, may_write: bool, may_purge: bool, archived: bool) -> list[BulkAction]:
    """What may be done to the selected runs."""
    if not may_write:
        return [_COMPARE]
    found = [_COMPARE, BulkAction("Restore", "runs-restore", method="post")]
    if not archived:
        found = [_COMPARE, BulkAction("Tag", "runs-tag"), BulkAction("Archive", "runs-archive", method="post")]
    return [*found, BulkAction("Delete files", "runs-purge", danger=True)] if may_purge else found


_COMPARE = BulkAction("Compare", "run-compare", least=2, most=200)

RUNS = Table(
    key="runs",
    columns=[
        Column("name", "Run", sort="name", link=True, render=_name, csv=lambda run: run.name, aside=_pin),
        Column("id", "Id", value="pk", format="id", csv=lambda run: run.pk.hex, default_visible=False),
        Column("status", "State", sort="status", format="state"),
    ],
    filters=[
        ChoiceFilter("status", "State", Run.Status.choices),
        ChoiceFilter("recipe", "Recipe", [(one.id, one.title) for one in RECIPES.values()], lookup="params__recipe"),
        LanguageFilter(
            "filter",
            "Filter",
            narrow=lambda rows, text: rows.filter(selectors.run_condition(text)),
            words_url=_filter_words,
            placeholder='metrics.roc_auc > 0.8 AND params.depth = "5"',
        ),
        TextFilter("q", "Find a run", ["name", "params__recipe", "created_by_label"]),
        DateFilter("since", "Begun after", "started_at", "gte"),
    ],
    default_sort="-begun",
    row_url=lambda run: reverse("run-detail", args=[run.pk]),
    label="Runs",
    noun="run",
    select=True,
    bulk=[_COMPARE],
    # Counting is cheap enough to be exact for every experiment that people have.
    count_limit=1_000_000,
    parquet=True,
    empty_title="No run yet",
    empty_text="A run appears here with the first training, or when a client logs one.",
)


def runs_prepare(
    actor: Actor, known: Mapping[Any, RunOutcome] | None, pin: Callable[[Any], tuple[str, bool]]
) -> Callable[[list[Any]], None]:
    """A `prepare` that says how to pin each run and what came of it, which is asked unless all of it is `known`."""

    def prepare(rows: list[Any]) -> None:
        found = run_outcomes(actor, rows) if known is None else known
        for run in rows:
            run.outcome = found.get(run.pk)
            run.pin = pin(run)

    return prepare
