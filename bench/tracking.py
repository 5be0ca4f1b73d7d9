"""Fairway's tracking beside MLflow's own server: same machine, same PostgreSQL, in turn, medians and ratios.

MLflow is installed in an environment of its own and tuned; Fairway is as `make run` starts it, with authentication,
permissions and audit on. Every figure is the median of rounds in which both do the same one after the other, after one
that does not count; a ratio above 1 is in Fairway's favour but for memory, where less is better.

    make bench-tracking
    make bench-tracking ARGS="--only batch,runs"
    make bench-tracking ARGS=--quick
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import _tracking_artifacts, _tracking_history, _tracking_logging, _tracking_searches
from bench._tracking_memory import peaks_watched
from bench._tracking_seeds import Seeds
from bench._tracking_servers import both_started, conditions
from bench._tracking_turns import QUICK, Scale, Turns


def _page(turns: Turns, seeds: Seeds) -> None:
    # A browser's library is not for the clients' processes, which read this module too.
    from bench._tracking_page import page

    page(turns, seeds)


# What writes little comes first, so that nothing is measured on a database that still puts rows away.
PARTS: dict[str, Callable[[Turns, Seeds], None]] = {
    "metrics": lambda turns, seeds: _tracking_logging.metrics(turns),
    "batch": lambda turns, seeds: _tracking_logging.batches(turns),
    "runs": lambda turns, seeds: _tracking_logging.runs(turns),
    "history": lambda turns, seeds: _tracking_history.history(turns),
    "artifacts": lambda turns, seeds: _tracking_artifacts.artifacts(turns),
    "page": _page,
    "search": _tracking_searches.compared,
    "flat": _tracking_searches.flat,
}


def main() -> None:
    reader = argparse.ArgumentParser(prog="make bench-tracking")
    reader.add_argument("--only", default=",".join(PARTS), help=f"parts of it, from {','.join(PARTS)}")
    reader.add_argument("--quick", action="store_true", help="less of everything than the floors are stated for")
    chosen = reader.parse_args()
    parts = chosen.only.split(",")
    if unknown := set(parts) - PARTS.keys():
        reader.error(f"there is no part {unknown.pop()}: choose from {', '.join(PARTS)}")
    # Whoever ends this ends both servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="fairway-bench-"))
    try:
        with both_started(folder) as both:
            turns = Turns(both, QUICK if chosen.quick else Scale())
            print(conditions(both))
            print(f"rounds   {turns.scale.rounds}, in turn; medians{', smaller sizes' if chosen.quick else ''}\n")
            with peaks_watched(both) as peaks:
                turns.head()
                seeds = Seeds(both)
                for name, part in PARTS.items():
                    if name in parts:
                        part(turns, seeds)
            turns.most("most memory of the web processes, MiB", peaks["Fairway"], peaks["MLflow"], share=0.6)
            print(f"\n{len(turns.missed)} floors missed" + "".join(f"\n  {title.strip()}" for title in turns.missed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
