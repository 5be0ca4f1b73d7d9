"""Server time of every page, and of the small answers, with the demo plus 10,000 runs and 1,000 jobs.

Times are those of a client on the same machine over one kept-alive connection, one request after the other, so they
hold the server's time and the loopback. The small answers are measured in turn with the pages' own process and with
the simplest answer there is, so that the ratios belong to one run. `make bench-pages`.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import psycopg

from bench._rows import jobs_add, runs_add
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open

RUNS, JOBS = 10_000, 1_000
WARM, ROUNDS, SMALL_ROUNDS = 2, 15, 300
P50_PAGE, P95_PAGE, P50_LIVE, P50_READ = 80.0, 200.0, 1.0, 3.0


def sign_in(stack: LiveStack, username: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=stack.url, timeout=60, trust_env=False)
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get("/accounts/login/").text)
    fields = {"login": username, "password": password, "csrfmiddlewaretoken": found[1] if found else ""}
    if client.post("/accounts/login/", data=fields, headers={"Origin": stack.url}).status_code != 302:
        sys.exit("signing in failed")
    return client


def timed(call: Callable[[], Any], rounds: int) -> list[float]:
    """Milliseconds per call, after a warm-up."""
    for _ in range(WARM):
        call().read()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call().read()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def interpreter() -> str:
    """Its version and the seconds of ten million additions in a plain loop, for builds differ by half in speed."""
    begun = time.perf_counter()
    for number in range(10_000_000):
        number + 1
    return f"{platform.python_version()}, ten million additions in {time.perf_counter() - begun:.2f} s"


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]


def addresses(stack: LiveStack) -> dict[str, str]:
    """Page names with addresses of rows of this stack."""
    database_url, redis_url = embedded_urls(stack.config)
    os.environ.update(dict(stack.config.environ) | {"DATABASE_URL": database_url, "REDIS_URL": redis_url})
    import django

    django.setup()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    from tests.architecture.pages import address, pages_all

    return {name: where for name, route in pages_all().items() if (where := address(route))}


def main() -> None:
    with stack_open("fairway-bench-") as stack:
        measure(stack)


def measure(stack: LiveStack) -> None:
    accounts = json.loads(stack.manage("demo_accounts", "--json").stdout)["accounts"]
    done = stack.manage("demo", seconds=600)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    with psycopg.connect(embedded_urls(stack.config)[0]) as connection, connection.cursor() as cursor:
        runs_add(cursor, RUNS)
        jobs_add(cursor, JOBS)
        connection.commit()
        # What the database does by itself within a minute.
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f} before, {RUNS:,} more runs and {JOBS:,} more jobs, {ROUNDS} rounds; "
        f"Python {interpreter()}\n"
    )

    owner = next(account for account in accounts if account["username"] == "owner")
    admin = next(account for account in accounts if account["username"] == "admin")
    clients = [sign_in(stack, account["username"], account["password"]) for account in (owner, admin)]
    rows = []
    for name, where in addresses(stack).items():
        for client in clients:
            answer = client.get(where)
            if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
                times = timed(lambda client=client, where=where: client.get(where), ROUNDS)
                rows.append((statistics.median(times), p95(times), name, len(answer.content)))
                break
    print(f"{'page':<34}{'p50 ms':>9}{'p95 ms':>9}{'kB':>8}")
    for middle, high, name, size in sorted(rows, reverse=True):
        mark = "  above the goal" if middle > P50_PAGE or high > P95_PAGE else ""
        print(f"{name:<34}{middle:9.1f}{high:9.1f}{size / 1000:8.0f}{mark}")
    worst50, worst95 = max(row[0] for row in rows), max(row[1] for row in rows)
    print(f"\n{len(rows)} pages; slowest p50 {worst50:.0f} ms (goal {P50_PAGE:.0f})")
    print(f"slowest p95 {worst95:.0f} ms (goal {P95_PAGE:.0f})")

    token = stack.manage("token_create", "--user", "owner").stdout.strip()
    # The barest client there is: another's own work would be part of what is measured.
    wire = http.client.HTTPConnection("127.0.0.1", stack.config.port)

    def get(path: str) -> http.client.HTTPResponse:
        wire.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return wire.getresponse()

    live, read, me = (
        timed(lambda path=path: get(path), SMALL_ROUNDS)
        for path in ("/health/live", "/api/v1/notices?page_size=1", "/api/v1/me")
    )
    floor = statistics.median(live)
    print(f"\n{'small answers, kept alive':<34}{'p50 ms':>9}{'p95 ms':>9}{'goal':>7}{'times /health/live':>20}")
    for title, times, goal in (
        ("GET /health/live", live, P50_LIVE),
        ("GET /api/v1/notices?page_size=1", read, P50_READ),
        ("GET /api/v1/me", me, P50_READ),
    ):
        middle = statistics.median(times)
        print(f"{title:<34}{middle:9.2f}{p95(times):9.2f}{goal:7.1f}{middle / floor:20.1f}")


if __name__ == "__main__":
    main()
