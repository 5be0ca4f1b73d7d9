"""Which versions are in memory and which one answers: the routes in force, made true with host processes.

Swap: a version that is new among a deployment's `versions` is loaded beside the others; the split flips in one
step as soon as every version with a share is READY; until then the previous split goes on, as long as the
control plane still lists its versions. A version that is no longer listed is refused at once, whatever is ready
in its place, and its host drains and ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.contracts.routes import RouteDeployment, RouteSet, RouteVersion
from workers.serving.hosts import ENDED, FAILED, FETCHING, LOADING, READY, Host
from workers.serving.store import ModelStore

_Key = tuple[str, str]


class Live:
    """One deployment in force: its routes, and the split that answers now."""

    __slots__ = ("mask", "route", "shares", "total")

    def __init__(self, route: RouteDeployment) -> None:
        self.route = route
        self.mask = route.mask
        self.shares: tuple[tuple[Host, int], ...] = ()
        self.total = 0

    def serve(self, shares: tuple[tuple[Host, int], ...]) -> None:
        """Makes `shares` the split, in one step."""
        self.shares = shares
        self.total = sum(points for _, points in shares)

    def pick(self) -> Host | None:
        """A READY host by share; None when no version with a share is ready. A host that is down passes its
        share on.
        """
        shares = self.shares
        if len(shares) == 1:
            return shares[0][0] if shares[0][0].state == READY else None
        ready = [(host, points) for host, points in shares if host.state == READY]
        if not ready:
            return None
        mark = random.randrange(sum(points for _, points in ready))  # noqa: S311 - a traffic split is no secret
        for host, points in ready:
            mark -= points
            if mark < 0:
                return host
        return None

    def numbered(self, number: str) -> Host | None:
        """The host of version `number` if it has a share now."""
        for host, _ in self.shares:
            if str(host.version.number) == number:
                return host
        return None


class Fleet:
    """All hosts and deployments. `changed` is called when any host's state or any split changes."""

    def __init__(
        self,
        store: ModelStore,
        scratch: Path,
        *,
        changed: Callable[[], None],
        batch_done: Callable[[], None],
        memory_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._scratch = scratch
        self._changed = changed
        self._batch_done = batch_done
        self._memory_bytes = memory_bytes
        self._hosts: dict[_Key, Host] = {}
        self._unusable: dict[str, str] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._leaving_hosts: set[Host] = set()
        self._ended: list[str] = []
        self._token_key = os.urandom(32)
        self._tokens: dict[bytes, tuple[str, frozenset[str], frozenset[str]]] = {}
        self.deployments: dict[str, Live] = {}

    def apply(self, routes: RouteSet | None) -> None:
        """Makes a set of routes true. With None (expired) nothing is answered, but the hosts stay warm."""
        if routes is None:
            self.deployments = {}
            self._tokens = {}
            self._changed()
            return
        before = {live.route.id: live for live in self.deployments.values()}
        wanted: dict[_Key, RouteVersion] = {}
        for route in routes.deployments:
            for version in route.versions.values():
                wanted[(version.id, version.files_digest)] = version
        for key in [key for key in self._hosts if key not in wanted]:
            self._leave(self._hosts.pop(key))
        self._unusable = {}
        for key, version in wanted.items():
            self._want(key, version)
        self.deployments = {route.name: self._live(route, before.get(route.id)) for route in routes.deployments}
        self._index_tokens(routes)
        self._store.keep_only(list(wanted.values()))
        self.settle()
        self._changed()

    def settle(self) -> None:
        """Flips every split whose versions have become ready."""
        for live in self.deployments.values():
            desired = self._desired(live.route)
            if desired != live.shares and desired and all(host.state == READY for host, _ in desired):
                live.serve(desired)

    def allowed(self, token: str) -> tuple[str, frozenset[str], frozenset[str]] | None:
        """(SHA-256 of the token, ids of the deployments it opens, their teams), or None for an unknown token.

        The lookup goes by a digest keyed with a secret of this process, so that its timing tells nothing of the
        stored hashes; the hash itself is then compared in constant time.
        """
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = self._tokens.get(self._keyed(digest))
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        return found

    def hosts(self) -> list[Host]:
        """Every host that has a process or wants one, those that drain included."""
        return [*self._leaving_hosts, *self._hosts.values()]

    def report(self) -> list[dict[str, Any]]:
        """One entry per version for the control plane: state, pid, rss (bytes), error.

        ENDED is listed until `reported`; FAILED also stands for a version whose own facts contradict each
        other.
        """
        entries = {version_id: _entry(version_id, ENDED) for version_id in self._ended}
        entries |= {version_id: _entry(version_id, FAILED, error=why) for version_id, why in self._unusable.items()}
        for host in self.hosts():  # a host that drains comes first: a new one of the same version stands over it
            version_id = host.version.id
            entries[version_id] = _entry(version_id, host.state, host.pid, host.rss_bytes(), host.error)
        return list(entries.values())

    def reported(self, entries: list[dict[str, Any]]) -> None:
        """The control plane has taken these entries: ended versions among them are forgotten."""
        told = {entry["version_id"] for entry in entries if entry["state"] == ENDED}
        self._ended = [version_id for version_id in self._ended if version_id not in told]

    def overdue(self, now: float) -> None:
        """Ends every host that has been computing one batch for too long."""
        for host in self.hosts():
            host.overdue(now)

    def starting(self) -> bool:
        """Whether a version with a share is loading for the first time; one that crashed does not make us unready."""
        shares = [host for live in self.deployments.values() for host, _ in live.shares]
        return any(not host.was_ready and host.state in (FETCHING, LOADING) for host in shares)

    async def end(self) -> None:
        """Drains and ends every host."""
        for host in self._hosts.values():
            self._leave(host)
        self._hosts = {}
        await asyncio.gather(*self._leaving, return_exceptions=True)

    def _want(self, key: _Key, version: RouteVersion) -> None:
        host = self._hosts.get(key)
        if host is not None:
            if host.version == version:
                return
            self._leave(self._hosts.pop(key))  # same bytes, other facts (a threshold): started anew, never mixed
        try:
            host = Host(
                version,
                self._store,
                self._scratch,
                changed=self._host_changed,
                batch_done=self._batch_done,
                memory_bytes=self._memory_bytes,
            )
        except ValueError as error:
            self._unusable[version.id] = str(error)
            return
        self._hosts[key] = host
        host.start()

    def _live(self, route: RouteDeployment, before: Live | None) -> Live:
        live = Live(route)
        desired = self._desired(route)
        listed = {(version.id, version.files_digest) for version in route.versions.values()}
        kept = tuple(
            (host, points)
            for host, points in (before.shares if before is not None else ())
            if (host.version.id, host.version.files_digest) in listed and host.state == READY
        )
        ready = all(host.state == READY for host, _ in desired)
        live.serve(desired if ready or not kept else kept)
        return live

    def _desired(self, route: RouteDeployment) -> tuple[tuple[Host, int], ...]:
        shares = []
        for version_id, points in route.shares:
            host = self._hosts.get((version_id, route.versions[version_id].files_digest))
            if host is not None:
                shares.append((host, points))
        return tuple(shares)

    def _index_tokens(self, routes: RouteSet) -> None:
        opens: dict[str, tuple[set[str], set[str]]] = {}
        for route in routes.deployments:
            for token in route.tokens:
                ids, teams = opens.setdefault(token, (set(), set()))
                ids.add(route.id)
                teams.add(route.team)
        self._tokens = {
            self._keyed(token): (token, frozenset(ids), frozenset(teams)) for token, (ids, teams) in opens.items()
        }

    def _keyed(self, digest: str) -> bytes:
        return hashlib.blake2b(digest.encode(), key=self._token_key, digest_size=16).digest()

    def _host_changed(self) -> None:
        self.settle()
        self._changed()

    def _leave(self, host: Host) -> None:
        self._leaving_hosts.add(host)
        task = asyncio.get_running_loop().create_task(host.drain())
        self._leaving.add(task)

        def left(done: asyncio.Task[None]) -> None:
            self._leaving.discard(done)
            self._leaving_hosts.discard(host)
            if host.state == ENDED:
                self._ended.append(host.version.id)
                self._changed()

        task.add_done_callback(left)


def _entry(
    version_id: str, state: str, pid: int | None = None, rss: int | None = None, error: str = ""
) -> dict[str, Any]:
    return {"version_id": version_id, "state": state, "pid": pid, "rss": rss, "error": error}
