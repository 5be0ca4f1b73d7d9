"""Parquet files, written as they are sent: one group of rows after the other, in constant memory and without a library.

The web process holds no data library, and a table needs little of the format: flat optional columns of numbers, texts
and moments, plain pages packed by gzip. After https://parquet.apache.org/docs/file-format/; the headers are Thrift's
compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

_MAGIC = b"PAR1"
_GZIP = 2
_PLAIN, _RLE = 0, 3
_I32, _I64, _TEXT, _LIST, _STRUCT = 5, 6, 8, 9, 12


class Kind(Enum):
    """What a column holds: (physical type, converted type or None)."""

    NUMBER = (5, None)
    TEXT = (6, 0)
    MOMENT = (2, 9)


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """A column; what does not fit its kind is written as missing."""

    name: str
    kind: Kind


def parquet_stream(columns: Sequence[ParquetColumn], groups: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """The bytes of a file; each group is a list of rows of as many values as there are columns."""
    yield _MAGIC
    place, total, written = len(_MAGIC), 0, []
    for rows in groups:
        begun, chunks = place, []
        for number, column in enumerate(columns):
            page, chunk = _chunk(column, [row[number] for row in rows], place)
            yield page
            place += len(page)
            chunks.append(chunk)
        total += len(rows)
        sizes = [(1, _LIST, (_STRUCT, chunks)), (2, _I64, place - begun), (3, _I64, len(rows))]
        written.append(_struct(sizes))
    footer = _footer(columns, written, total)
    yield footer + struct.pack("<I", len(footer)) + _MAGIC


def _chunk(column: ParquetColumn, values: Sequence[Any], place: int) -> tuple[bytes, bytes]:
    """A column of a group as one page, and what the footer says of it."""
    plain = [_plain(column.kind, value) for value in values]
    levels = _levels([value is not None for value in plain])
    body = struct.pack("<I", len(levels)) + levels + b"".join(value for value in plain if value is not None)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(body) + packer.flush()
    data = [(1, _I32, len(values)), (2, _I32, _PLAIN), (3, _I32, _RLE), (4, _I32, _RLE)]
    head = _struct([(1, _I32, 0), (2, _I32, len(body)), (3, _I32, len(packed)), (5, _STRUCT, _struct(data))])
    page = head + packed
    told = _struct(
        [
            (1, _I32, column.kind.value[0]),
            (2, _LIST, (_I32, [_int(_PLAIN), _int(_RLE)])),
            (3, _LIST, (_TEXT, [_text(column.name)])),
            (4, _I32, _GZIP),
            (5, _I64, len(values)),
            (6, _I64, len(head) + len(body)),
            (7, _I64, len(page)),
            (9, _I64, place),
        ]
    )
    return page, _struct([(2, _I64, place), (3, _STRUCT, told)])


def _plain(kind: Kind, value: Any) -> bytes | None:
    if value is None or value == "":
        return None
    if kind is Kind.TEXT:
        encoded = str(value).encode("utf-8", "replace")
        return struct.pack("<I", len(encoded)) + encoded
    if kind is Kind.MOMENT:
        return struct.pack("<q", math.floor(value.timestamp() * 1000)) if isinstance(value, datetime) else None
    try:
        return struct.pack("<d", float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _levels(there: Sequence[bool]) -> bytes:
    """Which values are there, a bit each, as one bit-packed run."""
    bits = bytearray((len(there) + 7) // 8)
    for number, is_there in enumerate(there):
        bits[number // 8] |= is_there << (number % 8)
    return _varint(len(bits) << 1 | 1) + bytes(bits)


def _footer(columns: Sequence[ParquetColumn], groups: list[bytes], rows: int) -> bytes:
    schema = [_struct([(4, _TEXT, _text("rows")), (5, _I32, len(columns))])]
    for column in columns:
        physical, converted = column.kind.value
        fields: list[tuple[int, int, Any]] = [(1, _I32, physical), (3, _I32, 1), (4, _TEXT, _text(column.name))]
        schema.append(_struct(fields + ([] if converted is None else [(6, _I32, converted)])))
    return _struct(
        [
            (1, _I32, 1),
            (2, _LIST, (_STRUCT, schema)),
            (3, _I64, rows),
            (4, _LIST, (_STRUCT, groups)),
            (6, _TEXT, _text("Fairway")),
        ]
    )


def _struct(fields: Sequence[tuple[int, int, Any]]) -> bytes:
    """A Thrift structure of (field, type, value); structures and texts come as bytes, lists as (type, items)."""
    parts, last = [], 0
    for number, kind, value in fields:
        parts.append(bytes([(number - last) << 4 | kind]))
        last = number
        if kind == _LIST:
            item_kind, items = value
            size = len(items)
            parts.append(bytes([size << 4 | item_kind]) if size < 15 else bytes([0xF0 | item_kind]) + _varint(size))
            parts += items
        else:
            parts.append(_int(value) if kind in (_I32, _I64) else value)
    return b"".join(parts) + b"\0"


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    return _varint(len(encoded)) + encoded


def _int(value: int) -> bytes:
    return _varint(value << 1 ^ value >> 63)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
