"""Keeps the newest signed routes: polls, verifies, remembers on disk, and says how old they are.

The stated time: a set of routes is used until its own `expires_at`, signed by the control plane, whether or not
the control plane can be reached; then every request is refused until a new set arrives. A 304 does not prolong
it, because it is not signed: when less than half of a set's life is left, the gateway asks for it anew.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from workers.contracts.routes import RouteSet, RoutesRefused
from workers.serving.control import ControlPlane

POLL_SECONDS = 0.5
POLL_TIMEOUT = 2.0
_RESTORE = timedelta(seconds=20)
"""An unchanged set is written again when the one on disk would expire this much earlier."""


class RoutesKeeper:
    """`changed` is called with a set when one comes into force, and with None when the last one has run out."""

    def __init__(
        self, control: ControlPlane, key: bytes, path: Path, changed: Callable[[RouteSet | None], None]
    ) -> None:
        self._control = control
        self._key = key
        self._path = path
        self._changed = changed
        self._etag: str | None = None
        self._newest: RouteSet | None = None
        self._in_force = False
        self._stored_until: datetime | None = None
        self.away_since: datetime | None = None
        self.error = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Takes the set from disk if it still holds, then polls until `stop`."""
        self._remember()
        self._task = asyncio.get_running_loop().create_task(self._poll())

    async def stop(self) -> None:
        """Ends polling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def routes(self) -> RouteSet | None:
        """The set in force, or None: nothing may be answered then."""
        return self._newest if self._in_force else None

    @property
    def serial(self) -> int:
        """The newest serial ever verified with this key; 0 before the first."""
        return 0 if self._newest is None else self._newest.serial

    def _remember(self) -> None:
        """Reads the last set from disk. An expired one still keeps older serials out; one of another key does
        not.
        """
        try:
            document = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self.error = f"the stored routes cannot be read: {error}"
            return
        beginning = datetime.min.replace(tzinfo=UTC)
        try:
            routes = RouteSet.verified(document, self._key, now=beginning)
        except RoutesRefused as error:
            self.error = f"the stored routes were refused: {error}"
            return
        self._newest = routes
        if not routes.expired(datetime.now(UTC)):
            self._in_force = True
            self._changed(routes)

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + POLL_SECONDS
            await self._ask()
            if self._in_force and self._newest is not None and self._newest.expired(datetime.now(UTC)):
                self._in_force = False
                self._etag = None
                self._changed(None)
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _ask(self) -> None:
        try:
            answer = await self._control.routes(self._etag if self._fresh() else None, timeout=POLL_TIMEOUT)
        except OSError as error:
            self._away(f"the control plane does not answer: {error or type(error).__name__}")
            return
        if answer.status == 304:
            self.away_since, self.error = None, ""
            return
        if answer.status != 200:
            self._away(f"the control plane answered {answer.status} for the routes")
            return
        self.away_since = None
        try:
            document = json.loads(answer.body)
            routes = RouteSet.verified(document, self._key, now=datetime.now(UTC), after=self._newest)
        except (ValueError, RecursionError) as error:
            self.error = f"new routes were refused: {error}"
            return
        same = self._in_force and self._newest is not None and routes.content == self._newest.content
        self.error = ""
        self._newest, self._in_force, self._etag = routes, True, answer.etag
        if not same or self._stored_until is None or routes.expires_at - self._stored_until > _RESTORE:
            self._store(answer.body, routes)
        if not same:
            self._changed(routes)

    def _fresh(self) -> bool:
        """Whether more than half of the life of the set in force is left."""
        if not self._in_force or self._newest is None:
            return False
        life = self._newest.expires_at - self._newest.issued_at
        return self._newest.expires_at - datetime.now(UTC) > life / 2

    def _away(self, why: str) -> None:
        self.away_since = self.away_since or datetime.now(UTC)
        self.error = why

    def _store(self, body: bytes, routes: RouteSet) -> None:
        partial = self._path.with_suffix(".new")
        try:
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
                sink.write(body)
                sink.flush()
                os.fsync(sink.fileno())
            os.replace(partial, self._path)
            self._stored_until = routes.expires_at
        except OSError as error:
            self.error = f"the routes could not be stored: {error}"
