"""The OpenAPI document of the JSON API; it changes only with the code, so each process makes it once."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework.renderers import BaseRenderer


@cache
def document() -> dict[str, Any]:
    """The document as JSON values."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def document_drawn(renderer: type[BaseRenderer]) -> bytes:
    """The document as a renderer writes it; megabytes, which take seconds."""
    drawn: bytes = renderer().render(document(), renderer_context={})
    return drawn
