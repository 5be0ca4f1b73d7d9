"""The barest client of MLflow's API there is: another's own work would be part of what is measured."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import httptools

from controlplane.stack.ports import HOST

API = "/api/2.0/mlflow/"
_SPACE = 1 << 18


@dataclass(frozen=True)
class Server:
    """One of the two: where it listens, who asks it, the process above all that serve its web, its database."""

    name: str
    port: int
    token: str
    pid: int
    database_url: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


class Wire:
    """One kept connection; a request is written at once, an answer is read by a parser in C."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._socket = socket.create_connection((HOST, server.port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        known = f"Authorization: Bearer {server.token}\r\n" if server.token else ""
        self._lines = f" HTTP/1.1\r\nHost: {HOST}:{server.port}\r\n{known}Content-Type: "
        self._space = memoryview(bytearray(_SPACE))
        self._parts: list[bytes] = []
        self._whole = False

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> list[bytes]:
        """The parts of the answer's body, which must be one of success."""
        head = f"{method} {path}{self._lines}{kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if len(body) < _SPACE:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)
        self._parts, self._whole = [], False
        parser = httptools.HttpResponseParser(self)
        while not self._whole:
            count = self._socket.recv_into(self._space)
            if not count:
                sys.exit(f"{self.server.name} closed the connection: {method} {path}")
            parser.feed_data(self._space[:count])
        if parser.get_status_code() >= 300:
            sys.exit(f"{self.server.name}: {method} {path}: {parser.get_status_code()} {self._parts[:1]!r}")
        return self._parts

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        self._whole = True

    def post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return _read(self.call("POST", API + name, json.dumps(body).encode()))

    def get(self, name: str, **query: str) -> dict[str, Any]:
        return _read(self.call("GET", f"{API}{name}?{urlencode(query)}"))

    def experiment(self, name: str) -> str:
        """The id of a new experiment."""
        return str(self.post("experiments/create", {"name": name})["experiment_id"])

    def run(self, experiment: str) -> dict[str, Any]:
        """What is told of a new run."""
        told = {"experiment_id": experiment, "run_name": "bench", "start_time": 1_700_000_000_000}
        return dict(self.post("runs/create", told)["run"]["info"])


def _read(parts: list[bytes]) -> dict[str, Any]:
    return dict(json.loads(b"".join(parts) or b"{}"))
