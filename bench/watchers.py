"""What twenty people who watch a job cost it: a job that writes 5,000 lines a second, alone and watched, in turns.

The job paces itself and says at its end how long its writing took: what holds it up makes that longer. Each watcher is
a connection of its own, as a page has one; one that lags is told how many lines it was not sent. `make bench-watchers`.
"""

from __future__ import annotations

import os
import statistics
import threading
import time

from bench._team import Loader, loader_make
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open
from tests.flows.websocket import WebSocket

RATE, SECONDS, WATCHERS, TURNS = 5_000, 15, 20, 2
JOB = f"""
import sys
import time

begun = time.perf_counter()
for slice in range({SECONDS * 50}):
    for line in range({RATE // 50}):
        print("line", slice * {RATE // 50} + line, "of a job that writes as fast as it may, forty characters more")
    sys.stdout.flush()
    ahead = (slice + 1) / 50 - (time.perf_counter() - begun)
    if ahead > 0:
        time.sleep(ahead)
print("took", round(time.perf_counter() - begun, 3))
"""


class Watcher(threading.Thread):
    """One page on the job's log: lines it was sent, and lines it was told of."""

    def __init__(self, stack: LiveStack, cookie: str, job: str) -> None:
        super().__init__(daemon=True)
        self.socket = WebSocket(stack.config.live_port, origin=stack.url, cookie=cookie)
        self.socket.send({"subscribe": f"job.{job}", "after": 0})
        self.lines, self.left_out, self.over = 0, 0, threading.Event()

    def run(self) -> None:
        try:
            while not self.over.is_set():
                for row in self.socket.receive().get("rows", []):
                    if row["kind"] == "log":
                        self.lines += len(row["lines"])
                    elif row["kind"] == "gap":
                        self.left_out += row["data"]["to"] - row["data"]["from"] + 1
                    elif row["kind"] == "state" and row["data"].get("state") in ("SUCCEEDED", "FAILED"):
                        return
        except (OSError, ConnectionError):
            return


def turn(stack: LiveStack, loader: Loader, watchers: int) -> float:
    """Seconds that the job took for its lines, with so many watchers."""
    launch = loader.launch(JOB + f"# {time.time()}\n")
    cookie = "; ".join(f"{one.name}={one.value}" for one in loader.browser.cookies.jar)
    pages = [Watcher(stack, cookie, launch["job_id"]) for _ in range(watchers)]
    for page in pages:
        page.start()
    job = loader.api.ended(launch["job_id"], SECONDS * 10)
    address = f"jobs/{job['id']}/log"
    kept = loader.api.get(address, limit=1)["line_count"]
    last = [line["text"] for line in loader.api.get(address, after=kept - 10)["lines"]]
    took = next(float(text.split()[1]) for text in last if text.startswith("took "))
    for page in pages:
        page.join(10)
        page.over.set()
    sent = ""
    if pages:
        lines, left = (statistics.median(getattr(page, name) for page in pages) for name in ("lines", "left_out"))
        sent = f"each was sent {lines:,.0f} lines and told that {left:,.0f} are in the log alone"
    rate = RATE * SECONDS / took
    print(f"{watchers:3} watchers: {took:7.2f} s, {rate:6,.0f} lines/s, {kept:,} lines kept   {sent}", flush=True)
    return took


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {RATE:,} lines a second for {SECONDS} s\n")
    with stack_open("fairway-bench-") as stack:
        loader = loader_make(stack)
        found = [(turn(stack, loader, 0), turn(stack, loader, WATCHERS)) for _ in range(TURNS)]
    alone, watched = (statistics.median(times) for times in zip(*found, strict=True))
    print(f"\nwatched by {WATCHERS}: {watched / alone:.2f} times as long as alone; goal: not slowed")


if __name__ == "__main__":
    main()
