"""Cursor paging for JSON lists: by key, never by offset."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination


class KeyPagination(CursorPagination):
    """Newest first; `page_size` up to 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "-id"

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a page in OpenAPI 3.1, which knows no `nullable`."""
        link = {"type": ["string", "null"], "format": "uri", "description": "Address of that page; null at the end."}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
