"""The list of deployments."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.core.tables import ChoiceFilter, Column, Table, TextFilter
from apps.deployments.models import Deployment


def _live(row: Any) -> str:
    return f"v{row.live_number}" if row.live_number is not None else ""


DEPLOYMENTS = Table(
    key="deployments",
    columns=[
        Column("name", "Deployment", sort="name", link=True),
        Column("state", "State", sort="state", format="state"),
        Column("live", "Answers", sort="live_number", value=_live, nullable=True),
        Column("since", "Since", sort="live_since", value="live_since", format="ago", nullable=True),
        Column("environment", "Environment", sort="environment"),
        Column("model", "Model", sort="model__name", value=lambda row: row.model.name),
        Column("problem", "Problem", sort="problem__name", value=lambda row: row.problem.name, default_visible=False),
        Column("created", "Created", sort="id", value="created_at", format="ago", default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", choices=Deployment.State.choices),
        TextFilter("q", "Find a deployment", ["name", "model__name"]),
    ],
    default_sort="name",
    row_url=lambda row: reverse("deployment-detail", args=[row.pk]),
)
