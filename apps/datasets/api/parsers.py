"""Raw bytes of one part, with a bound, so that a request never holds more than one part in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from apps.core.errors import Invalid, TooLarge
from apps.datasets.contracts import MAX_PART_BYTES


class PartBody:
    """The bytes of one part, given once: a request that waits for the garbage collector must not keep them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self) -> bytes:
        """The bytes; nothing when they were taken before."""
        data, self._data = self._data, b""
        return data


class PartParser(BaseParser):
    """Reads an octet stream of at most MAX_PART_BYTES; a body that ends early is refused."""

    media_type = "application/octet-stream"

    def parse(  # type: ignore[override]
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> PartBody:
        """The body. Raises TooLarge, and Invalid when fewer bytes arrived than were announced."""
        request = (parser_context or {})["request"]
        raw = request.META.get("CONTENT_LENGTH") or ""
        announced = int(raw) if raw.isdigit() else None
        if announced is not None and announced > MAX_PART_BYTES:
            raise TooLarge(f"A part has at most {MAX_PART_BYTES} bytes.")
        pieces: list[bytes] = []
        size = 0
        while size <= MAX_PART_BYTES and (piece := stream.read(1024 * 1024)):
            pieces.append(piece)
            size += len(piece)
        if size > MAX_PART_BYTES:
            raise TooLarge(f"A part has at most {MAX_PART_BYTES} bytes.")
        if announced is not None and size != announced:
            raise Invalid(f"{announced} bytes were announced and {size} arrived. Send the part again.")
        return PartBody(b"".join(pieces))
