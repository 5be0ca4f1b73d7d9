"""Files of a folder that somebody else filled: nothing outside it is opened, no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from apps.core.blobs import CHUNK
from apps.mlflow_api.importing.records import Leave, SourceFailed, SourceFile

_META_LIMIT = 32 * 1024**2
_VALUE_LIMIT = 1024**2
# All params, or all tags, of one run together.
_VALUES_LIMIT = 64 * 1024**2
_DEEPEST = 40
_MOST_FILES = 100_000
LINK = "It is a link, and links are not followed."


class PlainLoader(yaml.SafeLoader):
    """YAML as MLflow writes it: plain values, no anchors, from which a small file could grow without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it repeats itself by anchors, which MLflow never writes")
        return super().compose_node(parent, index)


class Folder:
    """A folder and what lies below it. `leave` is told of links and of what is no file."""

    def __init__(self, root: Path, leave: Leave) -> None:
        self.root = root.resolve()
        self._leave = leave

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        if folder.is_symlink():
            self._leave("link", self._shown(folder), LINK)
            return []
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SourceFailed(f"{folder} cannot be read: {error.strerror}") from error
        # Names that are no UTF-8 come with lone surrogates, which nothing can store or print.
        odd = [entry for entry in entries if not entry.name.isprintable()]
        for entry in odd:
            self._leave("file", ascii(entry.name), "Its name holds signs that cannot be written.")
        return [entry for entry in entries if entry not in odd]

    def folders(self, folder: Path) -> list[Path]:
        """The folders in a folder that is below the root."""
        found = []
        for entry in self._entries(folder):
            if entry.is_symlink():
                self._leave("link", self._shown(Path(entry.path)), LINK)
            elif entry.is_dir(follow_symlinks=False):
                found.append(Path(entry.path))
        return found

    def walk(self, folder: Path) -> Iterator[tuple[str, Path, int]]:
        """(path below the folder, place, size) of every file."""
        waiting, count = [(folder, "")], 0
        while waiting:
            place, prefix = waiting.pop()
            for entry in self._entries(place):
                path = f"{prefix}{entry.name}"
                if entry.is_symlink():
                    self._leave("link", self._shown(Path(entry.path)), LINK)
                elif entry.is_dir(follow_symlinks=False) and path.count("/") < _DEEPEST:
                    waiting.append((Path(entry.path), f"{path}/"))
                elif entry.is_file(follow_symlinks=False) and count < _MOST_FILES:
                    count += 1
                    yield path, Path(entry.path), entry.stat(follow_symlinks=False).st_size
                else:
                    self._leave(
                        "file", self._shown(Path(entry.path)), "It is no plain file, too deep, or one too many."
                    )

    def values(self, folder: Path) -> dict[str, str]:
        """{path below the folder: text} of small files, as MLflow keeps params and tags."""
        found: dict[str, str] = {}
        left = _VALUES_LIMIT
        for key, place, size in self.walk(folder):
            if size > min(_VALUE_LIMIT, left):
                self._leave("value", self._shown(place), f"It has {size:,} bytes, or stands among too many.")
            else:
                left -= size
                found[key] = self.text(place, _VALUE_LIMIT)
        return found

    def text(self, place: Path, limit: int) -> str:
        """A small file's text; what is not UTF-8 in it is replaced, NUL left out."""
        return b"".join(file_chunks(place))[:limit].decode(errors="replace").replace("\x00", "")

    def meta(self, folder: Path) -> dict[str, Any]:
        """The meta.yaml of a folder; {} where there is none. Raises SourceFailed for one that is not MLflow's."""
        place = folder / "meta.yaml"
        try:
            status = place.lstat()
        except OSError:
            return {}
        if not stat.S_ISREG(status.st_mode) or status.st_size > _META_LIMIT:
            raise SourceFailed("its meta.yaml is no plain file, or larger than any of MLflow's")
        try:
            value = yaml.load(self.text(place, _META_LIMIT), PlainLoader)  # noqa: S506 - a safe loader
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            said = str(getattr(error, "problem", None) or error).split("\n")[0]
            raise SourceFailed(f"its meta.yaml cannot be read: {said[:200]}") from error
        if not isinstance(value, dict):
            raise SourceFailed("its meta.yaml says nothing")
        return value

    def place(self, path: Path) -> Path | None:
        """A folder below the root that no link leads to; None for any other."""
        plain = Path(os.path.normpath(path))
        if not plain.is_relative_to(self.root):
            return None
        steps = [plain, *plain.parents]
        below = steps[: steps.index(self.root)]
        if any(step.is_symlink() for step in below):
            self._leave("link", self._shown(plain), LINK)
            return None
        return plain if plain.is_dir() else None

    def files(self, folder: Path) -> list[SourceFile]:
        return [SourceFile(path, size, partial(file_chunks, place)) for path, place, size in self.walk(folder)]

    def _shown(self, place: Path) -> str:
        return str(place.relative_to(self.root)) if place.is_relative_to(self.root) else str(place)


class ArtifactPlaces:
    """Where files lie that a database or a meta.yaml names by an address: below the folders given, or nowhere."""

    def __init__(self, roots: Sequence[Path], leave: Leave) -> None:
        self._folders = [Folder(root, leave) for root in roots]
        self._leave = leave

    def files(self, location: str, layout: str, owner: str) -> list[SourceFile]:
        """The files at an address, or at MLflow's own layout (`0/<run>/artifacts`) below one of the folders."""
        for folder in self._folders:
            for path in (self._named(location, folder.root), folder.root / layout):
                place = folder.place(path) if path is not None else None
                if place is not None:
                    return folder.files(place)
        if location and not self._may_be_empty(location):
            self._leave(
                "files", owner, f"They lie at {location[:200]}, outside the folders given: add one by --artifacts."
            )
        return []

    def _named(self, location: str, root: Path) -> Path | None:
        """The folder that an address means, seen from a root; None for stores that are no folders."""
        parts = urlsplit(location)
        if parts.scheme in ("", "file") and location:
            return Path(unquote(parts.path))
        if parts.scheme == "mlflow-artifacts":
            return root / unquote(parts.path).lstrip("/")
        return None

    def _may_be_empty(self, location: str) -> bool:
        """MLflow makes the folder of a run with its first file: one that is missing below a root holds none."""
        return any(
            path is not None and Path(os.path.normpath(path)).is_relative_to(folder.root)
            for folder in self._folders
            for path in [self._named(location, folder.root)]
        )


def file_chunks(place: Path) -> Iterator[bytes]:
    """The bytes of a plain file. Raises SourceFailed for a link, for what is none, and when it cannot be read."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SourceFailed(f"{place.name} cannot be read: {error.strerror}") from error
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise SourceFailed(f"{place.name} is no plain file.")
        while chunk := file.read(CHUNK):
            yield chunk
