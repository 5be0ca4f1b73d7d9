"""The loop that a worker thread runs beside each attempt: output to log rows, readings, heartbeat, cancel, end.

It holds no state that matters: offsets, lease and readings are rows, so any worker may go on where another stopped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from psycopg_pool import PoolTimeout

from apps.jobs import services
from apps.jobs.contracts import Claim
from apps.jobs.models import JobAttempt
from workers.contracts.jobspec import JobState, JobStatus, Line
from workers.executors.base import Executor

logger = logging.getLogger(__name__)

POLL_FAST = 0.03
POLL_SLOW = 0.15
FAST_FOR = 4.0
BATCH_SECONDS = 0.2
BATCH_BYTES = 64 * 1024
CANCEL_SECONDS = 0.5
STATUS_SECONDS = 0.25
USAGE_SECONDS = 2.0
STOP_GRACE = 5.0
MOST_FAULTS = 5


@dataclass
class Watch:
    """One attempt under watch. `run` returns when the attempt has ended or another worker holds it."""

    claim: Claim
    executor: Executor
    handle: str
    offset: int
    wait: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._next = dict.fromkeys(("status", "cancel", "heartbeat", "usage"), 0.0)
        self._pending: list[Line] = []
        self._pending_since = 0.0
        self._read = self.offset
        self._reading: tuple[float, float] | None = None
        self._stopping = False
        self._faults = 0
        self._status = JobStatus(JobState.RUNNING)

    def run(self) -> None:
        """Watch until the end. A lost database is waited for; the child goes on meanwhile, its output stays on disk."""
        while True:
            try:
                if self._step():
                    return
            except services.LeaseLost:
                logger.info("Attempt %s is watched by another worker now.", self.claim.attempt_id)
                return
            except (OperationalError, InterfaceError, PoolTimeout) as error:
                logger.warning("Attempt %s: the database cannot be reached: %s", self.claim.attempt_id, error)
                self._forget()
                connections.close_all()
                # Asking renews the child's lease: it must not end because the database is away.
                self.executor.status(self.handle)
                self.wait(1.0)
                continue
            except Exception as error:
                logger.exception("Attempt %s: watching it failed.", self.claim.attempt_id)
                self._faults += 1
                if self._faults >= MOST_FAULTS:
                    self._give_up(error)
                    return
                self._forget()
                self.wait(1.0)
            young = time.monotonic() - self._began < FAST_FOR
            self.wait(POLL_FAST if young or self._pending else POLL_SLOW)

    def _give_up(self, error: Exception) -> None:
        """A fault that stays must not keep the job from ending: stop the child and count the attempt as lost."""
        self.executor.stop(self.handle, 0.0)
        cause = f"The worker could not watch the job: {type(error).__name__}: {error}"[:500]
        services.job_finish(claim=self.claim, status=JobStatus(JobState.LOST, cause=cause))

    def _due(self, name: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._next[name]:
            return False
        self._next[name] = now + every
        return True

    def _step(self) -> bool:
        """One look at everything that is due; True at the end."""
        if self._due("status", STATUS_SECONDS):
            self._status = self.executor.status(self.handle)
        ended = self._status.state is not JobState.RUNNING
        self._lines(flush=ended)
        if ended:
            services.job_finish(claim=self.claim, status=self._status)
            services.directory_remove(self.handle)
            return True
        if self._due("heartbeat", settings.JOB_HEARTBEAT_SECONDS):
            self._stop_if(services.attempt_heartbeat(claim=self.claim))
        elif self._due("cancel", CANCEL_SECONDS):
            self._stop_if(services.cancel_wanted(claim=self.claim))
        if self._due("usage", USAGE_SECONDS):
            self._usage()
        return False

    def _stop_if(self, wanted: bool) -> None:
        if wanted and not self._stopping:
            self.executor.stop(self.handle, STOP_GRACE)
            self._stopping = True

    def _lines(self, *, flush: bool) -> None:
        """Read on and store in batches of 200 ms or 64 kB; the first lines of an attempt do not wait for a batch."""
        while True:
            fresh = self.executor.lines(self.handle, self._read)
            self._read = fresh[-1].offset_end if fresh else self._read
            if fresh and not self._pending:
                self._pending_since = time.monotonic()
            self._pending += fresh
            full = self._read - self.offset >= BATCH_BYTES
            old = time.monotonic() - self._pending_since >= BATCH_SECONDS
            if self._pending and (flush or full or old or self.offset == 0):
                self._store()
            if not fresh or not (full or flush):
                return

    def _store(self) -> None:
        batch: list[Line] = []
        size = 0
        for line in self._pending:
            batch.append(line)
            size += len(line.text) + 1
            if size >= BATCH_BYTES:
                self.offset = services.job_log_append(claim=self.claim, lines=batch)
                batch, size = [], 0
        if batch:
            self.offset = services.job_log_append(claim=self.claim, lines=batch)
        self._pending = []

    def _forget(self) -> None:
        """Read again from what is stored for sure; storing a line twice changes nothing."""
        self._pending = []
        self._read = self.offset

    def _usage(self) -> None:
        now, used = time.monotonic(), self._status.cpu_seconds
        if self._status.rss_bytes == 0:
            return
        before = self._reading
        self._reading = (now, used)
        if before is None or now <= before[0]:
            return
        share = max(0.0, (used - before[1]) / (now - before[0]))
        services.usage_append(claim=self.claim, status=self._status, cpu_share=share)


def attempt_watch(claim: Claim, executor: Executor) -> None:
    """Watch an attempt that this worker holds, from where its log stands."""
    attempt = JobAttempt.objects.only("handle", "log_offset").get(pk=claim.attempt_id)
    Watch(claim, executor, attempt.handle, attempt.log_offset).run()
