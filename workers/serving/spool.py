"""The prediction log on its way to the control plane: append-only segments on disk, posted once each.

Promises and limits:

- A row is handed to the operating system (`write`) **before** its answer leaves the gateway. Killing the
  gateway with -9 therefore loses no answered prediction; at most a half-written last line, whose request was
  never answered, is cut off.
- `fdatasync` runs once a second, off the request path. A power cut or a crash of the whole machine can lose the
  last second.
- A batch is one closed segment and its id is in the file's name, so a repetition after any crash carries the
  same id and the same rows: the control plane takes it in once. Segments are posted in order, closed after
  2,000 rows, one MiB or one second.
- Disk use is bounded: when the waiting segments exceed the limit, new rows are dropped and counted (answers go
  on). A batch that the control plane finds malformed (4xx) is moved aside into `refused/`, kept within a tenth
  of the limit, and counted.

Values of masked inputs never reach the disk. Not safe for several processes: the gateway's home is locked by
its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

SEGMENT_ROWS = 2_000
SEGMENT_BYTES = 1024 * 1024
SEGMENT_SECONDS = 1.0
SPOOL_BYTES = 1024**3
BACKOFF_SECONDS = (0.25, 15.0)

_NAME = re.compile(r"(?P<number>[0-9]{12})-(?P<batch>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?P<kind>open|rows)\Z")

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

Post = Callable[[bytes], Awaitable[int]]
"""Posts one body and returns the HTTP status; raises OSError when nobody answered."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """For health: segments and bytes waiting, rows dropped since the start, batches set aside, and the last
    failure.
    """

    segments: int
    bytes: int
    dropped_rows: int
    refused_batches: int
    error: str


class Spool:
    """Rows in, batches out. `append` is for the event loop's thread only."""

    def __init__(self, directory: Path, post: Post, *, limit: int = SPOOL_BYTES) -> None:
        self._directory = directory
        self._refused = directory / "refused"
        self._post = post
        self._limit = limit
        self._file = -1
        self._path: Path | None = None
        self._rows = 0
        self._open_bytes = 0
        self._dirty = False
        self._unsynced: list[int] = []
        self._dropped = 0
        self._set_aside = 0
        self._error = ""
        self._number = 0
        self._closed: list[tuple[Path, int]] = []
        self._waiting_bytes = 0
        self._work = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refused.mkdir(mode=0o700, exist_ok=True)
        self._recover()

    def start(self) -> None:
        """Starts posting, also what an earlier process left behind."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._rotate_often()), loop.create_task(self._post_all())]

    async def stop(self, grace: float) -> None:
        """Closes the open segment and posts for up to `grace` seconds; the rest waits on disk for the next
        start.
        """
        if self._tasks:
            self._tasks[0].cancel()
        self._rotate()
        self._sync_all(self._unsynced)
        self._unsynced = []
        deadline = asyncio.get_running_loop().time() + grace
        while self._closed and not self._error and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def append(self, rows: list[str]) -> None:
        """Writes rows (JSON objects without line breaks); returns when the operating system has them."""
        if not rows:
            return
        if self._waiting_bytes + self._open_bytes > self._limit:
            self._dropped += len(rows)
            return
        start = 0
        while start < len(rows):
            taken = self._fitting(rows, start)
            self._write(rows[start : start + taken])
            start += taken

    def _fitting(self, rows: list[str], start: int) -> int:
        """How many of the rows the open segment still takes; a full one is closed first."""
        if self._rows >= SEGMENT_ROWS or self._open_bytes >= SEGMENT_BYTES:
            self._rotate()
        room, taken = SEGMENT_BYTES - self._open_bytes, 0
        most = min(len(rows) - start, SEGMENT_ROWS - self._rows)
        while taken < most and (taken == 0 or room >= len(rows[start + taken])):
            room -= len(rows[start + taken]) + 1
            taken += 1
        return taken

    def _write(self, rows: list[str]) -> None:
        data = ("\n".join(rows) + "\n").encode()
        try:
            if self._file < 0:
                self._open()
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError("the disk took only a part of a row")
        except OSError as error:
            # A full disk must not stop predictions; what could not be kept is counted and said.
            self._dropped += len(rows)
            self._error = f"cannot write the prediction log: {error.strerror or error}"
            self._cut_back()
            return
        self._rows += len(rows)
        self._open_bytes += len(data)
        self._dirty = True

    @property
    def state(self) -> SpoolState:
        """What health reports."""
        return SpoolState(
            segments=len(self._closed) + (self._file >= 0),
            bytes=self._waiting_bytes + self._open_bytes,
            dropped_rows=self._dropped,
            refused_batches=self._set_aside,
            error=self._error,
        )

    def _recover(self) -> None:
        for path in sorted(self._directory.iterdir()):
            match = _NAME.match(path.name)
            if match is None:
                continue
            self._number = max(self._number, int(match["number"]))
            if match["kind"] == "open":
                data = path.read_bytes()
                whole = data[: data.rfind(b"\n") + 1]
                if len(whole) != len(data):
                    os.truncate(path, len(whole))
                closed = path.with_suffix(".rows")
                path.rename(closed)
                path = closed
            size = path.stat().st_size
            if size == 0:
                path.unlink()
            else:
                self._closed.append((path, size))
                self._waiting_bytes += size
        self._set_aside = sum(1 for _ in self._refused.iterdir())

    def _open(self) -> None:
        self._number += 1
        self._path = self._directory / f"{self._number:012d}-{uuid.uuid4()}.open"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._rows = 0
        self._open_bytes = 0

    def _cut_back(self) -> None:
        """Takes a half-written row out of the open segment again."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._open_bytes)

    def _rotate(self) -> None:
        if self._file < 0 or self._path is None:
            return
        file, path, size = self._file, self._path, self._open_bytes
        self._file, self._path, self._open_bytes, self._rows = -1, None, 0, 0
        self._unsynced.append(file)  # synced and closed off the request path, within a second
        self._dirty = False
        if size == 0:
            path.unlink(missing_ok=True)
            return
        closed = path.with_suffix(".rows")
        path.rename(closed)
        self._closed.append((closed, size))
        self._waiting_bytes += size
        self._work.set()

    async def _rotate_often(self) -> None:
        while True:
            await asyncio.sleep(SEGMENT_SECONDS)
            files, self._unsynced = self._unsynced, []
            if self._file >= 0 and self._dirty:
                self._dirty = False
                # A duplicate, so that a rotation meanwhile cannot close the descriptor under the other thread.
                files.append(os.dup(self._file))
            if files and (error := await asyncio.to_thread(self._sync_all, files)):
                self._error = f"cannot sync the prediction log: {error}"
            self._rotate()

    @staticmethod
    def _sync_all(files: list[int]) -> str:
        """Syncs and closes; returns what went wrong, if anything."""
        problem = ""
        for file in files:
            try:
                _sync(file)
            except OSError as error:
                problem = error.strerror or str(error)
            finally:
                os.close(file)
        return problem

    async def _post_all(self) -> None:
        delay = BACKOFF_SECONDS[0]
        while True:
            while not self._closed:
                self._work.clear()
                await self._work.wait()
            path, size = self._closed[0]
            try:
                status = await self._post(await asyncio.to_thread(batch_body, path))
            except OSError as error:
                status, self._error = 0, f"the control plane takes no predictions: {error or type(error).__name__}"
            if 200 <= status < 300:
                path.unlink(missing_ok=True)
                self._error = ""
            elif status in (400, 413, 422):
                self._error = f"the control plane refused a batch of predictions with {status}"
                self._keep_refused(path)
            else:
                if status:
                    self._error = f"the control plane answered {status} to predictions"
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF_SECONDS[1])
                continue
            delay = BACKOFF_SECONDS[0]
            self._closed.pop(0)
            self._waiting_bytes -= size

    def _keep_refused(self, path: Path) -> None:
        path.rename(self._refused / path.name)
        self._set_aside += 1
        kept = sorted(self._refused.iterdir())
        total = sum(item.stat().st_size for item in kept)
        while kept and total > self._limit // 10:
            oldest = kept.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()


def batch_body(path: Path) -> bytes:
    """The body to post for a closed segment: the id from its name, its rows as they were written."""
    match = _NAME.match(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not a segment")
    rows = path.read_bytes().rstrip(b"\n").replace(b"\n", b",")
    return b'{"batch_id":"%s","rows":[%s]}' % (match["batch"].encode(), rows)
