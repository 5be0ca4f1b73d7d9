"""The folder that holds everything of one installation, its lock, and the short place for its sockets."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from controlplane.stack.messages import StackError, os_failure

FOLDERS = ("postgres", "valkey", "secrets", "logs", "run", "storage", "gateway")
FIRST_START_BYTES = 700 * 1024 * 1024
LATER_START_BYTES = 100 * 1024 * 1024
# A socket's path ends at 103 bytes on macOS and 107 on Linux; PostgreSQL adds `/.s.PGSQL.5432.lock`.
SOCKET_DIRECTORY_LENGTH = 80


def home_prepare(home: Path, *, first_bytes: int = FIRST_START_BYTES, later_bytes: int = LATER_START_BYTES) -> None:
    """Make the folders, closed to others, and check that they can be used.

    Raises StackError in one sentence for a place that cannot be read or written or that has too little space.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.listdir(home)
    except OSError as error:
        raise os_failure(error, "read", home) from error
    for name in FOLDERS:
        folder = home / name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            os.listdir(folder)
            if folder.stat().st_uid == os.geteuid() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
                folder.chmod(0o700)
        except OSError as error:
            raise os_failure(error, "read", folder) from error
        if name == "postgres":
            continue
        try:
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"\0" * 65536)
                probe.flush()
        except OSError as error:
            raise os_failure(error, "written", folder) from error
    needed = later_bytes if (home / "postgres" / "data" / "PG_VERSION").exists() else first_bytes
    free = shutil.disk_usage(home).free
    if free < needed:
        raise StackError(
            f"The disk is nearly full: {home} has {free // 2**20} MB left and needs {needed // 2**20} MB; "
            "free some space, or name another folder with FAIRWAY_HOME."
        )


class HomeLock:
    """One supervisor per home: a file lock that the kernel drops when its holder ends, however it ends."""

    def __init__(self, home: Path) -> None:
        self.path = home / "run" / "supervisor.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Hold the lock until the process ends. Raises StackError when another supervisor holds it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 64, 0).decode(errors="replace").strip()
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise os_failure(error, "locked", self.path) from error
            raise StackError(
                f"Fairway already runs on {self.path.parents[1]}{f' (process {holder})' if holder else ''}: "
                "use that one, stop it first, or name another folder with FAIRWAY_HOME."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def drop(self) -> None:
        """Let another supervisor begin."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def lock_held(home: Path) -> bool:
    """Whether a supervisor runs on this home now."""
    try:
        descriptor = os.open(home / "run" / "supervisor.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def socket_directory(home: Path) -> Path:
    """A private folder short enough for sockets: in the home when that is possible, else in the temporary folder.

    The same home always gets the same folder. Raises StackError when none can be used.
    """
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    name = f"fairway-{os.geteuid()}-{digest}"
    choices = [home / "run" / "s", Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108
    for folder in choices:
        if len(os.fsencode(folder)) > SOCKET_DIRECTORY_LENGTH or not re.fullmatch(r"[A-Za-z0-9/._-]+", str(folder)):
            continue
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            status = folder.lstat()
        except OSError:
            continue
        private = stat.S_ISDIR(status.st_mode) and not stat.S_IMODE(status.st_mode) & 0o077
        if private and status.st_uid == os.geteuid() and _holds_sockets(folder):
            return folder
    raise StackError(
        f"No short private folder for sockets can be made for {home}: "
        "name one with a short path and plain letters with FAIRWAY_HOME."
    )


def _holds_sockets(folder: Path) -> bool:
    """Shared and network folders often cannot hold a socket."""
    path = folder / f".probe-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
    path.unlink(missing_ok=True)
    return True
