"""The output file of an attempt: one record a line, `<Unix seconds>TAB<text>NEWLINE`, appended and read by
byte offset.
"""

import os
from pathlib import Path

from workers.contracts.jobspec import Line

NAME = "output.log"
LONGEST = 32 * 1024
_UP = b"\x1b[A"
READ_BYTES = 1024 * 1024


class OutputWriter:
    """Turns raw output into dated records. A line that never ends is cut after LONGEST bytes."""

    def __init__(self, directory: Path, limit: int, *, file: int | None = None) -> None:
        path = directory / NAME
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if file is None else file
        self._rest = b""
        self._held: list[bytes] = []
        self._left = limit
        self._cut = False

    def feed(self, data: bytes, at: float) -> None:
        """Takes raw bytes as they came. Raises OSError when the disk is full."""
        *whole, rest = (self._rest + data).split(b"\n")
        records: list[bytes] = []
        for line in whole:
            records += self._drawn(line)
        if len(rest) > LONGEST:
            rest = _redrawn(rest)
            *early, rest = _pieces(rest)
            records += early
        self._rest = rest
        self._write(records, at)

    def _drawn(self, line: bytes) -> list[bytes]:
        """The records of a complete line. Those of bars inside each other wait: the next may be drawn over them.

        tqdm draws an inner bar as newline, return, bar, cursor up; what follows on that line is the outer bar's.
        """
        inner, up, outer = line.partition(_UP)
        if up and inner.startswith(b"\r") and len(line) <= LONGEST:
            before = self._held[:1] if len(self._held) == 2 else []
            shown = _redrawn(outer).strip(b"\r") if outer.startswith(b"\r") else b""
            self._held = [*([shown] if shown else before), _redrawn(inner)]
            return [] if shown or not outer.strip(b"\r") else [outer]
        return [*self._held_take(over=line.startswith(b"\r")), *_pieces(_redrawn(line))]

    def _held_take(self, *, over: bool = False) -> list[bytes]:
        """What waits, the outer bar first; `over`: without the inner bar, which is drawn over."""
        held, self._held = self._held, []
        return held[:-1] if over else held

    def close(self, at: float) -> None:
        """Writes what is left of an unfinished line and closes the file."""
        self.rest_write(at)
        os.close(self.descriptor)

    def rest_write(self, at: float) -> None:
        """Writes what is left of an unfinished line as a line."""
        self._write(self._held_take(), at)
        if self._rest:
            self._write(_pieces(_redrawn(self._rest)), at)
            self._rest = b""

    def say(self, text: str, at: float) -> None:
        """Adds a line of the runner's own, after what has come so far."""
        self.rest_write(at)
        self._write([text.encode()], at, always=True)

    def record(self, stamp: bytes, text: bytes) -> bytes:
        """One dated line of the file; `stamp` ends with the tab."""
        return stamp + text + b"\n"

    def _write(self, records: list[bytes], at: float, *, always: bool = False) -> None:
        stamp = f"{at:.3f}\t".encode()
        buffer = bytearray()
        for record in records:
            if (self._cut or self._left < len(record)) and not always:
                if not self._cut:
                    self._cut = True
                    buffer += self.record(stamp, b"fairway: the output limit is reached, the rest is dropped")
                continue
            self._left -= len(record) + 1
            buffer += self.record(stamp, _storable(record))
        view = memoryview(bytes(buffer))
        while view:
            view = view[os.write(self.descriptor, view) :]


def _pieces(line: bytes) -> list[bytes]:
    """A line in pieces of at most LONGEST bytes, never cut inside a UTF-8 character."""
    pieces = []
    while len(line) > LONGEST:
        end = LONGEST
        while end > LONGEST - 4 and line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


def _redrawn(line: bytes) -> bytes:
    """What a terminal would show of a line that was overwritten by carriage returns; those at its end stay."""
    end = len(line.rstrip(b"\r"))
    return line[line.rfind(b"\r", 0, end) + 1 :]


def _storable(record: bytes) -> bytes:
    """The record without returns at its end and NUL bytes."""
    return record.rstrip(b"\r").replace(b"\0", b"\xef\xbf\xbd")


def lines_read(directory: Path, after_offset: int) -> list[Line]:
    """The complete records after a byte offset, up to about a megabyte; [] when there is nothing new.

    Reading again from the last line's `offset_end` neither loses nor repeats one.
    """
    try:
        with open(directory / NAME, "rb") as file:
            file.seek(after_offset)
            data = file.read(READ_BYTES)
    except FileNotFoundError:
        return []
    lines: list[Line] = []
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        stamp, _, text = data[start:end].partition(b"\t")
        start = end + 1
        lines.append(Line(after_offset + start, float(stamp), text.decode("utf-8", "replace")))
    return lines
