"""The page of an experiment with 50,000 runs: filter, sort, page, group; the table's part and the whole page.

Times are those of a client on the same machine over one kept-alive connection, one request after the other, so they
hold the server's time and the loopback, and not the painting. `make bench-runs`.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys

import httpx
import psycopg

from bench._tracking_runs import runs_seed
from bench.pages import p95, sign_in, timed
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open

RUNS, ROUNDS = 50_000, 12
GOAL_P95 = 300.0
PART = {"HX-Request": "true", "HX-Target": "table-runs"}
QUESTIONS = {
    "newest first": "",
    "by metric": "sort=-m.m1",
    "by param": "sort=p.p3",
    "by time": "sort=-took",
    "metric and param, by metric": "filter=metrics.m0 > 0.5 AND params.p0 = 'v3'&sort=-m.m1",
    "tag, newest first": "filter=tags.team = 't3'",
    "rare param, by metric": "filter=params.p0 = 'v3' AND params.p1 = 'v4' AND params.p2 = 'v5'&sort=m.m1",
    "best of a metric": "filter=metrics.m2 > 0.995",
    "found by name": "q=4999",
    "groups by param": "group=p.p0",
    "groups by tag, one open": "group=t.team&open==t3",
}


def main() -> None:
    with stack_open("fairway-bench-") as stack:
        measure(stack)


def measure(stack: LiveStack) -> None:
    accounts = json.loads(stack.manage("demo_accounts", "--json").stdout)["accounts"]
    owner = next(account for account in accounts if account["username"] == "scientist")
    token = stack.manage("token_create", "--user", "scientist").stdout.strip()
    client = sign_in(stack, owner["username"], owner["password"])
    path = _seeded(stack, token)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {RUNS:,} runs, {ROUNDS} rounds\n")
    print(f"{'question':<34}{'part p50':>10}{'part p95':>10}{'page p50':>10}{'page p95':>10}{'kB':>7}   ms")
    worst = 0.0
    for name, query in _questions(client, path).items():
        where = f"{path}?{query}"
        answer = client.get(where, headers=PART)
        if answer.status_code != 200:
            sys.exit(f"{name}: {answer.status_code}")
        part = timed(lambda where=where: client.get(where, headers=PART), ROUNDS)
        page = timed(lambda where=where: client.get(where), ROUNDS)
        worst = max(worst, p95(part))
        numbers = [statistics.median(part), p95(part), statistics.median(page), p95(page)]
        print(f"{name:<34}" + "".join(f"{n:10.1f}" for n in numbers) + f"{len(answer.content) / 1000:7.0f}", flush=True)
    print(f"\nslowest p95 of the table's part {worst:.0f} ms (goal {GOAL_P95:.0f})")


def _questions(client: httpx.Client, path: str) -> dict[str, str]:
    """With the pages after the first, which the pager of the first names."""
    found = dict(QUESTIONS)
    for name in ("newest first", "by metric", "by param"):
        following = re.search(r'href="[^"?]*\?([^"]*)" rel="next"', client.get(f"{path}?{QUESTIONS[name]}").text)
        if following is None:
            sys.exit(f"{name}: there is no next page")
        found[f"{name}, next page"] = following[1].replace("&amp;", "&")
    return found


def _seeded(stack: LiveStack, token: str) -> str:
    """The address of an experiment with many runs."""
    made = httpx.post(
        f"{stack.url}/api/2.0/mlflow/experiments/create",
        json={"name": "many"},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    number = int(made.json()["experiment_id"])
    with psycopg.connect(embedded_urls(stack.config)[0]) as connection, connection.cursor() as cursor:
        runs_seed(cursor, number, RUNS)
        cursor.execute("SELECT id FROM experiments_experiment WHERE number = %s", [number])
        (pk,) = cursor.fetchone() or sys.exit("there is no experiment")
    with psycopg.connect(embedded_urls(stack.config)[0], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE experiments_run, experiments_runmetric, experiments_runparam")
    return f"/experiments/{pk}/"


if __name__ == "__main__":
    main()
