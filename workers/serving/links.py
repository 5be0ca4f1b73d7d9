"""The gateway's end of a host: its socket, its last words, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any, cast

from workers.serving.frames import FrameReader, FrameRefused

WORDS_BYTES = 2_000
LEAVE_SECONDS = 1.0


class Link(asyncio.Protocol):
    """The gateway's end of the socket. The first frame says how loading went, every further one is a result."""

    def __init__(self, ready: asyncio.Future[dict[str, Any]], result: Callable[[dict[str, Any], bytes], None]) -> None:
        self._ready = ready
        self._result = result
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for header, body in self._reader.feed(data):
                if not self._ready.done():
                    self._ready.set_result(header)
                else:
                    self._result(header, body)
        except FrameRefused:
            self.close()  # what does not keep to the protocol is treated like a crash

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("the host ended"))
        if not self.closed.done():
            self.closed.set_result(None)

    def write(self, frame: bytes) -> None:
        """Sends one frame; nothing happens when the host is gone, because `closed` tells that."""
        if self._transport is not None:
            self._transport.write(frame)

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.abort()


async def last_words(stream: asyncio.StreamReader | None) -> str:
    """The last words of a process; reads to the end so that it can never block on a full pipe."""
    kept = b""
    if stream is not None:
        while chunk := await stream.read(4096):
            kept = (kept + chunk)[-WORDS_BYTES:]
    return kept.decode("utf-8", "replace")


async def process_ended(process: asyncio.subprocess.Process) -> None:
    """Waits for a process whose socket is closed; one that does not go by itself is killed with its group."""
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), LEAVE_SECONDS)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
