"""Two servers in turn: rounds, medians, and how a row of them is printed beside its floor."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench._tracking_servers import Both
from bench._tracking_wire import Server

Measure = Callable[[Server], float]
TITLE = 52


@dataclass(frozen=True)
class Scale:
    """How much is done: what the floors are stated for, or less of it."""

    rounds: int = 5
    # Length of one server's part of a round, where calls are counted.
    seconds: float = 3.0
    # Searches of one server in a round.
    searches: int = 10
    points: int = 100_000
    sizes: tuple[int, ...] = (1_000, 10_000, 50_000, 200_000)
    compared: int = 50_000
    shown: int = 10_000
    mib: int = 64


QUICK = Scale(
    rounds=3, seconds=1.0, searches=5, points=10_000, sizes=(1_000, 10_000), compared=10_000, shown=1_000, mib=16
)


@dataclass
class Turns:
    """What is done on both, and what came out."""

    both: Both
    scale: Scale
    missed: list[str] = field(default_factory=list)

    def compare(self, title: str, measure: Measure, *, floor: float | None = None, less: bool = False) -> None:
        """Measure both in turn, after a round that does not count, and print the medians; `less` is better or not."""
        found: tuple[list[float], list[float]] = ([], [])
        for number in range(1 + self.scale.rounds):
            for values, server in zip(found, self.both.servers, strict=True):
                value = measure(server)
                if number:
                    values.append(value)
        ours, theirs = found
        ratios = [b / a if less else a / b for a, b in zip(ours, theirs, strict=True)]
        middle = statistics.median(theirs) / statistics.median(ours)
        ratio = middle if less else 1 / middle
        cells = f"{figure(statistics.median(ours))}{figure(statistics.median(theirs))}{ratio:>8.2f}x"
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        self.say(title, f"{cells}  {spread:<16}", floor and ratio >= floor, f"at least {floor}x")

    def most(self, title: str, ours: float, theirs: float, *, share: float = 0, limit: float = 0) -> None:
        """Print two figures that were taken at once; Fairway's may be `share` of MLflow's, or `limit`."""
        ratio = ours / theirs if theirs else 0.0
        cells = f"{figure(ours)}{figure(theirs)}{ratio:>8.2f}x  {'':<16}"
        goal = f"at most {share}x" if share else f"at most {limit:g}"
        self.say(title, cells, ratio <= share if share else ours <= limit, goal)

    def say(self, title: str, cells: str, reached: bool | float | None, goal: str) -> None:
        """One row; without a floor `reached` is None."""
        said = "" if reached is None else f"{goal:<14}{'reached' if reached else 'MISSED'}"
        print(f"{title:<{TITLE}}{cells}{said}", flush=True)
        if reached is not None and not reached:
            self.missed.append(title)

    def head(self) -> None:
        print(f"{'':<{TITLE}}{'Fairway':>11}{'MLflow':>11}{'ratio':>9}  {'in the rounds':<16}floor", flush=True)


def figure(value: float) -> str:
    """A number with the digits that mean something, in its column."""
    return f"{value:>11,.0f}" if value >= 100 else f"{value:>11.1f}" if value >= 10 else f"{value:>11.2f}"


def rate(call: Callable[[], object], seconds: float) -> float:
    """Calls per second while so many seconds pass."""
    count, begun, now = 0, time.perf_counter(), 0.0
    while now < seconds:
        call()
        count += 1
        now = time.perf_counter() - begun
    return count / now


def took(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def fresh(name: str) -> str:
    """A name that no experiment of either server has."""
    return f"bench {name} {os.urandom(4).hex()}"
