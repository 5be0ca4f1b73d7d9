"""The body of a request as a stream that is read once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from apps.core.blobs import CHUNK


class Body:
    """The bytes of a request, in pieces of 1 MiB as they come in."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._stream.read(CHUNK):
            yield chunk


class BodyParser(BaseParser):
    """Takes an octet stream and reads nothing of it yet."""

    media_type = "application/octet-stream"

    def parse(  # type: ignore[override]
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Body:
        return Body(stream)
