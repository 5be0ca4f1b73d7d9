"""A lane of its own for large requests: one thread reads and writes them, so that small ones do not wait.

Reading ten thousand rows of JSON and writing their log takes some hundred milliseconds of Python. On the loop that
would hold up everybody; in a thread the interpreter goes back and forth between both, and one large request after
the other is enough, because they share the processor anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# From this size of a body on, a request takes the lane: about 500 rows of 14 inputs.
LARGE_BYTES = 128 * 1024
WAITING = 32


class LaneFull(Exception):
    """Too many large requests wait already."""


class Lane:
    """`work` runs in the lane's thread, then `then` on the loop with its result, or with the exception it raised."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="large")
        self._waiting = 0

    def enter(self) -> None:
        """Takes a place for one request, given back by `leave`. Raises LaneFull."""
        if self._waiting >= WAITING:
            raise LaneFull
        self._waiting += 1

    def leave(self) -> None:
        """Gives the place back."""
        self._waiting -= 1

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Does `work` aside. `then` must not raise."""
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)

        def done(ended: asyncio.Future[Any]) -> None:
            if not ended.cancelled():
                error = ended.exception()
                then(ended.result() if error is None else error)

        future.add_done_callback(done)

    def close(self) -> None:
        """Ends the thread after the work under way."""
        self._thread.shutdown(wait=False, cancel_futures=True)
