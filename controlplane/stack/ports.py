"""TCP ports: is one free, who takes it otherwise, and free ones for tests."""

from __future__ import annotations

import socket

from controlplane.stack.messages import StackError

HOST = "127.0.0.1"


def address_said(address: str) -> str:
    """The same address as people should open it: browsers keep passkeys to a name, never to a number."""
    return address.replace(f"//{HOST}:", "//localhost:")


def port_free(port: int) -> bool:
    """Whether a server could listen on this port of this machine now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def ports_require(ports: dict[str, int]) -> None:
    """Check every port by the name of its variable. Raises StackError for a wrong, doubled or taken one."""
    seen: dict[int, str] = {}
    for name, port in ports.items():
        if not 1 <= port <= 65535:
            raise StackError(f"{name} is {port}, which is no port: choose a number from 1 to 65535.")
        if port in seen:
            raise StackError(f"{name} and {seen[port]} are both {port}: give each its own port.")
        seen[port] = name
    for name, port in ports.items():
        if not port_free(port):
            raise StackError(
                f"Port {port} is taken by another program: stop it, or choose another port, "
                f"for example {name}={port + 10} make run."
            )


def ports_free(count: int) -> list[int]:
    """Different ports that were free a moment ago."""
    sockets = []
    try:
        for _ in range(count):
            probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            probe.bind((HOST, 0))
            sockets.append(probe)
        return [probe.getsockname()[1] for probe in sockets]
    finally:
        for probe in sockets:
            probe.close()
