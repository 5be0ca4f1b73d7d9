"""Measures the gateway: `python bench/serving.py [seconds]` (make bench-serving).

One-row predictions of a scaled logistic regression on 14 numbers over 64 connections, prediction log on, while four
new versions are loaded beside the old one, flipped to and the old one ended. In the same run a plain server is
measured: one process, the same HTTP parser and the same pipeline, one call of the pipeline per request, no token, no
check, no log. Printed: requests/s, p50, p99, failures, and the ratio of the two. The client is wrk when the machine
has it, else a slower one in Python that takes processor time from the server.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CONNECTIONS = 64
SWAPS = 4
COLUMNS = 14
TOKEN = "bench-token-of-nobody"

WRK = """
local rows = {}
for line in io.lines(os.getenv("BENCH_BODIES")) do rows[#rows + 1] = line end
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")}
local requests, i = {}, 0
init = function() for k, body in ipairs(rows) do requests[k] = wrk.format("POST", nil, headers, body) end end
request = function() i = i % #requests + 1; return requests[i] end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"rps":%.1f,"p50":%.2f,"p95":%.2f,"p99":%.2f,"max":%.1f,"n":%d,"failed":%d}\\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, summary.requests,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


def main() -> None:
    """Runs both measurements and prints them."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        directory = Path(name)
        bodies = directory / "bodies.txt"
        bodies.write_text("".join(f"{json.dumps(body)}\n" for body in _bodies()))
        baseline = _measure_baseline(directory, bodies, max(5, seconds // 2))
        gateway = _measure_gateway(directory, bodies, seconds)
    print(f"{'':24}{'req/s':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}{'failed':>8}")
    for title, result in (("plain server", baseline), (f"gateway, {SWAPS} swaps", gateway)):
        figures = f"{result['rps']:>10.0f}{result['p50']:>9.2f}{result['p95']:>9.2f}{result['p99']:>9.2f}"
        print(f"{title:24}{figures}{result['max']:>9.1f}{result['failed']:>8}")
    print(f"ratio: {gateway['rps'] / baseline['rps']:.1f} times the requests per second")
    print(f"swaps done: {gateway['swaps']}; log rows taken in: {gateway['logged']} of {gateway['n']} counted answers")
    print("goal: 5,000 req/s, p99 at most 30 ms, 0 failures")


def _bodies() -> list[dict[str, Any]]:
    import random

    draw = random.Random(0)
    return [
        {
            "inputs": [
                {"name": f"x{column}", "shape": [1], "datatype": "FP64", "data": [draw.gauss(0, 1)]}
                for column in range(COLUMNS)
            ]
        }
        for _ in range(200)
    ]


def _load(url: str, bodies: Path, seconds: int) -> dict[str, Any]:
    if shutil.which("wrk") is None:
        return asyncio.run(_load_python(url, bodies.read_text().splitlines(), seconds))
    script = bodies.with_name("load.lua")
    script.write_text(WRK)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url],
        env={"PATH": os.environ["PATH"], "BENCH_BODIES": str(bodies), "BENCH_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return dict(json.loads(line.removeprefix("RESULT ")))


async def _load_python(url: str, bodies: list[str], seconds: int) -> dict[str, Any]:
    host, _, path = url.removeprefix("http://").partition("/")
    address, _, port = host.partition(":")
    times: list[float] = []
    failed = 0
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(address, int(port))
        step = number
        while time.perf_counter() < end:
            body = bodies[step % len(bodies)]
            step += 1
            head = f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
            started = time.perf_counter()
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length[15:]))
            times.append((time.perf_counter() - started) * 1e3)
            failed += not answer.startswith(b"HTTP/1.1 200")
        writer.close()

    await asyncio.gather(*(client(number) for number in range(CONNECTIONS)))
    times.sort()
    rank = {name: times[int(len(times) * share)] for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {"rps": len(times) / seconds, **rank, "max": times[-1], "n": len(times), "failed": failed}


def _measure_baseline(directory: Path, bodies: Path, seconds: int) -> dict[str, Any]:
    """The plain server in a process of its own."""
    from workers.serving.tests import models

    models.numeric(directory / "plain")
    process = subprocess.Popen(
        [sys.executable, __file__, "--plain", str(directory / "plain" / "model.skops")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        return _load(f"{process.stdout.readline().strip()}/infer", bodies, seconds)
    finally:
        process.terminate()
        process.wait()


async def _plain(path: str) -> None:
    import pandas as pd
    import skops.io

    from workers.inspection.allowed import TRUSTED
    from workers.serving.http_server import HttpServer, Reply, Request, Response

    pipeline = skops.io.load(path, trusted=TRUSTED)

    def answer(request: Request, reply: Reply) -> None:
        document = json.loads(request.body)
        frame = pd.DataFrame({tensor["name"]: tensor["data"] for tensor in document["inputs"]})
        reply(Response(200, json.dumps(pipeline.predict_proba(frame).tolist()).encode()))

    server = HttpServer(answer, body_bytes=1 << 20)
    print(f"http://127.0.0.1:{await server.open('127.0.0.1', 0)}", flush=True)
    await asyncio.Event().wait()


def _measure_gateway(directory: Path, bodies: Path, seconds: int) -> dict[str, Any]:
    """Gateway and control plane, with the swaps spread over the run."""
    from workers.serving.tests import models
    from workers.serving.tests.control_stub import KEY, ControlStub, deployment

    control = ControlStub()
    control.count_only = True
    versions = []
    for number in range(SWAPS + 1):
        facts = models.numeric(directory / f"v{number}", seed=number)
        versions.append(control.version(f"v-{number}", number + 1, directory / f"v{number}", **facts))
    control.publish(deployment("bench", versions[:1], {"v-0": 10_000}, [TOKEN]))
    key = directory / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    log = (directory / "gateway.log").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "workers.serving.gateway", "--url", control.url, "--port", "0"),
            *("--home", str(directory / "home"), "--key-file", str(key)),
        ],
        cwd=ROOT,
        stderr=log,
    )
    swaps = 0

    def ready(version_id: str) -> bool:
        return control.states().get(version_id) == "READY"

    def swap() -> None:
        nonlocal swaps
        for number in range(1, SWAPS + 1):
            time.sleep(seconds / (SWAPS + 1))
            name = f"v-{number}"
            pair = versions[number - 1 : number + 1]
            control.publish(deployment("bench", pair, {name: 10_000}, [TOKEN]))
            while not ready(name):
                time.sleep(0.02)
            control.publish(deployment("bench", pair[1:], {name: 10_000}, [TOKEN]))
            swaps += 1

    try:
        while not ready("v-0"):
            time.sleep(0.05)
        url = (directory / "gateway.log").read_text().split("listening on ")[1].split()[0]
        target = f"{url}/v2/models/bench/infer"
        _one(target, bodies)
        swapper = threading.Thread(target=swap)
        swapper.start()
        before = time.process_time()
        result = _load(target, bodies, seconds)
        result["stub_cpu"] = time.process_time() - before
        swapper.join()
        _processor_times(process.pid)
    finally:
        process.terminate()
        process.wait()
        control.close()
    return {**result, "swaps": swaps, "logged": control.rows_counted}


def _one(url: str, bodies: Path) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection.request("POST", f"/{path}", bodies.read_text().splitlines()[0], headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"the gateway answers {response.status}: {response.read()!r}")
    connection.close()


def _processor_times(pid: int) -> None:
    import psutil

    gateway = psutil.Process(pid)
    used = gateway.cpu_times()
    hosts = [child.cpu_times() for child in gateway.children()]
    last = sum(host.user + host.system for host in hosts)
    print(f"processor time: gateway {used.user + used.system:.1f} s, last host {last:.1f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plain"]:
        import uvloop

        uvloop.run(_plain(sys.argv[2]))
    else:
        main()
