"""The table of targets."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.compute.contracts import use_of
from apps.compute.models import ComputeTarget
from apps.compute.services import kinds
from apps.core import formats
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter

State = ComputeTarget.State


def kind_title(target: ComputeTarget) -> str:
    """The kind in words; its name where it is not installed here."""
    about = kinds().get(target.kind)
    return about.title if about else target.kind


def price_words(target: ComputeTarget) -> str:
    """The price of an hour; a dash where none is said."""
    return formats.money(target.price_minor, target.currency) if target.price_minor is not None else "–"


def use_attach(rows: list[Any]) -> None:
    """Give each target of a page its use, in one query."""
    used = use_of([row.pk for row in rows])
    for row in rows:
        row.use = used[row.pk]


TARGETS = Table(
    key="targets",
    columns=[
        Column("name", "Target", sort="name", link=True),
        Column("state", "State", sort="state", format="state"),
        Column("kind", "Kind", sort="kind", value=kind_title),
        Column("running", "Running", value=lambda target: target.use.running, format="num", numeric=True),
        Column("waiting", "Waiting", value=lambda target: target.use.waiting, format="num", numeric=True),
        Column("slots", "At once", sort="slots", format="num", numeric=True, nullable=True),
        Column("cores", "Cores", sort="cores", format="num", numeric=True, nullable=True),
        Column("gpus", "GPUs", sort="gpus", format="num", numeric=True, nullable=True),
        Column("memory", "Memory", sort="memory_bytes", value="memory_bytes", format="bytes", nullable=True),
        Column("price", "An hour", value=price_words, numeric=True),
        Column("answered", "Answered", sort="answered_at", value="answered_at", format="ago", nullable=True),
        Column("reason", "Reason", value="state_reason", wrap=True, default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a target", ["name", "description", "address"]),
        ChoiceFilter("state", "State", [(one.value, one.label) for one in State if one != State.REMOVED]),
    ],
    default_sort="name",
    row_url=lambda target: reverse("compute-detail", args=[target.pk]),
    label="Compute targets",
    noun="target",
)
