"""The files of a model as an inspector sees them: names, sizes and a way to read them; a folder or a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO


class Refused(Exception):
    """Why a file is quarantined, in one sentence for people."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file: its path inside the model, its size in bytes, and `open`, which gives it seekable and binary."""

    path: str
    size: int
    open: Callable[[], IO[bytes]]

    def head(self, count: int) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(count)
