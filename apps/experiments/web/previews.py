"""What a file of a run looks like: text, a table, a picture, a page; always from its beginning, never whole.

Text, JSON and CSV are read here, piece by piece. Parquet is read by a process of its own (`workers.runner.peek`).
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache

from apps.core import formats
from apps.core.blobs import blob_chunks, blob_open
from apps.experiments.models import Artifact
from workers.contracts.tables import CELL, COLUMNS, ROWS, peek_command

TEXT_BYTES = 256 * 1024
JSON_BYTES = 1024 * 1024
IMAGE_BYTES = 16 * 1024 * 1024
PAGE_BYTES = 4 * 1024 * 1024
PARQUET_BYTES = 256 * 1024 * 1024
_SECONDS = 15
_DAY = 24 * 3600
# How `workers.runner.peek` ends when the file cannot be read.
_NO_TABLE = 3
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_IMAGE_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file is shown: `kind` is text, table, image, page or none; `note` says what is left out, or why nothing
    is shown."""

    kind: str
    note: str = ""
    text: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)


def preview_of(file: Artifact) -> Preview:
    """The preview of a file, by its name and then by its bytes. Raises NotFound and Unavailable for the store."""
    name = file.path.rsplit("/", 1)[-1].lower()
    if file.size == 0:
        return Preview("none", "The file is empty.")
    if name.endswith(_IMAGE_NAMES):
        return _image(file)
    if name.endswith((".html", ".htm")):
        return _page(file)
    if name.endswith(".parquet"):
        return _parquet(file)
    if name.endswith((".csv", ".tsv")):
        return _csv(file, "\t" if name.endswith(".tsv") else ",")
    if name.endswith(".json"):
        return _json(file)
    return _text(file)


def image_type(head: bytes) -> str | None:
    """The media type of a picture by its first bytes; None for what is none that browsers draw without code (SVG)."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((media for magic, media in _IMAGES if head.startswith(magic)), None)


def _head(file: Artifact, size: int) -> bytes:
    taken = b""
    for chunk in blob_chunks(file.sha256):
        taken += chunk
        if len(taken) >= size:
            break
    return taken[:size]


def _decoded(data: bytes) -> str | None:
    """UTF-8 text whose last character may be cut off; None for other bytes."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text


def _first(shown: int, size: int) -> str:
    return f"The first {formats.size(shown)} of {formats.size(size)}." if size > shown else ""


def _image(file: Artifact) -> Preview:
    if file.size > IMAGE_BYTES:
        return Preview("none", f"Pictures are shown up to {formats.size(IMAGE_BYTES)}.")
    if image_type(_head(file, 16)) is None:
        return Preview("none", "Its name says that it is a picture; its bytes do not.")
    return Preview("image")


def _page(file: Artifact) -> Preview:
    if file.size > PAGE_BYTES:
        return Preview("none", f"Pages are shown up to {formats.size(PAGE_BYTES)}.")
    return Preview("page", "Shown without its scripts and without anything from elsewhere.")


def _text(file: Artifact) -> Preview:
    text = _decoded(_head(file, TEXT_BYTES))
    if text is None:
        return Preview("none", "The file is not text.")
    return Preview("text", _first(TEXT_BYTES, file.size), text)


def _json(file: Artifact) -> Preview:
    if file.size > JSON_BYTES:
        return _text(file)
    text = _decoded(_head(file, JSON_BYTES))
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return _text(file)
    return _json_table(value) or Preview("text", "", json.dumps(value, indent=2, ensure_ascii=False))


def _json_table(value: Any) -> Preview | None:
    """A table as MLflow's `log_table` and pandas' orient "split" write it."""
    if not isinstance(value, dict) or not {"columns", "data"} <= set(value) <= {"columns", "data", "index"}:
        return None
    names, data = value["columns"], value["data"]
    if not isinstance(names, list) or not names or not isinstance(data, list):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    rows = [[_cell(cell) for cell in row[:COLUMNS]] for row in data[:ROWS]]
    return Preview("table", _rows_note(len(data), len(names)), "", [(str(name), "") for name in names[:COLUMNS]], rows)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:CELL]


def _rows_note(count: int, width: int) -> str:
    said = []
    if count > ROWS:
        said.append(f"The first {ROWS} of {formats.num(count)} rows.")
    if width > COLUMNS:
        said.append(f"The first {COLUMNS} of {formats.num(width)} columns.")
    return " ".join(said)


def _csv(file: Artifact, delimiter: str) -> Preview:
    text = _decoded(_head(file, TEXT_BYTES))
    if text is None:
        return Preview("none", "The file is not text in UTF-8.")
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return _text(file)
    whole = file.size <= TEXT_BYTES
    # The last line of a piece may be cut off.
    lines = [line for line in (lines if whole else lines[:-1]) if line]
    if not lines or max(len(line) for line in lines[: ROWS + 1]) < 2:
        return _text(file)
    head, body = lines[0], lines[1:]
    rows: list[list[str | None]] = [[cell[:CELL] for cell in line[: min(len(head), COLUMNS)]] for line in body[:ROWS]]
    note = _rows_note(len(body), len(head)) if whole else f"The first {min(ROWS, len(body))} rows."
    return Preview("table", note, "", [(name[:CELL], "") for name in head[:COLUMNS]], rows)


def _parquet(file: Artifact) -> Preview:
    if file.size > PARQUET_BYTES:
        return Preview("none", f"Parquet is shown up to {formats.size(PARQUET_BYTES)}.")
    key = f"peek.{file.sha256}"
    head = cache.get(key)
    if head is None:
        head = _peek(file.sha256)
        # A file that is no table stays none; a process that was too slow or died may do better next time.
        if head.get("error", _NO_TABLE) == _NO_TABLE:
            cache.set(key, head, _DAY)
    if "error" in head:
        return Preview("none", "The file cannot be read as Parquet.")
    columns = [(name, kind) for name, kind in head["columns"]]
    return Preview("table", _rows_note(head["count"], head["width"]), "", columns, head["rows"])


def _peek(sha256: str) -> dict[str, Any]:
    """What the reading process says; {"error": ...} when the file stopped it."""
    arguments, environment, directory = peek_command()
    # A file of its own: the store's may be in the cloud, and Parquet is read from its end.
    with tempfile.TemporaryFile(prefix="fairway-peek-") as local:
        with blob_open(sha256) as stored:
            for chunk in iter(lambda: stored.read(1024 * 1024), b""):
                local.write(chunk)
        local.seek(0)
        try:
            done = subprocess.run(  # noqa: S603 - our own program, without a shell
                arguments,
                env=environment,
                cwd=directory,
                stdin=local,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"error": "time"}
    if done.returncode != 0:
        return {"error": done.returncode}
    head: dict[str, Any] = json.loads(done.stdout)
    return head
