"""A large file up and down; then the same again while somebody else asks for something small."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

import psutil

from bench._tracking_turns import Turns, fresh, took
from bench._tracking_wire import API, Server, Wire

# Of one process: what is less than a quarter of the file does not hold it.
GROWTH_MIB, SLOWEST_MS = 16.0, 100.0
TRANSFERS = 5


def artifacts(turns: Turns) -> None:
    mib = turns.scale.mib
    places = {server.name: _place(server) for server in turns.both.servers}
    # A server that keeps equal files once must not know the next one, and making it must not be measured.
    numbers = dict.fromkeys(places, 0)

    def data_of(number: int) -> bytes:
        return number.to_bytes(8, "big") + noise[8:]

    noise = os.urandom(mib << 20)

    def up(server: Server) -> float:
        numbers[server.name] += 1
        data, path = data_of(numbers[server.name]), f"{places[server.name]}/{numbers[server.name]}.bin"
        with Wire(server) as wire:
            return mib * 1000 / took(lambda: wire.call("PUT", path, data, "application/octet-stream"))

    def down(server: Server) -> float:
        got: list[bytes] = []
        path = f"{places[server.name]}/{numbers[server.name]}.bin"
        with Wire(server) as wire:
            seconds = took(lambda: got.extend(wire.call("GET", path))) / 1000
        assert b"".join(got) == data_of(numbers[server.name]), f"{server.name} gives back another file"
        return mib / seconds

    turns.compare(f"artifact of {mib} MiB up, MiB/s", up, floor=0.5)
    turns.compare(f"artifact of {mib} MiB down, MiB/s", down, floor=1)

    grown, slowest = [], []
    for server in turns.both.servers:
        with _watched(server, places[server.name]) as found:
            for _ in range(TRANSFERS):
                up(server)
                down(server)
        grown.append(found[0])
        slowest.append(found[1])
    turns.most("  memory that its processes grew by meanwhile, MiB", grown[0], grown[1], limit=GROWTH_MIB)
    turns.most("  slowest small answer meanwhile, ms", slowest[0], slowest[1], limit=SLOWEST_MS)


def _place(server: Server) -> str:
    """Where files of a new run go."""
    with Wire(server) as wire:
        root = str(wire.run(wire.experiment(fresh("artifacts")))["artifact_uri"])
    return f"/api/2.0/mlflow-artifacts/artifacts/{root.removeprefix('mlflow-artifacts:/').lstrip('/')}"


@contextlib.contextmanager
def _watched(server: Server, place: str) -> Iterator[list[float]]:
    """[MiB grown, slowest small answer in ms] of what happens inside, as another process sees it; filled at the end."""
    context = get_context("spawn")
    begun, over, answers = context.Event(), context.Event(), context.Queue()
    run = place.rstrip("/").split("/")[-2]
    watcher = context.Process(target=watch, args=(server, run, begun, over, answers))
    watcher.start()
    begun.wait()
    found: list[float] = []
    try:
        yield found
    finally:
        over.set()
        found.extend(answers.get(timeout=60))
        watcher.join()


def watch(server: Server, run: str, begun: Any, over: Any, answers: Any) -> None:
    """Ask for a run again and again and look at the server's memory, until it is over."""
    root = psutil.Process(server.pid)
    family = [root, *root.children(recursive=True)]
    with Wire(server) as wire:
        wire.get("runs/get", run_id=run)
        before = most = sum(process.memory_info().rss for process in family)
        slowest = 0.0
        begun.set()
        while not over.is_set():
            slowest = max(slowest, took(lambda: wire.call("GET", f"{API}runs/get?run_id={run}")))
            most = max(most, sum(process.memory_info().rss for process in family))
            time.sleep(0.005)
    answers.put(((most - before) / 2**20, slowest))
