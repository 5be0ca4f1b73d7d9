"""The gateway process: `python -m workers.serving.gateway --url URL --port N --home DIR --key-file FILE [--host
ADDRESS]`.

It owns no database, no broker and no model code: signed routes in, predictions out. Everything it needs comes
by argument; the environment is not read. SIGTERM and SIGINT let open requests end, drain the hosts and leave
nothing running; a second SIGINT ends it at once. Exit codes: 0 asked to stop, 64 wrong arguments, 73 the home
cannot be used, 75 the address is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import stat
import sys
import time
from dataclasses import asdict
from pathlib import Path

import uvloop

from workers.contracts.routes import RouteSet
from workers.serving.control import ControlPlane
from workers.serving.door import Door
from workers.serving.fleet import Fleet
from workers.serving.http_server import HttpServer
from workers.serving.journal import Journal
from workers.serving.keeper import RoutesKeeper
from workers.serving.spool import SPOOL_BYTES, Spool
from workers.serving.store import ModelStore

BODY_BYTES = 8 * 1024 * 1024
HOST_MEMORY_BYTES = 8 * 1024**3
HEALTH_SECONDS = 2.0
HEALTH_GAP_SECONDS = 0.05
STOP_GRACE_SECONDS = 10.0
SPOOL_GRACE_SECONDS = 3.0
EX_USAGE, EX_CANTCREAT, EX_TEMPFAIL = 64, 73, 75

log = logging.getLogger("fairway.gateway")


class StartRefused(Exception):
    """The gateway cannot start; says in one sentence why, and carries the exit code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Gateway:
    """The parts of one gateway, wired together. Raises StartRefused when its home or key cannot be used."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        home: Path = options.home
        key = key_read(options.key_file)
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(home, 0o700)
            self._lock = _locked(home / "lock")
            self._control = ControlPlane(options.url, key)
            self._spool = Spool(home / "spool", self._control.predictions, limit=options.spool_bytes)
            self._store = ModelStore(home / "models", self._control)
        except ValueError as error:
            raise StartRefused(EX_USAGE, str(error)) from error
        except OSError as error:
            raise StartRefused(EX_CANTCREAT, f"The gateway's home {home} cannot be used: {error}.") from error
        self._news = asyncio.Event()
        self._door = Door(self._spool, Journal(key.encode()))
        self._fleet = Fleet(
            self._store,
            home / "scratch",
            changed=self._news.set,
            batch_done=self._door.flush,
            memory_bytes=options.host_memory_bytes,
        )
        self._keeper = RoutesKeeper(self._control, key.encode(), home / "routes.json", self._routes_changed)
        self._door.fleet, self._door.keeper = self._fleet, self._keeper
        self._server = HttpServer(self._door, body_bytes=options.body_bytes)
        self._said = ""

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises StartRefused when the address is taken."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        interrupted = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, _interrupted, stop, interrupted)
        try:
            port = await self._server.open(self._options.host, self._options.port)
        except OSError as error:
            address = f"{self._options.host}:{self._options.port}"
            raise StartRefused(EX_TEMPFAIL, f"The gateway cannot listen on {address}: {error.strerror}.") from error
        self._spool.start()
        self._keeper.start()
        tasks = [loop.create_task(self._report()), loop.create_task(self._watch())]
        log.info("listening on http://%s:%d", self._options.host, port)
        await stop.wait()
        log.info("stopping")
        await self._server.close(STOP_GRACE_SECONDS)
        self._door.close()
        await self._keeper.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._fleet.end()
        await self._spool.stop(SPOOL_GRACE_SECONDS)
        os.close(self._lock)
        log.info("stopped")

    def _routes_changed(self, routes: RouteSet | None) -> None:
        if routes is None:
            log.warning("the last signed routes have expired: every request is refused")
        else:
            log.info("routes with serial %d are in force", routes.serial)
        self._fleet.apply(routes)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._fleet.overdue(time.monotonic())
            if self._keeper.error != self._said:
                self._said = self._keeper.error
                log.warning("%s", self._said or "the control plane answers again")

    async def _report(self) -> None:
        """Tells the control plane what the hosts do: at every change, and every two seconds."""
        while True:
            self._news.clear()
            hosts = self._fleet.report()
            document = {
                "hosts": hosts,
                "serial": self._keeper.serial,
                "spool": asdict(self._spool.state),
                "routes_error": self._keeper.error,
            }
            with contextlib.suppress(OSError):  # the next report tells the same
                if 200 <= await self._control.health(document) < 300:
                    self._fleet.reported(hosts)
            await asyncio.sleep(HEALTH_GAP_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HEALTH_SECONDS)


def key_read(path: Path) -> str:
    """The gateway's key. Raises StartRefused when the file is missing, empty, or open to other users."""
    try:
        mode = path.stat().st_mode
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartRefused(EX_USAGE, f"The key file {path} cannot be read: {error}.") from error
    if stat.S_IMODE(mode) & 0o077:
        raise StartRefused(EX_USAGE, f"The key file {path} is open to other users; run chmod 600 on it.")
    if len(key) < 16 or not key.isascii():
        raise StartRefused(EX_USAGE, f"The key file {path} holds no key.")
    return key


def options_parse(arguments: list[str]) -> argparse.Namespace:
    """The command line. Exits with 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.serving.gateway", description=__doc__)
    parser.add_argument("--url", required=True, help="address of the control plane")
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--home", type=Path, required=True, help="directory for models, routes and the prediction log")
    parser.add_argument("--key-file", type=Path, required=True, help="file (0600) with the gateway's key")
    parser.add_argument("--body-bytes", type=int, default=BODY_BYTES, help="largest request body")
    parser.add_argument("--spool-bytes", type=int, default=SPOOL_BYTES, help="most disk for the waiting prediction log")
    parser.add_argument("--host-memory-bytes", type=int, default=HOST_MEMORY_BYTES, help="memory limit of one host")
    return parser.parse_args(arguments)


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError("another gateway is using it") from error
    return lock


def _interrupted(stop: asyncio.Event, before: asyncio.Event) -> None:
    # Only a second Ctrl-C is impatience: a supervisor may well pass on a SIGTERM beside the terminal's SIGINT.
    if before.is_set():
        os._exit(1)  # hosts notice the closed socket
    before.set()
    stop.set()


async def _main(options: argparse.Namespace) -> None:
    await Gateway(options).run()


def main() -> int:
    """Runs the gateway and returns its exit code."""
    options = options_parse(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s gateway %(levelname)s %(message)s")
    os.umask(0o077)
    # While a large request is read in its thread, the loop gets its turn every millisecond instead of every five.
    sys.setswitchinterval(0.001)
    try:
        uvloop.run(_main(options))
    except StartRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return refused.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
