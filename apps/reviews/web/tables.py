"""The list of requests."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from apps.core.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.problems import selectors as problems
from apps.reviews.models import ApprovalRequest


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


REQUESTS = Table(
    key="requests",
    columns=[
        Column(
            "name",
            "Request",
            sort="number",
            value=lambda row: f"Request {row.number}: version {row.model_version.number}",
            link=True,
        ),
        Column("state", "State", sort="state", format="state"),
        Column("finding", "Effect", value="evaluation.headline", wrap=True),
        Column("problem", "Problem", sort="problem__name", value="problem.name", wrap=True),
        Column("environment", "For", sort="environment", default_visible=False),
        Column("by", "Asked by", value="requested_by"),
        Column("at", "Asked", sort="id", value="created_at", format="ago"),
        Column("due", "Due", sort="due_at", value="due_at", format="day"),
        Column("ended", "Ended", sort="ended_at", value="ended_at", format="ago", nullable=True, default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", choices=ApprovalRequest.State.choices),
        ChoiceFilter("problem", "Problem", choices=_problems, lookup="problem_id"),
        TextFilter("q", "Find a request", ["model_version__model__name", "problem__name", "message"]),
        DateFilter("since", "Asked after", "created_at", "gte"),
    ],
    default_sort="-at",
    row_url=lambda row: reverse("review-detail", args=[row.pk]),
    label="All requests",
    noun="request",
    empty_title="No request yet",
    empty_text="A request appears here when somebody asks for a version to go live.",
)
