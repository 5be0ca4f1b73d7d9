"""One isolated process per model version, as the gateway sees it: start, batches, crash, drain.

Natural batching: requests queue while the host computes, and whatever is queued when it is free goes as one
batch (up to `BATCH_ROWS`). There is no timer to tune and no waiting when idle. Two batches are never under way
at once, so a crash fails at most one batch and the queue.

States: FETCHING and LOADING before the first answer, READY, CRASHED (restarts with backoff), FAILED (could not
be fetched or loaded, or crashed, three times in a row; still tried again, ever more slowly), QUARANTINED (the
host refused the contents; never tried again), DRAINING, ENDED.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from workers.contracts.routes import RouteVersion
from workers.sandbox import clean_environment
from workers.serving.answers import Answers, Scores
from workers.serving.control import ControlAway
from workers.serving.frames import FrameRefused, column_encode, frame_encode
from workers.serving.inputs import Columns, Inputs
from workers.serving.links import Link, last_words, process_ended
from workers.serving.store import ModelStore

BATCH_ROWS = 4_096
QUEUE_ROWS = 40_000
BATCH_SECONDS = 30.0
LOAD_SECONDS = 120.0
DRAIN_SECONDS = 10.0
BACKOFF_SECONDS = (0.2, 30.0)
STEADY_SECONDS = 30.0
AWAY_SECONDS = 1.0
ERROR_CHARACTERS = 2_000
FAILURES_TOLD = 3

FETCHING, LOADING, READY, CRASHED = "FETCHING", "LOADING", "READY", "CRASHED"
FAILED, QUARANTINED, DRAINING, ENDED = "FAILED", "QUARANTINED", "DRAINING", "ENDED"

_ROOT = Path(__file__).resolve().parents[2]


class HostAway(Exception):
    """The host cannot answer: it crashed, is stuck, or has too much to do."""


class ModelRefused(Exception):
    """The model itself did not take a row that fits its signature."""


class Job:
    """One request's rows on their way through a host; `done` is called once with scores or an exception."""

    __slots__ = ("columns", "done", "queued_at", "rows")

    def __init__(self, rows: int, columns: Columns, done: Callable[[Scores | Exception], None]) -> None:
        self.rows = rows
        self.columns = columns
        self.done = done
        self.queued_at = time.monotonic()


class Host:
    """The host of one version. `changed` is called at every change of state, `batch_done` after the answers of
    a batch.

    Raises ValueError (also as SignatureError) at once when the version's own facts contradict each other.
    """

    def __init__(
        self,
        version: RouteVersion,
        store: ModelStore,
        scratch: Path,
        *,
        changed: Callable[[], None],
        batch_done: Callable[[], None],
        memory_bytes: int | None,
    ) -> None:
        self.version = version
        self.inputs = Inputs(version.signature)
        self.answers = Answers(version)
        self.state = FETCHING
        self.error = ""
        self.was_ready = False
        self._failures = 0
        self._why = ""
        self._store = store
        self._scratch = scratch
        self._changed = changed
        self._batch_done = batch_done
        self._memory_bytes = memory_bytes
        self._queue: deque[Job] = deque()
        self._queued_rows = 0
        self._under_way: list[Job] = []
        self._sent_at = 0.0
        self._send_planned = False
        self._singles = 0  # requests that go one by one, because a batch with them failed
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._loop = asyncio.get_running_loop()
        self._life: asyncio.Task[None] | None = None

    # Lifecycle

    def start(self) -> None:
        """Starts the host and keeps it alive until `drain` or `end`."""
        self._life = self._loop.create_task(self._live())

    async def drain(self) -> None:
        """Answers what is queued (new requests are refused), then ends the process."""
        self._set(DRAINING)
        deadline = time.monotonic() + DRAIN_SECONDS
        while (self._queue or self._under_way) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        await self.end()

    async def end(self) -> None:
        """Ends the process now; requests that are still waiting get HostAway."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self._fail_all("the version is no longer served")
        self._set(ENDED)

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        return None if self._process is None else self._process.pid

    def rss_bytes(self) -> int | None:
        """Resident memory of the process, or None when there is none."""
        try:
            return None if self.pid is None else int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return None

    async def _live(self) -> None:
        while True:
            if self.state != FETCHING:  # what kept it from being fetched goes on being told
                self._phase(FETCHING)
            try:
                directory = await self._store.directory(self.version)
            except ControlAway as error:
                # No fault of the version: it goes on waiting, however long the control plane is away.
                self._set(self.state, str(error)[:ERROR_CHARACTERS])
                await asyncio.sleep(AWAY_SECONDS)
                continue
            except OSError as error:
                self._broken(FETCHING, str(error))
            else:
                if not await self._run(directory):
                    return
            delay, longest = BACKOFF_SECONDS
            await asyncio.sleep(min(delay * 2 ** min(self._failures - 1, 20), longest))

    async def _run(self, directory: Path) -> bool:
        """One process from start to end. False when it must not be started again."""
        self._phase(LOADING)
        ours, theirs = socket.socketpair()
        process: asyncio.subprocess.Process | None = None
        errors: asyncio.Task[str] | None = None
        quarantined = False
        try:
            ours.setblocking(False)
            process = self._process = await self._spawn(theirs, directory)
            theirs.close()
            errors = self._loop.create_task(last_words(process.stderr))
            ready: asyncio.Future[dict[str, Any]] = self._loop.create_future()
            _, link = await self._loop.create_unix_connection(lambda: Link(ready, self._result), sock=ours)
            self._link = link
            link.write(frame_encode({"signature": dict(self.version.signature)}))
            try:
                first = await asyncio.wait_for(ready, LOAD_SECONDS)
            except (TimeoutError, ConnectionError):
                first = {"state": FAILED, "error": ""}
            state = first.get("state")
            if state == READY:
                if contradiction := self.answers.contradiction(first.get("classes")):
                    raise OSError(contradiction)
                self.was_ready = True
                self._set(READY)
                self._plan()
                ready_at = time.monotonic()
                await self._link.closed
                if time.monotonic() - ready_at > STEADY_SECONDS:
                    self._failures = 0
                self._broken(CRASHED, self._why or "the host process ended")
                self._why = ""
                self._fail_all("the model's process ended")
            elif state == QUARANTINED:
                quarantined = True
                self._set(QUARANTINED, str(first.get("error", ""))[:ERROR_CHARACTERS])
            else:
                self._broken(LOADING, str(first.get("error") or "the model did not load"))
        except OSError as error:
            self._broken(LOADING, f"the version cannot be served: {error}")
        finally:
            theirs.close()
            if self._link is not None:
                self._link.close()
                self._link = None
            else:
                ours.close()
            if process is not None:
                await process_ended(process)
            self._process = None
            if errors is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    text = (await errors).strip()
                    if self.error and text and self.state != QUARANTINED:
                        code = None if process is None else process.returncode
                        self._set(self.state, f"{self.error} (exit {code}): {text.splitlines()[-1]}"[:ERROR_CHARACTERS])
        return not quarantined

    async def _spawn(self, theirs: socket.socket, directory: Path) -> asyncio.subprocess.Process:
        scratch = self._scratch / self.version.id
        (scratch / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        arguments = ["--fd", str(theirs.fileno()), "--directory", str(directory), "--parent", str(os.getpid())]
        if self._memory_bytes is not None:
            arguments += ["--memory-bytes", str(self._memory_bytes)]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "workers.serving.host",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            env=clean_environment(scratch, _ROOT, 1, {}),
            cwd=scratch,
            start_new_session=True,  # Ctrl-C is the gateway's to answer: it drains first
        )

    def _phase(self, state: str) -> None:
        """Says what is being done, unless it has failed so often that FAILED is the truth."""
        if self._failures < FAILURES_TOLD:
            self._set(state)

    def _broken(self, state: str, error: str) -> None:
        """Counts a failure: `state` goes on being told until there are too many in a row."""
        self._failures += 1
        self._set(FAILED if self._failures >= FAILURES_TOLD else state, error[:ERROR_CHARACTERS])

    def _set(self, state: str, error: str = "") -> None:
        if (state, error) != (self.state, self.error):
            self.state, self.error = state, error
            self._changed()

    # Batches

    def submit(self, job: Job) -> None:
        """Queues a request. Raises HostAway when the host is not ready or its queue is full."""
        if self.state != READY:
            raise HostAway("the model's process is starting")
        if self._queued_rows + job.rows > QUEUE_ROWS:
            raise HostAway("more requests are waiting than the model can answer")
        self._queue.append(job)
        self._queued_rows += job.rows
        self._plan()

    def overdue(self, now: float) -> None:
        """Ends a host that has been computing one batch for too long; it is restarted like any that crashed."""
        if self._under_way and now - self._sent_at > BATCH_SECONDS and self._process is not None:
            self._why = f"one batch took longer than {BATCH_SECONDS:.0f} s"
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    def _plan(self) -> None:
        # Sent at the end of this turn of the loop, so that all requests read in one turn share a batch.
        if not self._send_planned and not self._under_way and self._queue:
            self._send_planned = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._send_planned = False
        if self._under_way or self._link is None or not self._queue:
            return
        queue, batch, rows = self._queue, self._under_way, 0
        while queue and (not batch or (not self._singles and rows + queue[0].rows <= BATCH_ROWS)):
            job = queue.popleft()
            batch.append(job)
            rows += job.rows
        self._singles = max(0, self._singles - 1)
        self._queued_rows -= rows
        parts, blobs = [], []
        for name, kind in self.inputs.kinds:
            if len(batch) == 1:
                values = batch[0].columns[name]
            else:
                values = [value for job in batch for value in job.columns[name]]
            sent, text, blob = column_encode(kind, values)
            parts.append([sent, text])
            blobs.append(blob)
        self._sent_at = time.monotonic()
        try:
            self._link.write(frame_encode({"rows": rows, "columns": parts}, b"".join(blobs)))
        except FrameRefused:
            self._under_way = []
            for job in batch:
                job.done(ModelRefused("the request is too large"))
            self._batch_done()
            self._plan()

    def _result(self, header: dict[str, Any], body: bytes) -> None:
        """One batch came back. Raises FrameRefused when the host does not keep to the protocol."""
        batch, self._under_way = self._under_way, []
        if not batch:
            raise FrameRefused("the host answered without being asked")
        rows = sum(job.rows for job in batch)
        if "error" in header:
            self._batch_failed(batch, str(header["error"])[:ERROR_CHARACTERS])
            return
        width = self.answers.width
        if header.get("rows") != rows or header.get("width") != width or len(body) != rows * width * 8:
            self._under_way = batch
            raise FrameRefused("the host's result does not have the shape that the version's facts state")
        self._send()  # first give the host its next batch, then write the answers of this one
        scores = Scores(array("d", body), width)
        start = 0
        for job in batch:
            job.done(scores if len(batch) == 1 else scores.part(start, job.rows))
            start += job.rows
        self._batch_done()

    def _batch_failed(self, batch: list[Job], error: str) -> None:
        """The model raised: alone, the row is to blame; together, each request is tried again by itself."""
        if len(batch) == 1:
            batch[0].done(ModelRefused(error))
            self._batch_done()
        else:
            self._singles = len(batch)
            self._queue.extendleft(reversed(batch))
            self._queued_rows += sum(job.rows for job in batch)
        self._plan()

    def _fail_all(self, why: str) -> None:
        jobs = [*self._under_way, *self._queue]
        self._under_way, self._queue, self._queued_rows = [], deque(), 0
        for job in jobs:
            job.done(HostAway(why))
        if jobs:
            self._batch_done()
