"""Code from this machine to the server: a file as it is, a folder packed."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fairway_client.api import Api

KINDS = (".py", ".ipynb", ".zip", ".whl")
# What no launch needs and nobody wants to send.
LEFT_OUT = frozenset({"__pycache__", "node_modules", "outputs", "mlruns", "venv"})
FILES, BYTES = 5_000, 200 * 1024 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_path(text: str) -> bool:
    """Whether a word names code on this machine: `train.py`, `./churn`, never `churn`, which may be a recipe."""
    return "/" in text or text in (".", "..") or text.endswith(KINDS)


def bring(api: Api, path: Path, team_id: str) -> dict[str, Any]:
    """The bundle of a script, notebook, zip, wheel or folder. Raises UsageError, Refused."""
    if not path.exists():
        raise click.UsageError(f"There is no file or folder {path}.")
    name = f"{path.resolve().name}.zip" if path.is_dir() else path.name
    if not name.endswith(KINDS):
        raise click.UsageError(f"{path} is no folder and ends with none of {', '.join(KINDS)}.")
    data = packed(path) if path.is_dir() else path.read_bytes()
    if len(data) > BYTES:
        raise click.UsageError(f"{path} is larger than {BYTES // 1024**2} MB; data belong into a dataset.")
    return dict(api.call("POST", "code-bundles", content=data, query={"team_id": team_id, "filename": name}))


def packed(folder: Path) -> bytes:
    """The folder as a zip: the same files make the same bytes, whenever and wherever they are packed.

    Hidden files, links and what is made by running code stay out. Raises UsageError.
    """
    file = io.BytesIO()
    count, size = 0, 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files_of(folder):
            count, size = count + 1, size + path.stat().st_size
            if count > FILES or size > BYTES:
                raise click.UsageError(f"{folder} holds more than {FILES} files or {BYTES // 1024**2} MB of code.")
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    if not count:
        raise click.UsageError(f"{folder} holds no files.")
    return file.getvalue()


def files_of(folder: Path) -> Iterator[Path]:
    """The files that are packed, in one order on every machine."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if one not in LEFT_OUT and not one.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and not path.is_symlink() and path.is_file() and path.suffix != ".pyc":
                yield path
