"""The tables of evaluation datasets and of the records of one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from apps.accounts import selectors as accounts
from apps.core.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.experiments import selectors
from apps.experiments.models import EvaluationRecord

# Characters of a value in a row; the page of the record has all of them.
SHOWN = 200
TAGS_SHOWN = 3
EXPERIMENTS_SHOWN = 2
SOURCES = {
    "TRACE": "trace",
    "HUMAN": "person",
    "DOCUMENT": "document",
    "CODE": "code",
    "UNSPECIFIED": "not said",
}
# Characters of JSON that a file holds in memory at once.
_AT_ONCE = 8_000_000


def tags_html(tags: dict[str, Any]) -> Any:
    """The first tags, and how many more there are."""
    told = sorted(tags.items())[:TAGS_SHOWN]
    drawn = format_html_join(
        " ", '<span class="fw-kind">{} {}</span>', ((key[:40], str(value)[:40]) for key, value in told)
    )
    more = len(tags) - len(told)
    return format_html('{} <span class="fw-3">and {} more</span>', drawn, more) if more > 0 else drawn


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _for(dataset: Any) -> Any:
    """The first experiments as links, and how many more there are."""
    told = dataset.judged[:EXPERIMENTS_SHOWN]
    links = format_html_join(
        ", ", '<a href="{}">{}</a>', ((reverse("experiment-detail", args=[pk]), name[:60]) for pk, name, _ in told)
    )
    more = len(dataset.judged) - len(told)
    return format_html('{} <span class="fw-3">and {} more</span>', links, more) if more > 0 else links


def _ids(values: Sequence[str]) -> list[uuid.UUID]:
    found = []
    for value in values:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return found


class ExperimentFilter(ChoiceFilter):
    """Datasets for one of some experiments."""

    def clean(self, values: Sequence[str]) -> list[str]:
        return [str(pk) for pk in _ids(super().clean(values))]

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return selectors.evaluation_datasets_for(queryset, _ids(values))


def _experiments(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    team = accounts.team_current(request)
    rows = selectors.evaluation_dataset_choices(request.actor, team_id=team.pk if team else None)  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows]


EVALUATION_DATASETS = Table(
    key="evaluation-datasets",
    columns=[
        Column("name", "Evaluation dataset", sort="name", link=True, wrap=True),
        Column("tags", "Tags", render=lambda row: tags_html(row.tags), csv=lambda row: json_text(row.tags), wrap=True),
        Column(
            "records",
            "Records",
            sort="record_count",
            value=lambda row: row.record_count or 0,
            format="count",
            nullable=True,
        ),
        Column(
            "experiments",
            "Experiments",
            sort="experiment_count",
            render=_for,
            csv=lambda row: ", ".join(str(number) for _, _, number in row.judged),
            wrap=True,
            nullable=True,
        ),
        Column("changed", "Changed", sort="updated_at", value="updated_at", format="ago"),
        Column("by", "Changed by", sort="updated_by_label", value="updated_by_label", default_visible=False),
        Column("made", "Created", sort="created_at", value="created_at", format="ago", default_visible=False),
        Column("maker", "Created by", sort="created_by_label", value="created_by_label", default_visible=False),
        Column(
            "id",
            "Id",
            value=lambda row: f"d-{row.pk.hex}",
            format="code",
            help="The id that MLflow clients use",
            default_visible=False,
        ),
    ],
    filters=[
        TextFilter("q", "Find by name or tag", ["name", "tags"]),
        ExperimentFilter("experiment", "Experiment", _experiments),
        DateFilter("since", "Changed after", "updated_at", "gte"),
    ],
    default_sort="-changed",
    row_url=lambda row: reverse("evaluation-dataset-detail", args=[row.pk]),
    label="Evaluation datasets",
    noun="evaluation dataset",
)


def experiments_attach(rows: list[Any]) -> None:
    """Say for which experiments each dataset of a page is."""
    found = selectors.evaluation_dataset_experiments(rows)
    for dataset in rows:
        dataset.judged = found.get(dataset.pk, [])


class Whole:
    """The whole values of the rows of a file, read a few megabytes at a time."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows
        self._place = {row.pk: place for place, row in enumerate(rows)}
        self._held: dict[uuid.UUID, EvaluationRecord] = {}

    def of(self, row: Any) -> EvaluationRecord | None:
        """The record with its values; None when it was removed meanwhile."""
        if row.pk not in self._held:
            self._held = selectors.evaluation_records_whole(self._next(self._place[row.pk]))
        return self._held.get(row.pk)

    def _next(self, place: int) -> list[uuid.UUID]:
        chosen: list[uuid.UUID] = []
        total = 0
        for row in self._rows[place:]:
            total += row.size
            if chosen and total > _AT_ONCE:
                break
            chosen.append(row.pk)
        return chosen


def whole_attach(rows: list[Any]) -> None:
    """Give each row of a file the way to its whole values."""
    whole = Whole(rows)
    for row in rows:
        row.whole = whole


def _head(name: str) -> Any:
    def show(row: Any) -> str | None:
        text = getattr(row, f"{name}_head")
        if text in (None, "null", "{}"):
            return None
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"

    return show


def _file(name: str) -> Any:
    def write(row: Any) -> str:
        record = row.whole.of(row)
        value = getattr(record, name) if record else None
        return "" if value in (None, {}) else json_text(value)

    return write


def _record_tags(row: Any) -> Any:
    """As tags where their beginning is all of them, else the beginning."""
    try:
        return tags_html(json.loads(row.tags_head or "{}"))
    except ValueError:
        return _head("tags")(row)


def _value(key: str, label: str, *, link: bool = False) -> Column:
    return Column(key, label, render=_head(key), csv=_file(key), link=link, wrap=True, css="fw-cut")


RECORDS = Table(
    key="records",
    columns=[
        _value("inputs", "Inputs", link=True),
        _value("outputs", "Outputs"),
        _value("expectations", "Expectations"),
        Column("tags", "Tags", render=_record_tags, csv=_file("tags"), wrap=True, css="fw-cut"),
        Column(
            "source",
            "Source",
            sort="source_type",
            value=lambda row: SOURCES.get(row.source_type or "", row.source_type),
            nullable=True,
        ),
        Column("changed", "Changed", sort="updated_at", value="updated_at", format="ago"),
        Column("came", "Added", sort="id", value="created_at", format="ago", default_visible=False),
        Column("by", "Added by", sort="created_by_label", value="created_by_label", default_visible=False),
        Column("id", "Id", value=lambda row: f"dr-{row.pk.hex}", format="code", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find in the records", ["inputs", "outputs", "expectations", "tags"]),
        ChoiceFilter("source", "Source", list(SOURCES.items()), lookup="source_type"),
        DateFilter("since", "Changed after", "updated_at", "gte"),
    ],
    default_sort="came",
    row_url=lambda row: reverse("evaluation-record-detail", args=[row.pk]),
    label="Records",
    noun="record",
    count_limit=100_000,
    empty_title="No record yet",
    empty_text="Records are added with MLflow's client: dataset.merge_records([…]), see “Use in Python”.",
)
