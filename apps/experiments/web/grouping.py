"""The runs of a table in groups by a param or tag; one group at a time is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from django.http import HttpRequest

from apps.core.errors import Invalid
from apps.core.filter_language import name_written
from apps.core.tables import BoundTable
from apps.experiments import selectors
from apps.experiments.models import Run
from apps.experiments.web.words import MetricWords, metric_words, number_of

METRICS = 4
OPEN_ROWS = 20
_COLUMNS = {"p": "params", "t": "tags"}
_MISSING = "-"
# A longer text would not fit the address of its runs.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Member:
    """A run of an open group."""

    run: Run
    values: list[str]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A drawn group: mean and best of each metric, where a click leads, and its runs while it is open."""

    label: str
    count: int
    cells: list[tuple[str, str]]
    toggle_url: str
    all_url: str
    open: bool
    members: list[Member]


@dataclass(frozen=True, slots=True)
class Grouping:
    """A table in groups."""

    label: str
    metrics: list[MetricWords]
    rows: list[GroupRow]
    more: bool


def group_choices(sample: Sequence[Run]) -> list[tuple[str, str]]:
    """(name in the address, words) of the params and tags of these runs; MLflow's own tags are left out."""
    params = sorted({key for run in sample for key in run.params})
    tags = sorted({key for run in sample for key in run.tags if not key.startswith("mlflow.")})
    return [
        *((f"p.{quote(key, safe='')}", key) for key in params),
        *((f"t.{quote(key, safe='')}", f"tag {key}") for key in tags),
    ]


def grouping_of(request: HttpRequest, table: BoundTable) -> Grouping | None:
    """The groups that the address asks for; None when it asks for none."""
    letter, _, quoted = request.GET.get("group", "").replace("\0", "").partition(".")
    column, key = _COLUMNS.get(letter), unquote(quoted).replace("\0", "")
    if column is None or not key:
        return None
    asked = [unquote(one.key.removeprefix("m.")) for one in table.visible if one.key.startswith("m.")]
    metrics = [metric_words(one) for one in asked[:METRICS]]
    groups, more = selectors.run_groups(table.filtered, column, key, [words.key for words in metrics])
    opened = request.GET.get("open", "")
    rows = [_row(table, column, key, group, metrics, opened) for group in groups]
    return Grouping(key if column == "params" else f"tag {key}", metrics, rows, more)


def _row(
    table: BoundTable, column: str, key: str, group: selectors.RunGroup, metrics: list[MetricWords], opened: str
) -> GroupRow:
    mark = _MISSING if group.text is None else f"={group.text}"
    field = name_written(column, key)
    quoted = "" if group.text is None else group.text.replace("'", "''")
    clause = f"{field} IS NULL" if group.text is None else f"{field} = '{quoted}'"
    is_open = mark == opened
    before = table.request.GET.get(table.name("filter"), "").strip()
    whole = f"({before}) AND {clause}" if before else clause
    fits = len(mark) <= _LONGEST and _readable(whole)
    return GroupRow(
        label="not set" if group.text is None else group.text,
        count=group.count,
        cells=[_cell(words, spread) for words, spread in zip(metrics, group.spreads, strict=True)],
        toggle_url=table.url(open=None if is_open else mark) if fits else "",
        all_url=table.url(group=None, open=None, filter=f"({before}) AND {clause}" if before else clause)
        if fits
        else "",
        open=is_open,
        members=_members(table, clause, metrics) if is_open and fits else [],
    )


def _readable(text: str) -> bool:
    """Names with every kind of quote have no spelling in the language."""
    try:
        selectors.run_condition(text)
    except Invalid:
        return False
    return True


def _cell(words: MetricWords, spread: selectors.Spread) -> tuple[str, str]:
    """Mean and best; where neither direction is better, the range."""
    if words.lower is None:
        low, high = words.show(spread.low), words.show(spread.high)
        return words.show(spread.mean), low if low == high else f"{low} to {high}"
    return words.show(spread.mean), words.show(spread.low if words.lower else spread.high)


def _members(table: BoundTable, clause: str, metrics: list[MetricWords]) -> list[Member]:
    """The first runs of a group, in the order of the table."""
    rows = table.filtered.filter(selectors.run_condition(clause))
    part: Any = replace(table, queryset=rows, filters=[])
    return [
        Member(run, [words.show(number_of(run.metrics_latest.get(words.key))) for words in metrics])
        for run in part.slice.rows[:OPEN_ROWS]
    ]
