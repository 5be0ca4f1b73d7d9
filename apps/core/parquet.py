"""Tables as Parquet: rows go to a process of its own (`workers.runner.parquet`); the web loads no data library."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import IO, Any

from apps.core.errors import Unavailable
from workers.contracts.tables import writer_command

_PIECE = 1024 * 1024


class Kind(Enum):
    """What a column holds."""

    NUMBER = "number"
    TEXT = "text"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """A column; what does not fit its kind is written as missing."""

    name: str
    kind: Kind


def parquet_stream(columns: Sequence[ParquetColumn], groups: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """The bytes of a file; each group is a list of rows of as many values as there are columns.

    The file is written to the disk group by group and sent from there, so memory stays flat. Raises Unavailable when
    the process that writes it fails.
    """
    with tempfile.TemporaryFile(prefix="fairway-parquet-") as target:
        _write(target, columns, groups)
        target.seek(0)
        while piece := target.read(_PIECE):
            yield piece


def _write(target: IO[bytes], columns: Sequence[ParquetColumn], groups: Iterable[Sequence[Sequence[Any]]]) -> None:
    arguments, environment, directory = writer_command()
    process = subprocess.Popen(  # noqa: S603 - our own program, without a shell
        arguments,
        env=environment,
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=target,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None  # noqa: S101 - asked for above
        with process.stdin as rows:
            rows.write(_line([[column.name, column.kind.value] for column in columns]))
            for group in groups:
                rows.write(_line([[_plain(c.kind, v) for c, v in zip(columns, row, strict=True)] for row in group]))
        failed = process.wait() != 0
    except BrokenPipeError:
        failed = True
    finally:
        process.kill()
        process.wait()
    if failed:
        raise Unavailable("The file could not be written. Try again in a moment.")


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _plain(kind: Kind, value: Any) -> Any:
    """A value as JSON has it; a moment in milliseconds since 1970."""
    if value is None or value == "":
        return None
    if kind is Kind.TEXT:
        return str(value).encode("utf-8", "replace").decode()
    if kind is Kind.MOMENT:
        return math.floor(value.timestamp() * 1000) if isinstance(value, datetime) else None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
