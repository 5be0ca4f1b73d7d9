"""Columns that say of a row how much it counts, and of a ranking which rows are ranked together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.contracts.metrics import RANKING
from apps.core.errors import Invalid
from apps.datasets import selectors as datasets

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion

NUMERIC: Final = ("INTEGER", "NUMBER")


@dataclass(frozen=True, slots=True)
class RowColumns:
    """`weight` and `query` are names of columns; None takes the column that the data say is for it, "" takes none."""

    weight: str | None = None
    query: str | None = None

    @classmethod
    def of_spec(cls, spec: Mapping[str, Any]) -> RowColumns:
        """From a job's spec: what a retry asks again."""
        return cls(spec.get("weight") or "", spec.get("query") or "")

    def spec(self, data: DatasetVersion, facts: Mapping[str, Any], task: str) -> dict[str, str]:
        """As the child is told; nothing of what was not asked. Raises Invalid at the field."""
        weight = facts["weight_column"] if self.weight is None else self.weight
        query = facts["query_column"] if self.query is None else self.query
        if task == RANKING:
            if not query:
                raise Invalid.field(
                    "query_column",
                    "Say which column names the query that a row belongs to, or give that column the role “query”.",
                )
            _known(data, facts, "query_column", query)
            if self.weight:
                raise Invalid.field("weight_column", "The rows of a ranking have no weights: queries count once each.")
            return {"query": query}
        if self.query:
            raise Invalid.field("query_column", "Only a ranking has queries.")
        if not weight:
            return {}
        kind = _known(data, facts, "weight_column", weight)
        if kind not in NUMERIC:
            raise Invalid.field("weight_column", f"“{weight[:100]}” holds no numbers, so it weighs no row.")
        least = (datasets.column_profile(data, weight) or {}).get("min")
        if isinstance(least, int | float) and least <= 0:
            raise Invalid.field(
                "weight_column",
                f"A weight is more than 0; “{weight[:100]}” goes down to {least:g}. Leave such rows out.",
            )
        return {"weight": weight}


def _known(data: DatasetVersion, facts: Mapping[str, Any], field: str, name: str) -> str:
    """The type of a column that is there and is not the truth. Raises Invalid."""
    kind = next((str(one["type"]) for one in data.schema if one["name"] == name), None)
    if kind is None:
        raise Invalid.field(field, f"The table has no column “{name[:100]}”.")
    if name == facts["target"]:
        raise Invalid.field(field, f"“{name[:100]}” is the truth.")
    return kind
