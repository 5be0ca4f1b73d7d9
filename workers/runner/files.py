"""The control files in an attempt's directory, which let a restarted worker pick a running attempt up
again.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

PARENT = "parent.json"
STATUS = "status.json"
LEASE = "lease"
STOP = "stop"
WORK = "work"


def json_write(path: Path, data: dict[str, Any]) -> None:
    """Writes the whole file or nothing: readers see the old or the new one. Raises OSError."""
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(data, file)
    os.replace(beside, path)


def json_read(path: Path) -> dict[str, Any] | None:
    """The object in the file, or None when the file is not there or holds none."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def lease_touch(directory: Path) -> None:
    """Renews the lease: the parent lets the attempt live on for one more lease time."""
    path = directory / LEASE
    try:
        os.utime(path)
    except FileNotFoundError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


class LeaseWatch:
    """Seconds since the lease was last seen to be renewed, by this process's own clock: a jump of the date
    does nothing.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LEASE
        self._seen = self._stamp()
        self._at = time.monotonic()

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

    def age(self) -> float:
        """Seconds since the last renewal."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen, self._at = stamp, time.monotonic()
        return time.monotonic() - self._at
