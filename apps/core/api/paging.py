"""Cursor paging for JSON lists: by key, never by offset."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

from apps.core.errors import Invalid


class KeyPagination(CursorPagination):
    """Newest first; `page_size` up to 200. Raises Invalid at `cursor` and `page_size`."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-id"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, DataError, ValueError) as error:
            # A position that the column cannot hold is found out only when the rows are read.
            raise Invalid.field(self.cursor_query_param, "Take it from `next` or `previous` of an answer.") from error

    def get_page_size(self, request: Any) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if raw is None:
            return self.page_size
        if not (raw.isascii() and raw.isdigit() and 1 <= int(raw[:9]) <= self.max_page_size):
            raise Invalid.field(self.page_size_query_param, f"A whole number from 1 to {self.max_page_size}.")
        return int(raw)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a page in OpenAPI 3.1, which knows no `nullable`."""
        link = {"type": ["string", "null"], "format": "uri", "description": "Address of that page; null at the end."}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
