"""10,000 queued jobs that run `true`, on one worker: how long a free place stays free, the pages and memory meanwhile.

A place that becomes free at the end of one job is taken by the start of the next; both moments are the database's own.
`make bench-queue`; ARGS=--quick queues 1,000.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import psycopg

from bench._team import Loader, loader_make
from bench.memory import pss_mib
from bench.pages import p95
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open

JOBS = 1_000 if "--quick" in sys.argv else 10_000
WINDOW = 60 if "--quick" in sys.argv else 180
GOALS = "goals: 200 ended a minute; p95 of a free place 500 ms; pages 200 ms; memory flat"
FILL = """
import uuid
from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.training.services import code_launch
actor = actor_of_user(User.objects.get(username={name!r}))
for number in range({count}):
    code_launch(actor=actor, bundle_id=uuid.UUID({bundle!r}), command="true", name=f"true {{number}}")
"""
ENDED = """
SELECT extract(epoch FROM a.started_at), extract(epoch FROM a.ended_at)
FROM jobs_jobattempt a WHERE a.started_at IS NOT NULL ORDER BY a.started_at
"""


def fill(stack: LiveStack, loader: Loader) -> None:
    sent = loader.api.call("POST", "code-bundles", data=b"print(1)\n", team_id=loader.team_id, filename="job.py")
    bundle = sent.expect(201)["id"]
    begun = time.perf_counter()
    source = FILL.format(name="loader", count=JOBS, bundle=bundle)
    done = stack.manage("shell", "-c", source, seconds=3_600)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    print(f"{JOBS:,} jobs queued in {time.perf_counter() - begun:.0f} s, of which some have run meanwhile", flush=True)


def pages(loader: Loader, until: float) -> dict[str, list[float]]:
    """Milliseconds of pages that are looked at meanwhile, one each second."""
    job = loader.api.get("jobs", state="QUEUED")["results"][0]["id"]
    found: dict[str, list[float]] = {path: [] for path in ("/", "/jobs/", "/jobs/board/", f"/jobs/{job}/")}
    while time.time() < until:
        for path, times in found.items():
            begun = time.perf_counter()
            answer = loader.browser.get(path)
            if answer.status_code != 200:
                sys.exit(f"{path} answered {answer.status_code}")
            times.append((time.perf_counter() - begun) * 1000)
            time.sleep(1)
    return found


def memory(stack: LiveStack) -> float:
    """MiB of all processes but the jobs' own."""
    return sum(pss_mib(process) for process in stack.family() if "workers.runner.child" not in str(process.cmdline()))


def free_times(rows: list[tuple[float, float | None]], since: float) -> list[float]:
    """Milliseconds from each end within the window to the start that took its place."""
    ends = sorted(float(end) for _, end in rows if end is not None and float(end) >= since)
    starts = sorted(float(start) for start, _ in rows if float(start) >= ends[0])
    return [(start - end) * 1000 for start, end in zip(starts, ends, strict=False)]


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before\n")
    with stack_open("fairway-bench-") as stack:
        loader = loader_make(stack)
        fill(stack, loader)
        measure(stack, loader)


def measure(stack: LiveStack, loader: Loader) -> None:
    before, since = memory(stack), time.time()
    seen = pages(loader, since + WINDOW)
    after = memory(stack)
    with psycopg.connect(embedded_urls(stack.config)[0]) as connection:
        rows = connection.execute(ENDED).fetchall()
    waiting = loader.api.get("queues")[0]
    free = free_times(rows, since)
    ended = sum(1 for _, end in rows if end is not None and float(end) >= since)
    print(f"ended: {ended * 60 / WINDOW:.0f} a minute; still waiting: {waiting['waiting']:,}")
    print(f"a free place is taken after p50 {statistics.median(free):.0f} ms, p95 {p95(free):.0f} ms")
    for path, times in seen.items():
        print(f"{path[:24]:<26} p50 {statistics.median(times):6.0f} ms   p95 {p95(times):6.0f} ms")
    print(f"memory of all processes {before:.0f} MiB before, {after:.0f} MiB after {WINDOW} s\n{GOALS}")


if __name__ == "__main__":
    main()
