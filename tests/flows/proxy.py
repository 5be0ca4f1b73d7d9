"""A relay between processes and a server that can be slow, silent or gone, as networks are."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

CHUNK = 64 * 1024


class Proxy:
    """Relays TCP connections on `port` to a server; each way out of three can be chosen while it runs."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self.delay_s = 0.0
        self._flowing = threading.Event()
        self._flowing.set()
        self._pause = threading.Event()
        self._open: set[socket.socket] = set()
        self._refusing = False
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Nothing goes through, and nobody is told: what a partition looks like from both sides."""
        self._flowing.clear()

    def release(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        """Ends every connection, and refuses new ones until `mend`."""
        self._refusing = True
        for one in list(self._open):
            _end(one)

    def mend(self) -> None:
        self._refusing = False

    def close(self) -> None:
        self.release()
        _end(self._door)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self._refusing:
                _end(near)
                continue
            try:
                far = self._connect()
            except OSError:
                _end(near)
                continue
            self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if self.delay_s:
                    self._pause.wait(self.delay_s)
                self._flowing.wait()
                sink.sendall(data)
        for one in (source, sink):
            self._open.discard(one)
            _end(one)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def to_tcp(host: str, port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection((host, port), timeout=None)


def to_unix(path: str) -> Callable[[], socket.socket]:
    """A server behind a socket file."""

    def connect() -> socket.socket:
        found = socket.socket(socket.AF_UNIX)
        found.connect(path)
        return found

    return connect
