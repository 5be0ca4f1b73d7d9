"""What the raw bytes of an upload say before any parser sees them: format, encoding, NUL bytes, header."""

import codecs
import csv
import io
from pathlib import Path

from workers.runner.errors import BadInput

MAX_COLUMNS = 2_000
MAX_NAME = 200
MAX_HEADER_BYTES = 4 * 1024 * 1024
BLOCK = 4 * 1024 * 1024

_OTHER_FORMATS = (
    (b"PAR1", "Parquet"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"%PDF", "PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet"),
    (b"\x89HDF", "HDF5"),
)
DELIMITERS = {"csv": ",", "tsv": "\t"}


def content_check(path: Path, format_: str) -> None:
    """Raises BadInput when the bytes are not of the named format ("csv", "tsv", "parquet", "json"), or hold
    nothing.
    """
    if format_ not in ("csv", "tsv", "parquet", "json"):
        raise BadInput("WRONG_FORMAT", f"Tables come as CSV, TSV or Parquet, not {format_!r}.")
    if path.stat().st_size == 0:
        raise BadInput("EMPTY_FILE", "The file is empty.")
    with open(path, "rb") as file:
        head = file.read(16)
    if format_ == "parquet":
        if not head.startswith(b"PAR1"):
            raise BadInput("WRONG_FORMAT", "The file is called Parquet, but its content is not Parquet.", 1, 1)
        return
    for opening, name in _OTHER_FORMATS:
        if head.startswith(opening):
            called = format_.upper()
            raise BadInput("WRONG_FORMAT", f"The file is called {called}, but its content is {name}.", 1, 1)
    for mark, name in (
        (codecs.BOM_UTF32_LE, "UTF-32"),
        (codecs.BOM_UTF16_LE, "UTF-16"),
        (codecs.BOM_UTF16_BE, "UTF-16"),
    ):
        if head.startswith(mark):
            raise BadInput("ENCODING", f"The file is written in {name}; save it as UTF-8.", 1, 1)


def text_check(path: Path) -> None:
    """Reads the whole file once: raises BadInput at the first NUL byte or the first byte that is not
    UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, column_start, offset = 1, 0, 0
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            bad, code, held = -1, "", 0
            if (zero := block.find(b"\0")) >= 0:
                bad, code = zero, "NUL_BYTE"
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                place = error.start - pending
                if bad < 0 or place < bad:
                    bad, code, held = max(place, 0), "ENCODING", block[max(place, 0)]
            if bad >= 0:
                before = block[:bad]
                line += before.count(b"\n")
                last = before.rfind(b"\n")
                column = bad - last if last >= 0 else offset + bad - column_start + 1
                raise _bad_byte(code, line, column, held)
            line += block.count(b"\n")
            last = block.rfind(b"\n")
            if last >= 0:
                column_start = offset + last + 1
            offset += len(block)
    if decoder.getstate()[0]:
        raise _bad_byte("ENCODING", line, offset - column_start, 0)


def _bad_byte(code: str, line: int, column: int, byte: int) -> BadInput:
    where = f"line {line}, byte {column} of the line"
    if code == "NUL_BYTE":
        return BadInput(code, f"There is a NUL byte in {where}; a text table holds none.", line, column)
    guess = " It looks like Latin-1 (Windows-1252);" if byte >= 0xA0 else ""
    message = f"The file is not UTF-8 text: see {where}.{guess} save it as UTF-8 and upload it again."
    return BadInput("ENCODING", message.replace(". save", ". Save"), line, column)


def header_read(path: Path, format_: str) -> list[str]:
    """The column names of a text table, without the spaces around them. Raises BadInput."""
    with open(path, "rb") as file:
        head = file.read(MAX_HEADER_BYTES)
    text = head.decode("utf-8-sig", errors="ignore")
    delimiter = DELIMITERS[format_]
    first = next((line for line in text.splitlines() if line.strip()), "")
    for other, name in (("\t", "tabs"), (";", "semicolons"), (",", "commas")):
        if delimiter not in first and first.count(other) >= 1 and other != delimiter:
            wanted = {"csv": "commas", "tsv": "tabs"}[format_]
            message = f"The columns of the file are separated by {name}, not by {wanted}."
            raise BadInput("WRONG_FORMAT", message, 1, first.index(other) + 1)
    csv.field_size_limit(MAX_HEADER_BYTES)
    try:
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False))
    except (StopIteration, csv.Error):
        raise BadInput("EMPTY_FILE", "The file has no header line.", 1, 1) from None
    names = names_check([name.strip() for name in names])
    if b"\n" not in head and b"\r" not in head:
        raise BadInput("NO_ROWS", "The file has a header line, but no row below it.", 2, None)
    return names


def names_check(names: list[str]) -> list[str]:
    """The names, when they can be columns. Raises BadInput with the number of the column."""
    if len(names) > MAX_COLUMNS:
        message = f"The table has {len(names)} columns; at most {MAX_COLUMNS} can be taken."
        raise BadInput("TOO_MANY_COLUMNS", message, 1, MAX_COLUMNS + 1)
    seen: dict[str, int] = {}
    for index, name in enumerate(names, start=1):
        if not name:
            raise BadInput("EMPTY_HEADER", f"Column {index} has no name in the header line.", 1, index)
        if len(name) > MAX_NAME or any(ord(sign) < 32 for sign in name):
            message = f"The name of column {index} is longer than {MAX_NAME} characters or holds a line break."
            raise BadInput("BAD_HEADER", message, 1, index)
        if name == "__row__":
            raise BadInput("BAD_HEADER", f'Column {index} is called "__row__", which Fairway uses itself.', 1, index)
        if name in seen:
            message = f'Columns {seen[name]} and {index} are both called "{name}".'
            raise BadInput("DUPLICATE_HEADER", message, 1, index)
        seen[name] = index
    return names
