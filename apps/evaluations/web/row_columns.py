"""What forms offer as the column that rows count by, and as the one that ranks rows together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.datasets.contracts import ColumnRole

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion

NUMBERS: Final = ("INTEGER", "NUMBER")
MOST_COLUMNS: Final = 500


def role_column(data: DatasetVersion | None, role: ColumnRole) -> str:
    """The column of a role; empty where there is none."""
    schema = data.schema if data is not None else []
    return next((str(one["name"]) for one in schema if one["role"] == role), "")


def weight_choices(data: DatasetVersion | None) -> list[tuple[str, str]]:
    """Columns of numbers that are not the truth."""
    schema = data.schema if data is not None else []
    held = [one for one in schema if one["type"] in NUMBERS and one["role"] not in (ColumnRole.TARGET, ColumnRole.ID)]
    return [("", "Once each"), *((str(one["name"]), f"by their {one['name']}") for one in held[:MOST_COLUMNS])]


def query_choices(data: DatasetVersion | None) -> list[tuple[str, str]]:
    """Columns that are not the truth."""
    schema = data.schema if data is not None else []
    held = [one for one in schema if one["role"] != ColumnRole.TARGET]
    return [("", "Choose a column"), *((str(one["name"]), str(one["name"])) for one in held[:MOST_COLUMNS])]
