"""The most that the processes of each server held at once: proportional set size, so that shared pages count once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench._tracking_servers import Both
from controlplane.stack.status import memory_bytes

EVERY_SECONDS = 2.0


@contextmanager
def peaks_watched(both: Both) -> Iterator[dict[str, float]]:
    """{name: MiB}, growing while the block runs."""
    peaks = {server.name: 0.0 for server in both.servers}
    over = threading.Event()

    def look() -> None:
        while True:
            for server in both.servers:
                peaks[server.name] = max(peaks[server.name], memory_bytes(server.pid) / 2**20)
            if over.wait(EVERY_SECONDS):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
