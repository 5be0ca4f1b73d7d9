"""The table of the ledger."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.core import formats
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter
from apps.experiments import selectors
from apps.experiments.models import Lesson
from apps.experiments.web.words import metric_words
from apps.problems import selectors as problems


def _asked(request: HttpRequest | None, field: str) -> list[str]:
    if request is None:
        return []
    rows = selectors.lesson_list(request.actor).exclude(**{field: ""})  # type: ignore[attr-defined]
    return list(rows.order_by(field).values_list(field, flat=True).distinct()[:200])


def _metrics(request: HttpRequest | None) -> list[tuple[str, str]]:
    return [(key, metric_words(key).title) for key in _asked(request, "metric")]


def _segments(request: HttpRequest | None) -> list[tuple[str, str]]:
    return [(name, name) for name in _asked(request, "segment")]


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def _difference(lesson: Any) -> str:
    value = selectors.lesson_difference(lesson)
    return formats.UNDEFINED if value is None else metric_words(lesson.metric).show_difference(value)


def lesson_on(lesson: Any) -> str:
    """What it is about: "Cost per 100, validation, women"."""
    words = metric_words(lesson.metric).title if lesson.metric else ""
    return ", ".join(part for part in (words, lesson.segment) if part)


def _taught(lesson: Any) -> Any:
    return format_html("<span class='fw-pretty'>{}</span>", lesson.text)


LEDGER = Table(
    key="ledger",
    columns=[
        Column("run", "Run", sort="run__name", value="run.name", link=True, wrap=True),
        Column("effect", "Effect", sort="effect", format="state"),
        Column("on", "On", sort="metric", value=lesson_on, wrap=True),
        Column("difference", "Difference", value=_difference, numeric=True, help="Against the run it is measured by"),
        Column("text", "What it taught", value="text", render=_taught, wrap=True),
        Column("experiment", "Experiment", sort="run__experiment__name", value="run.experiment.name", wrap=True),
        Column("by", "By", sort="created_by_label", value="created_by_label", default_visible=False),
        Column("when", "When", sort="updated_at", value="updated_at", format="ago"),
    ],
    filters=[
        ChoiceFilter("effect", "Effect", Lesson.Effect.choices),
        ChoiceFilter("metric", "Metric", _metrics),
        ChoiceFilter("segment", "Segment", _segments),
        ChoiceFilter("problem", "Problem", _problems, lookup="run__experiment__problem_id"),
        TextFilter("q", "Find a lesson", ["text", "run__name", "run__experiment__name"]),
    ],
    default_sort="-when",
    row_url=lambda lesson: reverse("run-detail", args=[lesson.run_id]),
    label="Ledger",
    noun="lesson",
    empty_title="Nothing was written down yet",
    empty_text="Open a run and say what it taught: whoever comes next need not try it again.",
)
