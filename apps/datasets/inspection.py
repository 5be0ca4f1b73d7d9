"""What the first and last bytes of a file tell, before anything is stored: the cheap half of the checks.

The whole file is read by the profile job, in a process of its own. Standard library only.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence

from apps.core.errors import Invalid
from apps.datasets.contracts import MAX_COLUMNS, FileFault

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 8
FORMATS = {"csv": "csv", "tsv": "tsv", "tab": "tsv", "parquet": "parquet", "pq": "parquet"}
DELIMITERS = {"csv": ",", "tsv": "\t"}
ROW_COLUMN = "__row__"
MAX_NAME = 200
_SHOWN = 300
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "ZIP", "a ZIP archive (Excel files are such archives)"),
    (b"PK\x05\x06", "ZIP", "an empty ZIP archive"),
    (b"\x1f\x8b", "GZIP", "compressed with gzip"),
    (b"BZh", "BZIP2", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "XZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "ZSTD", "compressed with Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "SEVENZIP", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "RAR", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE", "an old Excel or Office file"),
    (b"%PDF-", "PDF", "a PDF"),
    (b"ARROW1", "ARROW", "an Arrow file"),
    (b"\x89HDF", "HDF5", "an HDF5 file"),
    (b"SQLite format 3\x00", "SQLITE", "a SQLite database"),
    (b"\x80\x04\x95", "PICKLE", "a Python pickle, which can run code when it is opened"),
)
_BOMS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class BadFile(Invalid):
    """A file that is not taken; `items` holds the one FileFault as JSON."""

    code = "bad_file"
    title = "The file was not taken"

    def __init__(self, fault: FileFault) -> None:
        place = "".join(
            f", {word} {number}" for word, number in (("line", fault.line), ("column", fault.column)) if number
        )
        super().__init__(
            f"{fault.message} Nothing was stored.",
            code="bad_file",
            fields={"file": [fault.message + (f" ({place[2:]})" if place else "")]},
            items=[fault.to_json()],
        )
        self.fault = fault


def _no(code: str, message: str, line: int | None = None, column: int | None = None, **more: object) -> BadFile:
    return BadFile(FileFault(code, message, line, column, **more))  # type: ignore[arg-type]


def mark_find(lines: Sequence[tuple[int, str]], line: int, column: int, delimiter: str) -> tuple[int, int] | None:
    """Start and end, in characters, of what is at fault within its shown line; None when that part is not shown.

    `column` counts the fields between delimiters, or the characters when there is no delimiter.
    """
    text = dict(lines).get(line, "")
    if not delimiter:
        return (column - 1, column) if 1 <= column <= len(text) else None
    field, start, quoted = 1, 0, False
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == delimiter and not quoted:
            if field == column:
                return start, at
            field, start = field + 1, at + 1
    return (start, len(text)) if field == column else None


def filename_clean(filename: str) -> str:
    """The last part of a name, without folders. Raises BadFile for a name that is no name."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not name or name in (".", "..") or _UNSAFE.search(name):
        raise _no("FILENAME", "The file has no usable name.")
    if len(name) > 255:
        raise _no("FILENAME", "The file's name is longer than 255 characters.")
    return name


def format_of(filename: str) -> str:
    """csv, tsv or parquet by the extension. Raises BadFile for anything else."""
    stem, dot, extension = filename.rpartition(".")
    found = FORMATS.get(extension.lower()) if dot and stem else None
    if found is None:
        if extension.lower() in ("zip", "gz", "bz2", "xz", "zst", "7z", "rar"):
            raise _no("COMPRESSED", "Compressed files are not taken. Unpack it and upload the file inside.")
        if extension.lower() in ("xlsx", "xls", "ods"):
            raise _no("EXTENSION", "Spreadsheets are not taken. Save the sheet as CSV (UTF-8) and upload that.")
        raise _no("EXTENSION", "The name must end in .csv, .tsv or .parquet, so that the format is certain.")
    return found


def head_check(head: bytes, *, kind: str, whole: bool) -> None:
    """Check the first bytes (up to HEAD_BYTES) of a file of format `kind`; `whole` says that there are no more.

    Raises BadFile with line and column.
    """
    if not head:
        raise _no("EMPTY", "The file is empty.")
    parquet = head.startswith(b"PAR1")
    if kind == "parquet":
        if not parquet:
            raise _no("MAGIC", f"The name says Parquet, but the content is {_what(head)}.")
        return
    if parquet:
        raise _no("MAGIC", f"The name says {kind.upper()}, but the content is Parquet. Name it .parquet.")
    for magic, code, words in _MAGIC:
        if head.startswith(magic):
            code = "COMPRESSED" if code in ("ZIP", "GZIP", "BZIP2", "XZ", "ZSTD", "SEVENZIP", "RAR") else "MAGIC"
            advice = "Unpack it and upload the table inside." if code == "COMPRESSED" else "Save it as CSV (UTF-8)."
            raise _no(code, f"The name says {kind.upper()}, but the content is {words}. {advice}")
    text = _text(head[:HEAD_BYTES], whole=whole)
    _table_check(text, kind=kind, whole=whole)


def tail_check(tail: bytes, *, kind: str) -> None:
    """Check the last TAIL_BYTES of a file. Raises BadFile for a Parquet file that was cut off."""
    if kind == "parquet" and (len(tail) < TAIL_BYTES or not tail.endswith(b"PAR1")):
        raise _no("TRUNCATED", "The Parquet file ends too early: its closing mark is missing. Write or copy it again.")


def _what(head: bytes) -> str:
    for magic, _, words in _MAGIC:
        if head.startswith(magic):
            return words
    return "not"


def _place(data: bytes, at: int) -> tuple[int, int]:
    """Line and column (both from 1, the column in characters) of a byte."""
    before = data[:at]
    start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1


def _text(data: bytes, *, whole: bool) -> str:
    for bom, name in _BOMS:
        if data.startswith(bom):
            raise _no("ENCODING", f"The file is written in {name}. Save it as UTF-8.", 1, 1)
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    zero = data.find(b"\x00")
    if zero >= 0:
        line, column = _place(data, zero)
        raise _no(
            "NUL",
            f"Line {line} holds a NUL byte, which no text has; the file may be binary or UTF-16.",
            line,
            column,
            lines=(shown := _around_bytes(data, line)),
            mark=mark_find(shown, line, column, ""),
        )
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError as error:
        line, column = _place(data, error.start)
        raise _no(
            "ENCODING",
            f"Line {line} holds a byte (0x{data[error.start]:02x}) that is not UTF-8. Save the file as UTF-8.",
            line,
            column,
            lines=(shown := _around_bytes(data, line)),
            mark=mark_find(shown, line, column, ""),
        ) from None


def _table_check(text: str, *, kind: str, whole: bool) -> None:
    lines = io.StringIO(text, newline="").readlines()
    if not text.strip():
        raise _no("EMPTY", "The file holds nothing but white space.")
    if not whole and "\n" not in text and "\r" not in text:
        raise _no("HEADER_LENGTH", "The first line is longer than 1 MiB: that is no header of a table.", 1, 1)
    delimiter = DELIMITERS[kind]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next((row for row in reader if row), [])
        header_line = reader.line_num
        header_check(header, line=header_line, kind=kind, shown=_around(lines, header_line))
        rows = _rows_check(reader, header, lines, delimiter, whole=whole)
    except csv.Error as error:
        if not whole and reader.line_num >= len(lines) - 1:
            return  # the quoted text may well end in the part that is not here
        line, column = _quote_place(lines, reader.line_num, delimiter)
        raise _no(
            "QUOTES",
            f"Line {line} cannot be read: {_quote_words(error)}.",
            line,
            column,
            lines=(shown := _around(lines, line)),
            mark=mark_find(shown, line, column, delimiter),
        ) from None
    if whole and rows == 0:
        raise _no("NO_ROWS", "The file has a header but no row of data.", header_line + 1, 1, lines=_around(lines, 1))


def _quote_place(lines: Sequence[str], last: int, delimiter: str) -> tuple[int, int]:
    """Line and field in which the quote begins that the reader, stopped in line `last`, could not make sense of."""
    line, field, opened, quoted, fresh = 1, 1, (1, 1), False, True
    for line, text in enumerate(lines[:last], start=1):
        if not quoted:
            field, fresh = 1, True
        at = 0
        while at < len(text):
            character = text[at]
            at += 1
            if quoted:
                if character != '"':
                    continue
                if text[at : at + 1] == '"':
                    at += 1
                    continue
                quoted = False
                if text[at : at + 1] not in ("", delimiter, "\r", "\n"):
                    return opened
            elif character == delimiter:
                field, fresh = field + 1, True
            else:
                if character == '"' and fresh:
                    quoted, opened = True, (line, field)
                fresh = False
    return opened if quoted else (max(line, 1), field)


def _quote_words(error: csv.Error) -> str:
    words = str(error)
    if "unexpected end" in words:
        return "a quoted text is opened and never closed"
    if "field larger" in words:
        return "one value is longer than 128 KiB, perhaps because a quote is never closed"
    if "expected after" in words:
        return "after a closing quote comes neither a separator nor the end of the line"
    return words


def header_check(
    header: Sequence[str], *, line: int = 1, kind: str = "csv", shown: tuple[tuple[int, str], ...] = ()
) -> None:
    """Check the names of the columns. Raises BadFile for empty, double, reserved, too long or too many ones."""
    if len(header) > MAX_COLUMNS:
        count = f"{len(header):,}".replace(",", "\u202f")
        raise _no(
            "TOO_MANY_COLUMNS",
            f"The header has {count} columns; at most 2\u202f000 are taken. Leave out what is not needed.",
            line,
            MAX_COLUMNS + 1,
        )
    if len(header) == 1 and kind == "csv":
        for character, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if header[0].count(character) >= 1:
                how = "Name it .tsv." if character == "\t" else "Save it with commas."
                raise _no("SEPARATOR", f"The columns seem to be separated by {word}, not commas. {how}", line, 1)
    seen: dict[str, int] = {}
    for number, raw in enumerate(header, start=1):
        name = raw.strip()
        if not name:
            raise _no(
                "EMPTY_HEADER",
                f"Column {number} has no name in the header.",
                line,
                number,
                lines=shown,
                mark=mark_find(shown, line, number, DELIMITERS.get(kind, ",")),
            )
        if name in seen:
            raise _no(
                "DUPLICATE_HEADER",
                f"The name “{name[:80]}” stands twice in the header: columns {seen[name]} and {number}.",
                line,
                number,
                lines=shown,
                mark=mark_find(shown, line, number, DELIMITERS.get(kind, ",")),
            )
        if name == ROW_COLUMN:
            raise _no("RESERVED_HEADER", f"The name {ROW_COLUMN} is kept for row numbers.", line, number)
        if len(name) > MAX_NAME:
            raise _no("LONG_HEADER", f"The name of column {number} is longer than 200 characters.", line, number)
        if _UNSAFE.search(name):
            raise _no("BAD_HEADER", f"The name of column {number} holds a control character.", line, number)
        seen[name] = number


def _rows_check(reader: object, header: Sequence[str], lines: Sequence[str], delimiter: str, *, whole: bool) -> int:
    rows = 0
    width = len(header)
    last = len(lines)
    for row in reader:  # type: ignore[attr-defined]
        line = reader.line_num  # type: ignore[attr-defined]
        if not row:
            continue
        if not whole and line >= last - 1:
            break  # the last line of a part may be cut
        if len(row) != width:
            fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
            what = "is missing" if len(row) < width else "is too many"
            column = min(len(row), width) + (1 if len(row) > width else 0)
            raise _no(
                "RAGGED",
                f"Line {line} has {fields}; the header has {width}. A separator {what}, or a text needs quotes.",
                line,
                column,
                lines=(shown := _around(lines, line)),
                mark=mark_find(shown, line, column, delimiter),
            )
        rows += 1
    return rows


def _around(lines: Sequence[str], line: int) -> tuple[tuple[int, str], ...]:
    """The header, the line with one neighbour on either side, each cut to a readable length."""
    wanted = sorted({1, line - 1, line, line + 1})
    return tuple((n, lines[n - 1].rstrip("\r\n")[:_SHOWN]) for n in wanted if 1 <= n <= len(lines))


def _around_bytes(data: bytes, line: int) -> tuple[tuple[int, str], ...]:
    """The same of bytes that are no text: what cannot be read is shown as a sign."""
    shown = [part[: 4 * _SHOWN].decode("utf-8", "replace") for part in data.split(b"\n", line + 1)[: line + 1]]
    return _around([_UNSAFE.sub(_picture, text.rstrip("\r")) for text in shown], line)


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    return "\t" if code == 9 else chr(0x2400 + code) if code < 0x20 else "\ufffd"
