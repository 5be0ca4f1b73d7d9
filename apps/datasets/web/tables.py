"""The list of datasets."""

from __future__ import annotations

from django.db.models import F
from django.urls import reverse

from apps.core.tables import Column, Table, TextFilter

DATASETS = Table(
    key="datasets",
    columns=[
        Column("name", "Dataset", sort="name", link=True),
        Column("state", "Newest version", sort=F("newest_state"), format="state", value="newest_state"),
        Column("versions", "Versions", sort=F("version_count"), format="count", value="version_count"),
        Column("rows", "Rows", sort=F("newest_rows"), format="num", value="newest_rows"),
        Column("problem", "Problem", sort="problem__name", value=lambda row: row.problem.name if row.problem else ""),
        Column("licence", "Licence", sort="licence", value="licence"),
        Column("bytes", "Stored", sort=F("bytes"), format="bytes", value="bytes"),
        Column("created", "Registered", sort="created_at", format="ago", value="created_at"),
    ],
    filters=[TextFilter("q", "Find a dataset", ["name", "source"])],
    default_sort="-created",
    row_url=lambda row: reverse("dataset-detail", args=[row.pk]),
    noun="dataset",
    empty_title="No data has been registered in this team",
    empty_text="A dataset is a named source of rows; each upload becomes a version that never changes.",
)
