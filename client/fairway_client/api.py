"""The JSON API over HTTP: refusals become sentences, what is safe to send again is sent again."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from fairway_client import __version__
from fairway_client.errors import Away, Refused
from fairway_client.login import Login

TRIES = 5
CHUNK = 1024 * 1024
Progress = Callable[[int], object]


class Api:
    """One person's calls. Paths are below /api/v1/ unless they begin with a slash."""

    def __init__(self, login: Login) -> None:
        headers = {"Authorization": f"Bearer {login.token}", "User-Agent": f"fairway-client/{__version__}"}
        # Redirects are not followed: the token is for this server alone.
        self.url = login.url
        self._http = httpx.Client(base_url=login.url, headers=headers, timeout=httpx.Timeout(60, connect=10))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer's JSON, its text, or None. Raises Refused, Away.

        A POST carries an idempotency key, so that it can be said again when an answer is lost on the way.
        """
        headers = {"Accept": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if content is not None:
            headers["Content-Type"] = "application/octet-stream"
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "", ())}
        for attempt in range(1, TRIES + 1):
            try:
                answer = self._http.request(
                    method, _address(path), json=body, content=content, headers=headers, params=asked or None
                )
            except httpx.InvalidURL as error:
                raise Away(f"{self.url} is not an address: {error}.") from error
            except httpx.TransportError as error:
                if attempt == TRIES or isinstance(error, httpx.UnsupportedProtocol):
                    raise Away(f"{self.url} cannot be reached: {error}.") from error
                time.sleep(0.2 * 2**attempt)
                continue
            if answer.status_code in (429, 503) and attempt < TRIES:
                time.sleep(_pause(answer, attempt))
                continue
            return _read(answer)
        raise AssertionError("the last try answers or raises")

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self.call("PUT", path, body)

    def rows(self, path: str, limit: int = 0, **query: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, page by page, at most `limit` of them (0: all)."""
        given, cursor = 0, ""
        while True:
            size = min(limit - given, 200) if limit else 200
            page = self.get(path, **query, page_size=size, cursor=cursor)
            if isinstance(page, list):
                yield from page
                return
            for row in page["results"]:
                yield row
                given += 1
                if limit and given >= limit:
                    return
            cursor = page.get("next") or ""
            if "cursor=" in cursor:
                cursor = httpx.URL(cursor).params.get("cursor", "")
            if not cursor:
                return

    def download(self, path: str, target: Path, progress: Progress | None = None) -> int:
        """Writes a file beside its place and moves it there when it is whole; how many bytes. Raises Refused, Away."""
        beside = target.with_name(target.name + ".part")
        done = 0
        try:
            with self._http.stream("GET", _address(path), headers={"Accept": "*/*"}) as answer:
                if answer.status_code >= 300:
                    answer.read()
                    _read(answer)
                with beside.open("wb") as file:
                    for chunk in answer.iter_bytes(CHUNK):
                        file.write(chunk)
                        done += len(chunk)
                        if progress is not None:
                            progress(len(chunk))
            beside.replace(target)
        except httpx.TransportError as error:
            raise Away(f"{self.url} cannot be reached: {error}. Nothing was kept.") from error
        finally:
            beside.unlink(missing_ok=True)
        return done


def _address(path: str) -> str:
    return path if path.startswith("/") else f"/api/v1/{path}"


def _pause(answer: httpx.Response, attempt: int) -> float:
    """Seconds until the next try: what the server asks for, at most ten."""
    asked: str = answer.headers.get("Retry-After", "")
    return min(float(asked), 10.0) if asked.isdigit() else 0.2 * 2**attempt


def _read(answer: httpx.Response) -> Any:
    kind = answer.headers.get("content-type", "")
    try:
        told = answer.json() if "json" in kind else answer.text
    except json.JSONDecodeError:
        told = answer.text
    if answer.is_success:
        return told if answer.content else None
    if answer.is_redirect:
        raise Away(f"The server answers with another address, {answer.headers.get('Location')}: sign in to that one.")
    if answer.status_code == 503:
        detail = told.get("detail") if isinstance(told, dict) else ""
        raise Away(detail or "The server cannot answer now; try again later.")
    if isinstance(told, dict):
        raise Refused({"status": answer.status_code, **told})
    raise Refused({"status": answer.status_code, "detail": f"The server answered {answer.status_code}."})
