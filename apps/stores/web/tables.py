"""The tables of stores and of moves."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.core import formats
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter
from apps.stores.models import StorageBackend, StorageMove
from apps.stores.selectors import growth_of

State = StorageBackend.State


def shown_state(backend: StorageBackend) -> str:
    """The state, or that it does not answer, which matters more."""
    return "FAILING" if backend.fault else str(backend.state)


def state_words(backend: StorageBackend) -> str:
    """The state in words; a store that does not answer is both."""
    return f"{backend.get_state_display()}, failing" if backend.fault else str(backend.get_state_display())


def where_words(backend: StorageBackend) -> str:
    """Where the bytes lie, without anything secret."""
    if backend.builtin:
        return "STORAGE_URL"
    place = f"{backend.location}/{backend.prefix}".rstrip("/") if backend.prefix else backend.location
    return f"{place} at {backend.endpoint_url}" if backend.endpoint_url else place


def grown_words(grown: int | None) -> str:
    """Bytes more than 30 days ago, with their sign; a dash where nobody measured then."""
    if grown is None:
        return "–"
    return formats.signed(formats.size(grown)) if grown else "0"


def growth_attach(rows: list[Any]) -> None:
    """Give each store of a page its use and growth."""
    growth = growth_of(rows)
    for row in rows:
        row.growth = growth[row.pk]


STORES = Table(
    key="stores",
    columns=[
        Column("name", "Backend", sort="name", link=True),
        Column("state", "State", sort="state", value=shown_state, format="state"),
        Column("kind", "Kind", sort="kind", value=lambda row: row.get_kind_display()),
        Column("where", "Where", value=where_words, wrap=True),
        Column("files", "Files", value=lambda row: row.growth.now.files, format="num", numeric=True),
        Column("bytes", "Bytes", value=lambda row: row.growth.now.bytes, format="bytes"),
        Column("grown", "In 30 days", value=lambda row: grown_words(row.growth.grown), numeric=True),
        Column("answered", "Answered", sort="answered_at", value="answered_at", format="ago", nullable=True),
        Column("reason", "Reason", value="state_reason", wrap=True, default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a backend", ["name", "description", "location"]),
        ChoiceFilter("state", "State", [(one.value, one.label) for one in State if one != State.REMOVED]),
    ],
    default_sort="name",
    row_url=lambda row: reverse("store-detail", args=[row.pk]),
    label="Storage backends",
    noun="backend",
)

MOVES = Table(
    key="store-moves",
    columns=[
        Column("team", "Team", value=lambda row: row.team.name, link=True),
        Column("state", "State", sort="state", format="state"),
        Column("source", "From", value=lambda row: row.source.name),
        Column("target", "To", value=lambda row: row.target.name),
        Column("files", "Files", value="files_done", format="num", numeric=True),
        Column("of", "Of", value="files_total", format="num", numeric=True),
        Column("bytes", "Bytes", value="bytes_done", format="bytes"),
        Column("begun", "Begun", sort="created_at", value="created_at", format="ago"),
        Column("ended", "Ended", sort="ended_at", value="ended_at", format="ago", nullable=True),
    ],
    filters=[ChoiceFilter("state", "State", list(StorageMove.State.choices))],
    default_sort="-begun",
    row_url=lambda row: reverse("store-move-detail", args=[row.pk]),
    label="Moves",
    noun="move",
)
