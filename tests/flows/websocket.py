"""A small WebSocket client for tests: text messages only, over a plain socket (RFC 6455)."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from typing import Any


class WebSocket:
    """One connection; `refused` holds the status line when the handshake was not accepted."""

    def __init__(self, port: int, *, origin: str, cookie: str = "", path: str = "/ws") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._rest = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            f"Origin: {origin}",
        ]
        if cookie:
            lines.append(f"Cookie: {cookie}")
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._read()
        head, self._rest = self._rest.split(b"\r\n\r\n", 1)
        status = head.split(b"\r\n")[0].decode()
        self.refused = "" if " 101 " in status else status

    def _read(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("The other end closed the connection.")
        return data

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._rest += self._read()
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def send(self, message: Any) -> None:
        """Send a JSON value."""
        data = json.dumps(message).encode()
        mask = os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self._socket.sendall(b"\x81" + length + mask + masked)

    def receive(self) -> Any:
        """The next JSON value. Raises ConnectionError at a close frame."""
        while True:
            first, second = self._take(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._take(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._take(8))
            data = self._take(length)
            if first & 0x0F == 8:
                raise ConnectionError(f"Closed with code {struct.unpack('!H', data[:2])[0] if data else 1005}.")
            if first & 0x0F == 1:
                return json.loads(data)

    def close(self) -> None:
        self._socket.close()
