"""Environments on the disk of the machine that runs jobs: unpacked once, read-only, found by their bytes.

What is unpacked is data here: nothing of it is imported or run by the worker.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils import timezone

from apps.code.models import Environment
from apps.core.blobs import blob_open
from apps.core.errors import Conflict, NotFound, Unavailable

SHEBANG = b"#!/fairway/environment/bin/python"
"""How scripts of an archive name their interpreter, whose place is known only here."""
_MAX_UNPACKED = 64 * 1024**3


def _folder() -> Path:
    folder = Path(settings.FAIRWAY_HOME) / "environments"
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def _place(environment: Environment) -> Path:
    return _folder() / f"{environment.digest[:20]}-{environment.archive_sha256[:12]}"


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """One process at a time unpacks an environment."""
    with open(path.with_name(f".{path.name}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment_place(environment_id: uuid.UUID) -> Path:
    """The directory of a ready environment on this machine; unpacked when it is not here yet.

    Raises NotFound and Conflict when it is not ready, Unavailable when the store is away.
    """
    environment = Environment.objects.filter(pk=environment_id).first()
    if environment is None:
        raise NotFound("The environment of the job is gone.")
    if environment.state != Environment.State.READY:
        raise Conflict(f"The environment of the job is {environment.get_state_display()}.", code="environment_state")
    Environment.objects.filter(pk=environment_id).update(used_at=timezone.now())
    place = _place(environment)
    if place.is_dir():
        return place
    with _held(place):
        if not place.is_dir():
            beside = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
            try:
                _unpack(environment, beside, place)
                os.rename(beside, place)
            except (tarfile.TarError, EOFError, zlib.error) as error:
                raise Conflict(f"The archive of the environment is damaged: {error}.", code="bad_archive") from error
            except OSError as error:
                why = error.strerror or error
                raise Unavailable(f"The environment could not be unpacked on this worker: {why}.") from error
            finally:
                _clear(beside)
    return place


def _unpack(environment: Environment, folder: Path, place: Path) -> None:
    """Files and folders of the archive only, none outside, none over the limit; then what makes it an environment."""
    left = _MAX_UNPACKED
    with blob_open(environment.archive_sha256) as stored, tarfile.open(fileobj=stored, mode="r|gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or member.name.startswith("/") or ".." in parts or parts[0] not in ("lib", "bin"):
                raise Conflict("The archive of the environment holds what none has.", code="environment_archive")
            left -= member.size
            source = archive.extractfile(member)
            if left < 0 or source is None:
                raise Conflict("The archive of the environment is too large.", code="environment_archive")
            target = folder.joinpath(*parts)
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with open(target, "xb") as file:
                if parts[0] == "bin":
                    first = source.readline(len(SHEBANG) + 2)
                    file.write(_shebang(place) if first == SHEBANG + b"\n" else first)
                shutil.copyfileobj(source, file, 1024 * 1024)
            target.chmod(0o555 if member.mode & stat.S_IXUSR else 0o444)
    base = Path(str(getattr(sys, "_base_executable", sys.executable)))
    (folder / "bin").mkdir(mode=0o755, exist_ok=True)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(base)
    if not (folder / "lib64").exists():
        (folder / "lib64").symlink_to("lib")
    version = ".".join(map(str, sys.version_info[:3]))
    config = f"home = {base.parent}\ninclude-system-site-packages = false\nversion = {version}\n"
    (folder / "pyvenv.cfg").write_text(config)
    for path, _, _ in os.walk(folder, topdown=False):
        os.chmod(path, 0o555)  # noqa: S103 - read by a job's own user, written by nobody
    os.chmod(folder, 0o755)  # noqa: S103 - a folder that is closed to its owner cannot be moved into place


def _shebang(place: Path) -> bytes:
    """The head of a script; by /bin/sh where the system would cut the path or split it."""
    python = str(place / "bin" / "python")
    if len(python) < 125 and " " not in python:
        return f"#!{python}\n".encode()
    return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n".encode()


def _clear(folder: Path) -> None:
    """Remove a folder whose parts are read-only."""
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(path, 0o755)  # noqa: S103 - about to go
    shutil.rmtree(folder, ignore_errors=True)


def places_sweep() -> int:
    """Remove from this machine what belongs to no ready environment; returns how many."""
    ready = Environment.objects.filter(state=Environment.State.READY).only("digest", "archive_sha256")
    wanted = {_place(one).name for one in ready}
    removed = 0
    for folder in _folder().iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in wanted:
            with _held(folder):
                _clear(folder)
            removed += 1
    return removed
