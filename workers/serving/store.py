"""Model directories on the gateway's disk: fetched once, checked every time, open to this user only (0700,
files 0600).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path

from workers.contracts.routes import RouteVersion
from workers.serving.control import ControlPlane

_PARTIAL = ".partial-"


class ModelStore:
    """Keeps `<version id>-<digest of the files>/` directories; a directory that exists is complete."""

    def __init__(self, directory: Path, control: ControlPlane) -> None:
        self._directory = directory
        self._control = control
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(directory, 0o700)
        for path in directory.glob(f"{_PARTIAL}*"):
            shutil.rmtree(path, ignore_errors=True)

    async def directory(self, version: RouteVersion) -> Path:
        """The directory with exactly the signed files of `version`. Raises OSError (FetchFailed) when they
        cannot be had.
        """
        target = self._directory / self._name(version)
        if target.is_dir():
            if await asyncio.to_thread(_matches, target, version):
                return target
            await asyncio.to_thread(shutil.rmtree, target)
        partial = self._directory / f"{_PARTIAL}{uuid.uuid4()}"
        partial.mkdir(mode=0o700)
        try:
            for file in version.files:
                path = partial / file.path
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                await self._control.fetch(file, path)
            partial.rename(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, partial)
        return target

    def keep_only(self, versions: Collection[RouteVersion]) -> None:
        """Removes the directories of versions that are not allowed any more; fetches under way go on."""
        kept = {self._name(version) for version in versions}
        for path in self._directory.iterdir():
            if path.name not in kept and not path.name.startswith(_PARTIAL):
                shutil.rmtree(path, ignore_errors=True)

    def _name(self, version: RouteVersion) -> str:
        return f"{version.id}-{version.files_digest[:16]}"


def _matches(directory: Path, version: RouteVersion) -> bool:
    found = {
        str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    if found != {file.path for file in version.files}:
        return False
    for file in version.files:
        path = directory / file.path
        if path.is_symlink() or path.stat().st_size != file.size:
            return False
        with path.open("rb") as source:
            if hashlib.file_digest(source, "sha256").hexdigest() != file.sha256:
                return False
    return True
