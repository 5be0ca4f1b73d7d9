"""Tells the web what a program's bars say, while the program runs, without ever holding up its output."""

import contextlib
import threading
import time
from collections.abc import Callable

from workers.runner.bars import Bar, BarReader
from workers.runner.client import ApiError, Cancelled, Client

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0
REPORTS = 200
"""About so many reports are made by a program that draws all the time, past the first minutes."""


class BarTeller:
    """Takes output as it comes and reports the newest bar from a thread of its own, at most once a second.

    `client` is for this thread alone; `doing` is the text of bars without a label.
    """

    def __init__(self, client: Client, doing: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._doing = doing
        self._clock = clock
        self._began = clock()
        self._reader = BarReader()
        self._newest: Bar | None = None
        self._told: Bar | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, data: bytes) -> None:
        """Looks for bars in a piece of output. Returns at once and raises nothing."""
        bar = self._reader.feed(data)
        if bar is None:
            return
        self._newest = bar
        if self._thread is None and not self._closing.is_set():
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Reports the last bar, if there was one and the web answers within seconds."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        while True:
            self._tell()
            pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, (self._clock() - self._began) / REPORTS))
            if self._closing.wait(pause):
                self._tell()
                self._client.close()
                return

    def _tell(self) -> None:
        bar = self._newest
        if bar is None or bar == self._told:
            return
        self._told = bar
        # Who cancels is told by the signal that follows; a web that is away is told of the next state.
        with contextlib.suppress(ApiError, Cancelled):
            self._client.progress(bar.fraction, (bar.label or self._doing)[:200], bar.step, bar.total, bar.left)
