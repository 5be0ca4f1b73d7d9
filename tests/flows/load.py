"""Load on a live product: callers that go on through outages, and a way to keep a part of it down."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from controlplane.stack.testing import LiveStack

# A connection that ends or is refused while the process behind the port is killed.
CUT = 0


@dataclass(frozen=True)
class Reply:
    """One answer: its status (CUT: none), how long it took, and what it says about trying again."""

    status: int
    seconds: float
    retry_after: str
    body: str


@dataclass
class Load:
    """Threads that repeat one call each until the block ends."""

    replies: list[Reply] = field(default_factory=list)

    def count(self, status: int, after: int = 0) -> int:
        """How many answers of that status have come since answer number `after`."""
        return sum(1 for reply in self.replies[after:] if reply.status == status)


@contextmanager
def load(call: Callable[[httpx.Client], httpx.Response], base_url: str, threads: int = 2) -> Iterator[Load]:
    """Repeat `call` from several threads while the block runs."""
    found, ended = Load(), threading.Event()

    def go() -> None:
        with httpx.Client(base_url=base_url, timeout=30, trust_env=False) as client:
            while not ended.wait(0.01):
                begun = time.monotonic()
                try:
                    answer = call(client)
                except httpx.TransportError as error:
                    found.replies.append(Reply(CUT, time.monotonic() - begun, "", repr(error)))
                    continue
                retry = answer.headers.get("retry-after", "")
                found.replies.append(Reply(answer.status_code, time.monotonic() - begun, retry, answer.text[:500]))

    workers = [threading.Thread(target=go) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield found
    finally:
        ended.set()
        for worker in workers:
            worker.join(60)


@contextmanager
def held_down(stack: LiveStack, name: str) -> Iterator[None]:
    """Kill a part, and whatever the supervisor starts in its place, until the block ends."""
    ended = threading.Event()

    def keep() -> None:
        killed = 0
        while not ended.wait(0.02):
            try:
                pid = stack.pid(name)
                if pid != killed:
                    os.kill(pid, signal.SIGKILL)
                    killed = pid
            except LookupError:
                continue
            except ProcessLookupError:
                killed = pid

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join(30)
