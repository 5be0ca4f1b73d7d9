"""The history of one metric: all of it, and the points that a chart takes."""

from __future__ import annotations

import json

from bench._tracking_turns import Turns, fresh, took
from bench._tracking_wire import API, Server, Wire

BATCH, SAMPLED = 1_000, 320
MOMENT = 1_700_000_000_000


def history(turns: Turns) -> None:
    points = turns.scale.points
    runs = {server.name: _logged(server, points) for server in turns.both.servers}

    def whole(server: Server) -> float:
        """Milliseconds until every page is there; reading them is the client's work."""
        spent, count, token = 0.0, 0, ""
        with Wire(server) as wire:
            while count == 0 or token:
                path = f"{API}metrics/get-history?run_id={runs[server.name]}&metric_key=loss"
                path += f"&page_token={token}" if token else ""
                parts: list[bytes] = []
                spent += took(lambda path=path, wire=wire, parts=parts: parts.extend(wire.call("GET", path)))
                page = json.loads(b"".join(parts))
                count, token = count + len(page["metrics"]), page.get("next_page_token", "")
        assert count == points, f"{server.name}: {count} points"
        return spent

    def sampled(server: Server) -> float:
        path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
        with Wire(server) as wire:
            return took(
                lambda: wire.call("GET", f"{path}?run_ids={runs[server.name]}&metric_key=loss&max_results={SAMPLED}")
            )

    turns.compare(f"history of {points:,} points, ms", whole, floor=6, less=True)
    turns.compare(f"{SAMPLED} points of {points:,}, ms", sampled, floor=3, less=True)


def _logged(server: Server, points: int) -> str:
    with Wire(server) as wire:
        run = str(wire.run(wire.experiment(fresh("history")))["run_id"])
        for begun in range(0, points, BATCH):
            rows = [
                {"key": "loss", "value": 1 / (1 + step), "timestamp": MOMENT + step, "step": step}
                for step in range(begun, begun + BATCH)
            ]
            wire.post("runs/log-batch", {"run_id": run, "metrics": rows})
        return run
