"""The gateway's way to the control plane: a few blocking HTTP calls on kept connections, each in a thread.

Redirects are not followed and the key goes to the configured address only, whatever the routes document says.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import http.client
import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from workers.contracts.routes import RouteFile

ROUTES_PATH = "/internal/gateway/routes"
PREDICTIONS_PATH = "/internal/gateway/predictions"
HEALTH_PATH = "/internal/gateway/health"
DOCUMENT_BYTES = 32 * 1024 * 1024
_CHUNK = 1 << 20
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO)


class FetchFailed(OSError):
    """A model file that could not be fetched, or whose size or digest is not the signed one."""


class ControlAway(FetchFailed):
    """The control plane did not answer, or only with a 5xx: nothing is known about the file."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, ETag and body of one call."""

    status: int
    etag: str | None
    body: bytes


class ControlPlane:
    """One kept connection per channel ("routes", "predictions", "health", "files"); calls on a channel come one
    by one.
    """

    def __init__(self, url: str, key: str) -> None:
        self._base = urlsplit(url.rstrip("/") + "/")
        if self._base.scheme not in ("http", "https") or not self._base.hostname:
            raise ValueError(f"{url!r} is not the address of a control plane")
        self._authorization = f"Bearer {key}"
        self._kept: dict[str, http.client.HTTPConnection] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def routes(self, etag: str | None, *, timeout: float) -> Answer:
        """The signed routes document, or 304 when `etag` still names it. Raises OSError when nobody answers."""
        headers = {} if etag is None else {"If-None-Match": etag}
        return await self._call("routes", "GET", ROUTES_PATH, None, headers, timeout)

    async def predictions(self, body: bytes) -> int:
        """Posts one batch and returns the status. Raises OSError."""
        return (await self._call("predictions", "POST", PREDICTIONS_PATH, body, {}, 30.0)).status

    async def health(self, document: dict[str, Any]) -> int:
        """Posts what the hosts are doing and returns the status. Raises OSError."""
        return (await self._call("health", "POST", HEALTH_PATH, json.dumps(document).encode(), {}, 5.0)).status

    async def fetch(self, file: RouteFile, target: Path) -> None:
        """Writes one model file to `target`, checked against its signed size and SHA-256.

        Raises FetchFailed, as ControlAway when nobody answered.
        """
        async with self._turn("files"):
            await asyncio.to_thread(self._fetch, file, target)

    def _turn(self, channel: str) -> asyncio.Lock:
        return self._turns.setdefault(channel, asyncio.Lock())

    async def _call(
        self, channel: str, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Answer:
        async with self._turn(channel):
            return await asyncio.to_thread(self._exchange, channel, method, path, body, headers, timeout)

    def _exchange(
        self, channel: str, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Answer:
        headers = {"Authorization": self._authorization, "Accept": "application/json", **headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._asked(channel, method, self._target(path), body, headers, timeout) as response:
            data = response.read(DOCUMENT_BYTES + 1)
            if len(data) > DOCUMENT_BYTES:
                raise OSError("the control plane's answer is too large")
            return Answer(response.status, response.headers.get("ETag"), data)

    def _fetch(self, file: RouteFile, target: Path) -> None:
        digest, size = hashlib.sha256(), 0
        headers = {"Authorization": self._authorization}
        try:
            with (
                self._asked("files", "GET", self._target(file.url), None, headers, 30.0) as r,
                open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink,
            ):
                if r.status != 200:
                    r.read(_CHUNK)
                    kind = ControlAway if r.status >= 500 else FetchFailed
                    raise kind(f"the control plane answered {r.status} for {file.path}")
                while chunk := r.read(_CHUNK):
                    size += len(chunk)
                    if size > file.size:
                        raise FetchFailed(f"{file.path} is larger than the signed {file.size} bytes")
                    digest.update(chunk)
                    sink.write(chunk)
        except FetchFailed:
            raise
        except OSError as error:
            kind = FetchFailed if error.errno in _DISK else ControlAway
            raise kind(f"{file.path} could not be fetched: {error or type(error).__name__}") from error
        if size != file.size or digest.hexdigest() != file.sha256:
            raise FetchFailed(f"{file.path} is not what was signed: its size or SHA-256 differs")

    def _target(self, url: str) -> str:
        """Path and query of an address below the control plane's own. Raises FetchFailed for any other place."""
        base: SplitResult = self._base
        whole = urlsplit(urljoin(base.geturl(), url.lstrip("/") if not urlsplit(url).netloc else url))
        if (whole.scheme, whole.netloc) != (base.scheme, base.netloc) or not whole.path.startswith(base.path):
            raise FetchFailed(f"{url!r} is not an address of the control plane")
        return whole.path + (f"?{whole.query}" if whole.query else "")

    @contextmanager
    def _asked(
        self, channel: str, method: str, target: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[http.client.HTTPResponse]:
        """The response to one request; a kept connection that the other side closed meanwhile is opened anew
        once.

        Raises OSError. All calls may be repeated safely: reads, and posts that the control plane takes in once.
        """
        kept = self._kept.pop(channel, None)
        try:
            if kept is not None:
                try:
                    response = _send(kept, method, target, body, headers, timeout)
                except (OSError, http.client.HTTPException):
                    kept.close()
                    kept = None
            if kept is None:
                kept = self._connection(timeout)
                response = _send(kept, method, target, body, headers, timeout)
            yield response
            if response.will_close or not response.isclosed():
                kept.close()
            else:
                self._kept[channel] = kept
                kept = None
        except http.client.HTTPException as error:
            raise OSError(f"the control plane's answer is not HTTP: {type(error).__name__}") from error
        finally:
            if kept is not None:
                kept.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        host, port = self._base.hostname or "", self._base.port
        if self._base.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=timeout)


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | None,
    headers: dict[str, str],
    timeout: float,
) -> http.client.HTTPResponse:
    connection.timeout = timeout
    if connection.sock is not None:
        connection.sock.settimeout(timeout)
    connection.request(method, target, body=body, headers=headers)
    return connection.getresponse()
