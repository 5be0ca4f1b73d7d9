"""Memory of all processes, idle, after the demo: proportional set size, so that shared pages count once.

`make bench-memory`.
"""

from __future__ import annotations

import os
import sys
import time

import psutil

from controlplane.stack.state import state_read
from controlplane.stack.testing import LiveStack
from tests.flows.stack import stack_open

GOAL_MIB = 1.3 * 1024
IDLE_SECONDS = 30


def pss_mib(process: psutil.Process) -> float:
    """Proportional set size; resident size where the system does not tell it."""
    try:
        info = process.memory_full_info()
        return float(getattr(info, "pss", info.rss)) / 2**20
    except psutil.Error:
        return 0.0


def main() -> None:
    with stack_open("fairway-bench-") as stack:
        if stack.manage("demo_accounts").returncode or stack.manage("demo", seconds=600).returncode:
            sys.exit("the demo did not end well")
        time.sleep(IDLE_SECONDS)
        measure(stack)


def measure(stack: LiveStack) -> None:
    names = {entry["pid"]: entry["name"] for entry in state_read(stack.home)["processes"]}
    sums: dict[str, tuple[float, int]] = {}
    for process in stack.family():
        family = [process, *process.parents()]
        name = next((names[parent.pid] for parent in family if parent.pid in names), "supervisor")
        if name == "gateway" and process.pid not in names:
            name = "hosts of models"
        size, count = sums.get(name, (0.0, 0))
        sums[name] = (size + pss_mib(process), count + 1)
    print(f"{os.cpu_count()} cores, {IDLE_SECONDS} s after the demo, proportional set size\n")
    print(f"{'process':<20}{'processes':>10}{'MiB':>9}")
    for name, (size, count) in sorted(sums.items(), key=lambda entry: -entry[1][0]):
        print(f"{name:<20}{count:10}{size:9.0f}")
    total = sum(size for size, _ in sums.values())
    print(f"\n{'all':<20}{sum(count for _, count in sums.values()):10}{total:9.0f}   goal {GOAL_MIB:.0f} MiB")


if __name__ == "__main__":
    main()
