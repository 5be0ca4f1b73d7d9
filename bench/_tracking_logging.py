"""Logging: single measurements, full batches, whole runs from one client and from many."""

from __future__ import annotations

import itertools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench._tracking_turns import Turns, fresh, rate
from bench._tracking_wire import API, Server, Wire

BATCH, KEYS, BATCHES, CLIENTS = 1_000, 50, 250, 8
MOMENT = 1_700_000_000_000


def metrics(turns: Turns) -> None:
    """Single calls, one after the other."""
    experiments = {server.name: _experiment(server, "metrics") for server in turns.both.servers}

    def measure(server: Server) -> float:
        with Wire(server) as wire:
            run, steps = wire.run(experiments[server.name])["run_id"], itertools.count()

            def log() -> None:
                step = next(steps)
                value = {"run_id": run, "key": "loss", "value": 1 / (1 + step), "timestamp": MOMENT, "step": step}
                wire.post("runs/log-metric", value)

            return rate(log, turns.scale.seconds)

    turns.compare("log_metric, calls/s", measure, floor=4)


def batches(turns: Turns) -> None:
    """Batches as full as they may be; their text is made beforehand, for it is the client's work."""
    experiments = {server.name: _experiment(server, "batches") for server in turns.both.servers}
    texts = [json.dumps(_batch(number)) for number in range(BATCHES)]

    def measure(server: Server) -> float:
        with Wire(server) as wire:
            run = wire.run(experiments[server.name])["run_id"]
            bodies = itertools.cycle([f'{{"run_id": "{run}", "metrics": {text}}}'.encode() for text in texts])
            return BATCH * rate(lambda: wire.call("POST", f"{API}runs/log-batch", next(bodies)), turns.scale.seconds)

    turns.compare("log_batch of 1,000, metrics/s", measure, floor=8)


def _batch(number: int) -> list[dict[str, object]]:
    per_key = BATCH // KEYS
    return [
        {"key": f"k{n % KEYS}", "value": n / 2, "timestamp": MOMENT, "step": number * per_key + n // KEYS}
        for n in range(BATCH)
    ]


def runs(turns: Turns) -> None:
    """Create, one batch, end: by one client, then by many in processes of their own."""
    experiments = {server.name: _experiment(server, "runs") for server in turns.both.servers}
    for clients, floor in ((1, 4), (CLIENTS, 6)):
        with ProcessPoolExecutor(clients, mp_context=get_context("spawn")) as pool:

            def measure(server: Server, clients: int = clients, pool: ProcessPoolExecutor = pool) -> float:
                # Nobody begins before all are there: each process takes one call, because none ends before that.
                begin = time.time() + 1.0
                asked = (server, experiments[server.name], begin, turns.scale.seconds)
                return sum(pool.map(runs_client, *([part] * clients for part in asked)))

            turns.compare(f"whole runs/s, {clients} client{'s' if clients > 1 else ''}", measure, floor=floor)


def runs_client(server: Server, experiment: str, begin: float, seconds: float) -> float:
    """Runs per second of one client; at the top of the module, for a process of its own finds it there."""
    logged = {
        "metrics": [{"key": f"m{n}", "value": n / 2, "timestamp": MOMENT, "step": 0} for n in range(5)],
        "params": [{"key": f"p{n}", "value": f"v{n}"} for n in range(5)],
    }
    with Wire(server) as wire:
        time.sleep(max(0.0, begin - time.time()))

        def whole() -> None:
            run = wire.run(experiment)["run_id"]
            wire.post("runs/log-batch", {"run_id": run, **logged})
            wire.post("runs/update", {"run_id": run, "status": "FINISHED", "end_time": MOMENT + 1_000})

        return rate(whole, seconds)


def _experiment(server: Server, name: str) -> str:
    with Wire(server) as wire:
        return wire.experiment(fresh(name))
