"""Pages of 100 runs: beside MLflow at one size, and Fairway's alone at sizes far apart."""

from __future__ import annotations

import statistics
from typing import Any

from bench._tracking_seeds import Seeds
from bench._tracking_turns import TITLE, Turns, took
from bench._tracking_wire import Server, Wire

FLOOR, FLAT = 4, 1.5
NEWEST, BY_METRIC = ["attributes.start_time DESC"], ["metrics.m1 DESC"]
# Those that the floors are stated for.
STATED: dict[str, dict[str, Any]] = {
    "no filter, newest first": {"order_by": NEWEST},
    "metric and param, by metric": {"filter": "metrics.m0 > 0.5 and params.p0 = 'v3'", "order_by": BY_METRIC},
    "tag, newest first": {"filter": "tags.team = 't3'", "order_by": NEWEST},
    "tag, by metric": {"filter": "tags.team = 't3'", "order_by": BY_METRIC},
}
OTHERS: dict[str, dict[str, Any]] = {
    "no filter, by metric": {"order_by": BY_METRIC},
    "best of a metric, newest first": {"filter": "metrics.m2 > 0.995", "order_by": NEWEST},
    "rare param, newest first": {"filter": "params.p0 = 'v3' and params.p1 = 'v4' and params.p2 = 'v5'"},
    "by param, then metric": {"order_by": ["params.p3", "metrics.m1"]},
}


def compared(turns: Turns, seeds: Seeds) -> None:
    """The searches on both servers, over the same runs."""
    size = turns.scale.compared
    ids = seeds.both_of(size)
    print(f"search_runs, {size:,} runs", flush=True)
    for title, body in {**STATED, **OTHERS}.items():
        asked = {"max_results": 100, **body}
        heads = {server.name: _page(server, ids[server.name], asked)[:5] for server in turns.both.servers}
        assert len(set(map(tuple, heads.values()))) == 1, f"{title}: other runs come first: {heads}"
        turns.compare(
            f"  {title}, p50 ms",
            lambda server, asked=asked: _median(server, ids[server.name], asked, turns.scale.searches),
            floor=FLOOR if title in STATED else None,
            less=True,
        )


def flat(turns: Turns, seeds: Seeds) -> None:
    """Fairway's searches by size, the sizes in turn."""
    sizes, scale = turns.scale.sizes, turns.scale
    ids = {size: seeds.fairway(size) for size in sizes}
    print(f"\n{'search_runs of Fairway, p50 ms, by runs':<{TITLE}}" + "".join(f"{size:>11,}" for size in sizes))
    for title, body in {**STATED, **OTHERS}.items():
        asked = {"max_results": 100, **body}
        found: dict[int, list[float]] = {size: [] for size in sizes}
        for number in range(1 + scale.rounds):
            for size in sizes:
                value = _median(turns.both.fairway, ids[size], asked, scale.searches)
                if number:
                    found[size].append(value)
        medians = [statistics.median(found[size]) for size in sizes]
        ratio = medians[-1] / medians[0]
        cells = "".join(f"{value:>11.1f}" for value in medians) + f"  {ratio:>5.1f}x   "
        turns.say(f"  {title}", cells, ratio <= FLAT if title in STATED else None, f"at most {FLAT}x")
    print(flush=True)


def _median(server: Server, experiment: str, asked: dict[str, Any], count: int) -> float:
    body = {"experiment_ids": [experiment], **asked}
    with Wire(server) as wire:
        wire.post("runs/search", body)
        return statistics.median(took(lambda: wire.post("runs/search", body)) for _ in range(count))


def _page(server: Server, experiment: str, asked: dict[str, Any]) -> list[str]:
    """Ids of the runs that are found."""
    with Wire(server) as wire:
        answer = wire.post("runs/search", {"experiment_ids": [experiment], **asked})
    return [run["info"]["run_id"] for run in answer["runs"]]
