"""A small HTTP/1.1 server on httptools: one parser and one answer at a time per connection, in request order.

A handler gets `(request, reply)` and calls `reply(response)` exactly once, now or later: no task and no future
is made per request, which is what keeps a one-row prediction cheap. Cookies are never read. Limits: head 16
KiB, body as given, idle connections 75 s, a request must arrive whole within 20 s, and at most `CONNECTIONS` at
once.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast

import httptools

HEAD_BYTES = 16 * 1024
CONNECTIONS = 4096
PIPELINE = 16
IDLE_SECONDS = 75.0
ARRIVAL_SECONDS = 20.0
LINGER_SECONDS = 2.0
JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Request:
    """One request, whole. `query` is the raw query string; `content_type` is lower case without parameters."""

    __slots__ = ("authorization", "body", "content_encoding", "content_type", "keep_alive", "method", "path", "query")

    def __init__(self) -> None:
        self.method = ""
        self.path = ""
        self.query = ""
        self.authorization = ""
        self.content_type = ""
        self.content_encoding = ""
        self.body = b""
        self.keep_alive = True


class Response:
    """One answer; `headers` are extra lines that end in CRLF, already encoded."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", content_type: str = JSON_TYPE, headers: bytes = b"") -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers


Reply = Callable[[Response], None]
Handler = Callable[[Request, Reply], None]


def problem(status: int, code: str, detail: str, *, headers: bytes = b"", **more: Any) -> Response:
    """A problem-details answer (RFC 9457); `code` is its stable name, `more` its extension members."""
    body = {
        "type": f"urn:fairway:problem:{code}",
        "title": _PHRASES[status],
        "status": status,
        "detail": detail,
        **more,
    }
    return Response(status, json.dumps(body).encode(), PROBLEM_TYPE, headers)


class HttpServer:
    """Listens on one address and hands whole requests to `handler`; `close` answers what is under way and then
    stops.
    """

    def __init__(self, handler: Handler, *, body_bytes: int) -> None:
        self.handler = handler
        self.body_bytes = body_bytes
        self.connections: set[_Connection] = set()
        self.closing = False
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._prefixes: dict[tuple[int, str], bytes] = {}
        self._date = b""

    async def open(self, host: str, port: int) -> int:
        """Starts listening and returns the port. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._tick()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=1024)
        self._sweeper = loop.create_task(self._sweep())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self, grace: float) -> None:
        """Stops accepting, lets open requests end for up to `grace` seconds, then closes every connection."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.close_when_idle()
        deadline = time.monotonic() + grace
        while self.connections and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def encode(self, response: Response, *, keep_alive: bool, head: bool) -> bytes:
        """The bytes of a response; for HEAD the body is left out and its length still said."""
        key = (response.status, response.content_type)
        prefix = self._prefixes.get(key)
        if prefix is None:
            prefix = self._prefixes[key] = (
                f"HTTP/1.1 {response.status} {_PHRASES[response.status]}\r\ncontent-type: {response.content_type}\r\n"
                "cache-control: no-store\r\nx-content-type-options: nosniff\r\ncontent-length: "
            ).encode()
        closing = b"" if keep_alive else b"connection: close\r\n"
        length = b"%d\r\n" % len(response.body)
        return b"".join(
            (prefix, length, self._date, response.headers, closing, b"\r\n", b"" if head else response.body)
        )

    def _tick(self) -> None:
        self._date = f"date: {formatdate(usegmt=True)}\r\n".encode()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._tick()
            now = time.monotonic()
            for connection in list(self.connections):
                connection.sweep(now)


class _Connection(asyncio.Protocol):
    """One client connection. `_busy` while a request waits for its answer; later ones wait in `_waiting`."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._serving = False
        self._paused = False
        self._ending = False
        self._half_closed = False
        self._since = time.monotonic()
        self._arriving = False
        self._refusal: Response | None = None
        self._request = Request()
        self._url = b""
        self._head_bytes = 0
        self._chunks: list[bytes] = []
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.add(self)
        if len(self._server.connections) > CONNECTIONS:
            self._refuse(
                problem(503, "too-many-connections", "Too many open connections.", headers=b"retry-after: 1\r\n")
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._transport = None
        self._waiting.clear()

    def eof_received(self) -> bool:
        self._half_closed = True
        return self._busy

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer to change the protocol is passed over: what was asked is answered, then the connection ends.
            self._ending = self._half_closed = True
            if not self._busy and self._transport is not None:
                self._transport.close()
            return
        except httptools.HttpParserError:
            self._refusal = self._refusal or problem(400, "malformed-request", "The request is not valid HTTP/1.1.")
        if self._refusal is not None:
            if self._busy:
                self._ending = True  # the answer under way still goes out, then the connection ends
            else:
                self._refuse(self._refusal)

    # Called by the parser, in the order of the message.

    def on_message_begin(self) -> None:
        self._request = Request()
        self._url = b""
        self._head_bytes = 0
        self._body_bytes = 0
        self._chunks = []
        self._arriving = True
        self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        size = len(name)
        if size == 13 and name.lower() == b"authorization":
            self._request.authorization = value.decode("latin-1")
        elif size == 12 and name.lower() == b"content-type":
            self._request.content_type = value.decode("latin-1").partition(";")[0].strip().lower()
        elif size == 14 and name.lower() == b"content-length":
            if not value.isdigit() or len(value) > 15 or int(value) > self._server.body_bytes:
                self._too_large()
        elif size == 16 and name.lower() == b"content-encoding":
            self._request.content_encoding = value.decode("latin-1").strip().lower()
        elif size == 6 and name.lower() == b"expect" and value.lower() == b"100-continue":
            self._continue()

    def _continue(self) -> None:
        if self._transport is not None and self._refusal is None and not self._busy:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._server.body_bytes:
            self._too_large()
        else:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        self._arriving = False
        if self._refusal is not None:
            return
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        path, _, query = self._url.partition(b"?")
        if path.startswith(b"http://"):
            path = b"/" + path[7:].partition(b"/")[2]
        request.path = path.decode("latin-1")
        request.query = query.decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        chunks = self._chunks
        request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._waiting.append(request)
        if self._busy:
            if len(self._waiting) >= PIPELINE and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        else:
            self._serve()

    def sweep(self, now: float) -> None:
        """Ends the connection when it has been idle, or has been sending one request, for too long."""
        if self._transport is None or (self._busy and not self._ending):
            return
        age = now - self._since
        if self._ending:
            if age > LINGER_SECONDS and not self._busy:
                self._transport.abort()
        elif self._arriving:
            if age > ARRIVAL_SECONDS:
                self._refuse(problem(408, "request-timeout", "The request did not arrive in time."))
        elif age > IDLE_SECONDS:
            self._transport.close()

    def close_when_idle(self) -> None:
        """Ends the connection now, or after the answer that is under way."""
        if self._transport is not None and not self._busy and not self._arriving:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        # A loop, not recursion: a pipelined client whose requests are answered at once must not grow the stack.
        if self._serving:
            return
        self._serving = True
        try:
            while self._waiting and not self._busy and self._transport is not None:
                request = self._waiting.popleft()
                self._busy = True
                self._server.handler(request, _Reply(self, request))
        finally:
            self._serving = False

    def answer(self, request: Request, response: Response) -> None:
        """Writes the answer to the request under way and goes on with the next."""
        self._busy = False
        self._since = time.monotonic()
        transport = self._transport
        if transport is None:
            return
        last = self._half_closed and not self._waiting
        keep_alive = request.keep_alive and not self._server.closing and not last
        transport.write(self._server.encode(response, keep_alive=keep_alive, head=request.method == "HEAD"))
        if not keep_alive:
            self._waiting.clear()
            transport.close()
            return
        if self._refusal is not None and not self._waiting:
            self._refuse(self._refusal)
            return
        if self._paused and len(self._waiting) < PIPELINE // 2:
            self._paused = False
            transport.resume_reading()
        if self._waiting:
            self._serve()

    def _refuse(self, response: Response) -> None:
        """Answers and hangs up; what still arrives is thrown away for a moment, so that the answer is not lost
        to a reset.
        """
        self._ending = True
        self._since = time.monotonic()
        if self._transport is not None:
            self._transport.write(self._server.encode(response, keep_alive=False, head=False))
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES and self._refusal is None:
            self._refusal = problem(431, "head-too-large", f"The request head is larger than {HEAD_BYTES} bytes.")

    def _too_large(self) -> None:
        if self._refusal is None:
            self._refusal = problem(
                413, "body-too-large", f"The body is larger than {size_text(self._server.body_bytes)}."
            )


def size_text(size: int) -> str:
    """A limit as people set it: "16 MiB", "195 KiB"."""
    unit, word = (2**20, "MiB") if size >= 2**20 else (2**10, "KiB")
    return f"{size / unit:.4g} {word}"


class _Reply:
    """Answers one request once; a second call is a programming error and raises RuntimeError."""

    __slots__ = ("_connection", "_request")

    def __init__(self, connection: _Connection, request: Request) -> None:
        self._connection: _Connection | None = connection
        self._request = request

    def __call__(self, response: Response) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            raise RuntimeError("a request was answered twice")
        connection.answer(self._request, response)
