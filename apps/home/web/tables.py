"""The list of stored files."""

from __future__ import annotations

from django.urls import reverse

from apps.core.models import StoredBlob
from apps.core.tables import ChoiceFilter, Column, DateFilter, NumberFilter, Table, TextFilter


def _state(blob: StoredBlob) -> str:
    if blob.fault:
        return str(blob.get_fault_display())
    return "as written" if blob.checked_at else "not checked yet"


FILES = Table(
    key="stored-files",
    columns=[
        Column("sha256", "SHA-256", value="pk", format="id", link=True),
        Column("size", "Size", sort="size", numeric=True, format="bytes"),
        Column("created", "First stored", sort="created_at", value="created_at", format="ago"),
        Column("written", "Last written", sort="written_at", value="written_at", format="ago", default_visible=False),
        Column("checked", "Checked", sort="checked_at", value="checked_at", format="ago"),
        Column("state", "State", sort="fault", value=_state),
    ],
    filters=[
        ChoiceFilter("fault", "Fault", [c for c in StoredBlob.Fault.choices if c[0]]),
        TextFilter("q", "Find a hash", ["sha256"]),
        NumberFilter("least", "Bytes at least", "size", "gte"),
        DateFilter("since", "Stored after", "created_at", "gte"),
    ],
    default_sort="-size",
    row_url=lambda row: reverse("storage-file", args=[row.pk]),
    empty_title="Nothing is stored yet",
    empty_text="Files come with the first dataset.",
)
