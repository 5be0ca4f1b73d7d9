"""Declarative server-side tables: sorted, filtered and paged by key in the database, state in the address.

A room declares a `Table` once, binds it to a request and an already scoped queryset, and answers with
`table_response`: the whole page, its htmx part, or a CSV file.
"""

from apps.core.tables.columns import Column
from apps.core.tables.filters import (
    BooleanFilter,
    ChoiceFilter,
    DateFilter,
    Filter,
    LanguageFilter,
    NumberFilter,
    TextFilter,
)
from apps.core.tables.parts import BulkAction
from apps.core.tables.response import part_alone, table_response
from apps.core.tables.table import BoundTable, Table
from apps.core.tables.walk import Walk

__all__ = [
    "BooleanFilter",
    "BoundTable",
    "BulkAction",
    "ChoiceFilter",
    "Column",
    "DateFilter",
    "Filter",
    "LanguageFilter",
    "NumberFilter",
    "Table",
    "TextFilter",
    "Walk",
    "part_alone",
    "table_response",
]
