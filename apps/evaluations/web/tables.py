"""The list of evaluations."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from apps.core.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.evaluations.models import Evaluation
from apps.problems import selectors as problems


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def _title(row: Evaluation) -> str:
    against = f" against version {row.baseline_version.number}" if row.baseline_version else ""
    return f"Evaluation {row.number}: version {row.model_version.number}{against}"


EVALUATIONS = Table(
    key="evaluations",
    columns=[
        Column("name", "Evaluation", sort="number", value=_title, link=True),
        Column("state", "State", sort="state", format="state"),
        Column("finding", "Finding", value="headline", wrap=True),
        Column("problem", "Problem", sort="problem__name", value="problem.name", wrap=True),
        Column("data", "Data", value="dataset_version", default_visible=False),
        Column(
            "rows",
            "Rows",
            sort="row_count",
            value="row_count",
            format="count",
            numeric=True,
            nullable=True,
            default_visible=False,
        ),
        Column("by", "Launched by", sort="created_by_label", value="created_by_label"),
        Column("at", "Launched", sort="id", value="created_at", format="ago"),
    ],
    filters=[
        ChoiceFilter("state", "State", choices=Evaluation.State.choices),
        ChoiceFilter("problem", "Problem", choices=_problems, lookup="problem_id"),
        TextFilter("q", "Find an evaluation", ["model_version__model__name", "problem__name", "headline"]),
        DateFilter("since", "Launched after", "created_at", "gte"),
    ],
    default_sort="-at",
    row_url=lambda row: reverse("evaluation-detail", args=[row.pk]),
    label="Evaluations",
    noun="evaluation",
    empty_title="No evaluation yet",
    empty_text="An evaluation says for whom a version errs, segment by segment, on rows that it has never seen.",
)
