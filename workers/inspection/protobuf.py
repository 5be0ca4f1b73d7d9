"""Reads the fields of protocol buffer messages from a file, without the library and without loading the file.

Long fields are stepped over, so memory stays at one window; the number of fields is bounded, so that time does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

WINDOW = 1024 * 1024
MAX_FIELDS = 2_000_000
"""About three seconds of reading; repeated numbers count once for a run of them."""

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class Malformed(ValueError):
    """The bytes are no protocol buffer message, or one too finely divided to be judged."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its number, its wire type, its number as a value (VARINT), or where its bytes lie (LENGTH)."""

    number: int
    wire: int
    value: int
    start: int
    end: int


class Reader:
    """Reads one file. Not for several threads at once."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size
        self._base = 0
        self._window = b""
        self._left = MAX_FIELDS

    def bytes(self, start: int, end: int, limit: int = WINDOW) -> bytes:
        """The bytes of a short field. Raises Malformed when it is longer than `limit`."""
        if end - start > limit:
            raise Malformed("A name is too long.")
        self._cover(start, end - start)
        return self._window[start - self._base : end - self._base]

    def text(self, field: Field, limit: int = 4096) -> str:
        """A text field. Raises Malformed."""
        self.expect(field, LENGTH)
        try:
            return self.bytes(field.start, field.end, limit).decode()
        except UnicodeDecodeError:
            raise Malformed("A name is not text.") from None

    @staticmethod
    def expect(field: Field, wire: int) -> None:
        """Raises Malformed for a field that is written in another way than its type asks for."""
        if field.wire != wire:
            raise Malformed("A field has the wrong type.")

    def fields(self, start: int, end: int, lists: frozenset[int] = frozenset()) -> Iterator[Field]:
        """The fields of the message between two places. Of `lists`, numbers whose elements say nothing to the
        caller, a run of elements comes as its first one. Raises Malformed.
        """
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Malformed("It has too many fields.")
            self._cover(at, min(32, end - at))
            tag, at = self._varint(at, end)
            number, wire = tag >> 3, tag & 7
            if not number or tag > 0xFFFFFFFF:
                raise Malformed("A field has no number.")
            value, first, last = 0, at, at
            if wire == VARINT:
                value, last = self._varint(at, end)
            elif wire == LENGTH:
                length, first = self._varint(at, end)
                last = first + length
            elif wire in (FIXED64, FIXED32):
                last = at + (8 if wire == FIXED64 else 4)
            else:
                raise Malformed("A field has an unknown type.")
            if last > end:
                raise Malformed("A field is longer than its message.")
            yield Field(number, wire, value, first, last)
            at = last
            if number in lists and wire in (VARINT, FIXED32):
                at = self._run(at, end, wire, tag)

    def _run(self, at: int, end: int, wire: int, tag: int) -> int:
        """The end of the elements with the same tag that the window holds: stepped over at once."""
        self._cover(at, 0)
        own = re.escape(bytes([tag]))
        element = own + (b".{4}" if wire == FIXED32 else b"[\x80-\xff]{0,9}[\x00-\x7f]")
        held = min(end - self._base, len(self._window))
        found = re.compile(b"(?:" + element + b")+", re.DOTALL).match(self._window, at - self._base, held)
        return self._base + found.end() if found else at

    def _cover(self, start: int, length: int) -> None:
        if start < self._base or start + length > self._base + len(self._window):
            self._file.seek(start)
            self._base = start
            self._window = self._file.read(max(WINDOW, length))
            if len(self._window) < length:
                raise Malformed("The file ends too early.")

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 70:
            if at >= end:
                raise Malformed("The file ends too early.")
            offset = at - self._base
            if not 0 <= offset < len(self._window):
                self._cover(at, min(16, end - at))
                offset = at - self._base
            byte = self._window[offset]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
        raise Malformed("A number is too long.")
