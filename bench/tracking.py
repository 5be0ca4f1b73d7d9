"""Searching runs over MLflow's API, in experiments of 1,000, 10,000 and 100,000 runs: medians and how flat they are.

Times are those of a client on the same machine over one kept-alive connection, one request after the other, so they
hold the server's time and the loopback; every answer is a page of 100 runs. `make bench-tracking`.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
from typing import Any

import psycopg

from bench._tracking_runs import runs_seed
from controlplane.stack.embedded import embedded_urls
from tests.flows.stack import stack_open

SIZES = (1_000, 10_000, 100_000)
WARM, ROUNDS = 5, 40
API = "/api/2.0/mlflow/"
BY_METRIC = ["metrics.m1 DESC"]
SEARCHES: dict[str, dict[str, Any]] = {
    "newest first": {},
    "by metric": {"order_by": BY_METRIC},
    "metric and param, by metric": {"filter": "metrics.m0 > 0.5 and params.p0 = 'v3'", "order_by": BY_METRIC},
    "tag, by metric": {"filter": "tags.team = 't3'", "order_by": BY_METRIC},
    "rare param, newest first": {"filter": "params.p0 = 'v3' and params.p1 = 'v4' and params.p2 = 'v5'"},
    "best of a metric, newest first": {"filter": "metrics.m2 > 0.995"},
    "by param, then metric": {"order_by": ["params.p3", "metrics.m1"]},
}


class Wire:
    """The barest client there is: another's own work would be part of what is measured."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.connection.request("POST", API + path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {content[:300]!r}")
        return dict(json.loads(content))


def main() -> None:
    with stack_open("fairway-bench-") as stack:
        stack.manage("demo_accounts", "--json")
        token = stack.manage("token_create", "--user", "scientist").stdout.strip()
        wire = Wire(stack.config.port, token)
        compare(wire, seed(wire, embedded_urls(stack.config)[0]))


def seed(wire: Wire, database_url: str) -> dict[int, str]:
    """{size: number of an experiment with so many runs}."""
    numbers = {}
    with psycopg.connect(database_url, autocommit=True) as connection, connection.cursor() as cursor:
        for size in SIZES:
            made = wire.post("experiments/create", {"name": f"bench {size} {time.time()}"})
            numbers[size] = made["experiment_id"]
            runs_seed(cursor, int(made["experiment_id"]), size)
        cursor.execute("VACUUM ANALYZE")
    wire.connection.close()
    return numbers


def compare(wire: Wire, numbers: dict[int, str]) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {ROUNDS} rounds, p50 / p95 in ms\n")
    print(f"{'search':<34}" + "".join(f"{f'{size:,} runs':>18}" for size in SIZES) + f"{'largest/smallest':>18}")
    for title, body in SEARCHES.items():
        medians, cells = [], ""
        for size in SIZES:
            asked = {"experiment_ids": [numbers[size]], "max_results": 100, **body}
            times = []
            for _ in range(WARM + ROUNDS):
                begun = time.perf_counter()
                wire.post("runs/search", asked)
                times.append((time.perf_counter() - begun) * 1000)
            times = sorted(times[WARM:])
            medians.append(statistics.median(times))
            cells += f"{f'{medians[-1]:.1f} / {times[int(len(times) * 0.95)]:.1f}':>18}"
        print(f"{title:<34}{cells}{medians[-1] / medians[0]:>17.1f}x", flush=True)


if __name__ == "__main__":
    main()
