"""The list of problems."""

from __future__ import annotations

from django.urls import reverse

from apps.core.tables import ChoiceFilter, Column, Table, TextFilter
from apps.problems.models import Problem, RiskClass

PROBLEMS = Table(
    key="problems",
    columns=[
        Column("name", "Problem", sort="name", link=True),
        Column("state", "State", sort="state", format="state"),
        Column("owner", "Product owner", sort="owner__username", value=lambda row: str(row.owner)),
        Column("risk", "Risk class", sort="risk_class", value="get_risk_class_display"),
        Column("created", "Begun", sort="created_at", format="ago", value="created_at"),
        Column("by", "Begun by", value="created_by_label", default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", Problem.State.choices),
        ChoiceFilter("risk", "Risk class", RiskClass.choices, lookup="risk_class"),
        TextFilter("q", "Find a problem", ["name"]),
    ],
    default_sort="-created",
    row_url=lambda row: reverse("problem-detail", args=[row.pk]),
    noun="problem",
    empty_title="No problem has been registered in this team",
    empty_text="A problem says which question a model is to answer, what each error costs and for whom it must not be "
    "worse. Everything else hangs on it.",
)
