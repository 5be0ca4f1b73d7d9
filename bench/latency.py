"""From the click on Launch to the first line of the child, as it comes over the WebSocket that the page listens on.

Measured from sending the launch to the arrival of the first log row, with the page's own connection open meanwhile;
what a browser adds is drawing one line. `make bench-latency`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import Any

import httpx

from bench.pages import p95, sign_in
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open
from tests.flows.websocket import WebSocket

LAUNCHES = 10
GOAL = 1.5


def launch(client: httpx.Client, stack: LiveStack, body: dict[str, Any]) -> tuple[float, float, float]:
    """Seconds to the answer, to the running state and to the first line."""
    cookie = "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)
    headers = {"X-CSRFToken": client.cookies["fairway_csrf"], "Origin": stack.url}
    begun = time.perf_counter()
    made = client.post("/api/v1/launches", json=body, headers=headers)
    if made.status_code != 201:
        sys.exit(made.text)
    answered = time.perf_counter() - begun
    page = WebSocket(stack.config.live_port, origin=stack.url, cookie=cookie)
    page.send({"subscribe": f"job.{made.json()['job_id']}", "after": 0})
    running = line = 0.0
    while not line:
        for row in page.receive().get("rows", []):
            if row["kind"] == "state" and row["data"].get("state") == "RUNNING":
                running = time.perf_counter() - begun
            if row["kind"] == "log" and not line:
                line = time.perf_counter() - begun
    page.close()
    return answered, running, line


def main() -> None:
    with stack_open("fairway-bench-") as stack:
        measure(stack)


def measure(stack: LiveStack) -> None:
    accounts = json.loads(stack.manage("demo_accounts", "--json").stdout)["accounts"]
    done = stack.manage("demo", seconds=600)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    scientist = next(account for account in accounts if account["username"] == "scientist")
    client = sign_in(stack, "scientist", scientist["password"])
    problem = client.get("/api/v1/problems").json()["results"][0]["id"]
    dataset = client.get("/api/v1/datasets").json()["results"][0]["id"]
    version = client.get(f"/api/v1/datasets/{dataset}/versions").json()["results"][0]["id"]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before, {LAUNCHES} launches one after the other\n")
    found = []
    for seed in range(LAUNCHES):
        body = {"problem_id": problem, "dataset_version_id": version, "recipe": "logistic_regression", "seed": seed}
        found.append(launch(client, stack, body))
        while client.get("/api/v1/jobs?state=RUNNING").json()["results"]:
            time.sleep(0.1)
    for title, times in zip(("answer", "running", "first line"), zip(*found, strict=True), strict=True):
        values = list(times)
        print(f"{title:<12} p50 {statistics.median(values):6.2f} s   p95 {p95(values):6.2f} s")
    print(f"\ngoal: first line within {GOAL} s")


if __name__ == "__main__":
    main()
