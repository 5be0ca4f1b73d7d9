"""Ports of this machine for processes of one job that talk to each other."""

from __future__ import annotations

import contextlib
import socket

KERNEL_PORTS = 5
"""A notebook's kernel listens on so many."""


def ports_free(count: int) -> tuple[int, ...]:
    """Ports of the loopback address that nobody listens on at this moment."""
    with contextlib.ExitStack() as held:
        found = []
        for _ in range(count):
            one = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            one.bind(("127.0.0.1", 0))
            found.append(int(one.getsockname()[1]))
        return tuple(found)
