"""The supervisor: starts everything in order, keeps it running, and ends everything.

One thread and one loop, woken by signals; children are its direct subprocesses.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from controlplane.stack.child import Child, ChildSpec, log_tail
from controlplane.stack.config import StackConfig
from controlplane.stack.home import HomeLock, home_prepare, socket_directory
from controlplane.stack.messages import StackError, Step, os_failure, say
from controlplane.stack.ports import address_said, ports_require
from controlplane.stack.postgres import Postgres
from controlplane.stack.ready import http_status, port_answers
from controlplane.stack.secret_files import NAMES, secret
from controlplane.stack.services import COLLECT, MIGRATE, manage_spec, service_specs
from controlplane.stack.state import state_write
from controlplane.stack.static_files import static_current, static_stamp
from controlplane.stack.tree import descendants, processes_end
from controlplane.stack.valkey import Valkey

EMBEDDED = ("postgres", "valkey")
TRIES_BEFORE_READY = 4
START_SECONDS = 120.0
MIGRATE_SECONDS = 600.0

Specs = Callable[[StackConfig, str, str], list[ChildSpec]]


class StopAsked(Exception):
    """A signal, or the end of the guard, asks for the end."""


class Supervisor:
    """Runs one home. `services` builds the product's processes; None runs the embedded servers alone."""

    def __init__(
        self,
        config: StackConfig,
        *,
        services: Specs | None = service_specs,
        prepare: bool = True,
        durable: bool = True,
        parent: int = 0,
        until_input_ends: bool = False,
    ) -> None:
        self.config = config
        self.services = services
        self.prepare = prepare
        self.durable = durable
        self.parent = parent
        self.until_input_ends = until_input_ends
        self.children: list[Child] = []
        self.tasks: list[Child] = []
        self.ready = False
        self.ready_at = ""
        self.started = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.sockets = self.database_url = self.redis_url = ""
        self._signals: list[float] = []
        self._wake_read, self._wake_write = _pipe()

    # Start ----------------------------------------------------------------------------------------------------------

    def run(self, *, accounts: bool = False) -> int:
        """Start, watch until asked to stop, end everything. Returns the exit code; failures are said in a sentence."""
        self._signals_take()
        lock: HomeLock | None = None
        code = 0
        try:
            if self.services is not None:
                say(f"Fairway starts on {self.config.home}")
                home_prepare(self.config.home)
            else:
                home_prepare(self.config.home, first_bytes=200 * 2**20, later_bytes=50 * 2**20)
            lock = HomeLock(self.config.home)
            lock.take()
            self._start()
            if self.services is not None:
                self._addresses_print()
            if accounts:
                self._accounts_and_demo()
            while True:
                self._tick(0.5)
        except StopAsked:
            pass
        except StackError as error:
            say(f"\n{error}", sys.stderr)
            code = 1
        except OSError as error:
            say(f"\n{os_failure(error, 'used', self.config.home)}", sys.stderr)
            code = 1
        finally:
            self._stop()
            if lock is not None:
                lock.drop()
        return code

    def _start(self) -> None:
        config = self.config
        for name in NAMES:
            secret(config.home, name)
        if self.services is not None:
            ports_require({"PORT": config.port, "LIVE_PORT": config.live_port, "GATEWAY_PORT": config.gateway_port})
        self.database_url, self.redis_url = database_url, redis_url = self._embedded_start()
        if self.services is None:
            self._now_ready()
            return
        if self.prepare:
            self._prepare(database_url, redis_url)
        step = Step("Web, live, worker, beat and gateway")
        for spec in self.services(config, database_url, redis_url):
            self._child_start(Child(spec))
        self._wait(self._services_answer, START_SECONDS, step, self._service_trouble)
        step.done()
        self._now_ready()

    def _embedded_start(self) -> tuple[str, str]:
        config = self.config
        database_url, redis_url = config.database_url, config.redis_url
        if not (config.embeds_database or config.embeds_broker):
            return database_url, redis_url
        sockets = socket_directory(config.home)
        self.sockets = str(sockets)
        env = config.plain_environment()
        if config.embeds_database:
            postgres = Postgres(config.home, sockets, env, durable=self.durable)
            step = Step("Database")
            made = postgres.initialise()
            postgres.clear_stale()
            self._child_start(Child(postgres.spec()))
            self._wait(postgres.answers, START_SECONDS, step, postgres.trouble)
            step.done("made for this installation" if made else "")
            database_url = postgres.url
        if config.embeds_broker:
            valkey = Valkey(config.home, sockets, env)
            step = Step("Queue")
            self._child_start(Child(valkey.spec()))
            self._wait(valkey.answers, START_SECONDS, step, valkey.trouble)
            step.done()
            redis_url = valkey.url
        return database_url, redis_url

    def _prepare(self, database_url: str, redis_url: str) -> None:
        """Migrations, and the static files when their sources changed; side by side."""
        env = self.config.django_environment(database_url, redis_url)
        collect = None
        if not static_current(self.config.root, self.config.home):
            collect = self._task_start(manage_spec(self.config, env, *COLLECT))
        step = Step("Migrations")
        self._task_wait(self._task_start(manage_spec(self.config, env, *MIGRATE)), step)
        if collect is not None:
            self._task_wait(collect, Step("Static files"))
            static_stamp(self.config.root, self.config.home)

    def _services_answer(self) -> bool:
        for child in self.children:
            if child.state != "RUNNING":
                return False
            if child.spec.health and http_status(child.spec.health, 1.0) != 200:
                return False
            if child.spec.address.startswith("ws://") and not port_answers(self.config.live_port):
                return False
        return True

    def _service_trouble(self) -> StackError:
        names = [child for child in self.children if child.spec.name not in EMBEDDED]
        worst = max(names, key=lambda child: child.restarts)
        for child in names:
            if child.state == "RUNNING" and child.spec.health and http_status(child.spec.health, 1.0) != 200:
                worst = child
        tail = worst.last_error or log_tail(worst.spec.log) or "it said nothing"
        return StackError(f"{worst.spec.name} does not start ({tail[:300]}): see {worst.spec.log}.")

    def _addresses_print(self) -> None:
        config = self.config
        say(f"\nReady after {time.monotonic() - self.started:.1f} s. Ctrl-C stops everything.\n")
        for name, address in (
            ("Fairway", config.web_url),
            ("Live pages", config.live_url),
            ("Predictions", config.gateway_url),
            ("Data and logs", str(config.home)),
        ):
            say(f"  {name:14} {address_said(address)}")
        say()

    def _now_ready(self) -> None:
        self.ready = True
        self.ready_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._state_write()

    def _accounts_and_demo(self) -> None:
        """The three accounts on the terminal, then, once per installation, the demo with its progress."""
        env = self.config.django_environment(self.database_url, self.redis_url)
        marker = self.config.run / "demo.done"
        try:
            self._task_wait(self._task_start(manage_spec(self.config, env, "demo_accounts", terminal=True)), None)
            if not marker.exists():
                say("\nThe demo begins; it is the product at work, so the pages can be used meanwhile.")
                self._task_wait(self._task_start(manage_spec(self.config, env, "demo", terminal=True)), None)
                marker.touch()
        except StackError as failure:
            # The product runs all the same; what failed has said why on this terminal.
            say(f"  !! {failure}\n     The product runs on; make demo tries again.", sys.stderr)

    # Children and tasks ---------------------------------------------------------------------------------------------

    def _child_start(self, child: Child) -> None:
        child.start()
        self.children.append(child)
        self._state_write()

    def _task_start(self, spec: ChildSpec) -> Child:
        task = Child(spec)
        task.start()
        self.tasks.append(task)
        return task

    def _task_wait(self, task: Child, step: Step | None) -> None:
        """Wait for a command to end well. Raises StackError with its last words otherwise."""
        end = time.monotonic() + MIGRATE_SECONDS
        while (code := task.ended()) is None:
            if step is not None:
                step.tick()
                if time.monotonic() > end:
                    raise StackError(f"{task.spec.name} takes too long: see {task.spec.log}.")
            self._tick(0.1)
        self.tasks.remove(task)
        if code != 0:
            if step is not None:
                step.failed()
            if task.spec.terminal:
                raise StackError(f"{task.spec.name} failed with exit code {code}; the reason stands above.")
            tail = log_tail(task.spec.log)
            raise StackError(f"{task.spec.name} failed ({tail or f'exit code {code}'}): see {task.spec.log}.")
        if step is not None:
            step.done()

    def _wait(self, answers: Callable[[], bool], seconds: float, step: Step, trouble: Callable[[], StackError]) -> None:
        end = time.monotonic() + seconds
        while not answers():
            step.tick()
            hopeless = any(child.restarts >= TRIES_BEFORE_READY for child in self.children) or any(
                child.state == "BACKOFF" and child.spec.name in EMBEDDED for child in self.children
            )
            if hopeless or time.monotonic() > end:
                step.failed()
                raise trouble()
            self._tick(0.05)

    def _tick(self, seconds: float) -> None:
        """Sleep until something happens, then look after every child. Raises StopAsked."""
        watched = [self._wake_read, sys.stdin.fileno()] if self.until_input_ends else [self._wake_read]
        readable = select.select(watched, [], [], seconds)[0]
        self._wake_clear()
        if self._signals or (self.until_input_ends and watched[1] in readable and not os.read(watched[1], 512)):
            raise StopAsked
        if self.parent and os.getppid() != self.parent:
            say("The process that watches the supervisor is gone, so everything is stopped.", sys.stderr)
            raise StopAsked
        for child in self.children:
            code = child.ended()
            if code is not None:
                pause = child.retry_later(code)
                if self.ready:
                    say(f"  !! {child.spec.name} {child.last_error}; it starts again in {pause:g} s.")
                self._state_write()
            elif child.retry_due():
                self._restart(child)

    def _restart(self, child: Child) -> None:
        try:
            child.restart()
        except OSError as error:
            child.last_error = str(os_failure(error, "written", child.spec.log))
            child.retry_later(0)
            say(f"  !! {child.spec.name} cannot start: {child.last_error}", sys.stderr)
        else:
            if self.ready:
                say(f"  ok {child.spec.name} started again (process {child.pid}, restart {child.restarts}).")
        self._state_write()

    # End ------------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """End everything: the product first, what it left behind, then queue and database. None is left."""
        running = [*self.tasks, *self.children]
        if any(child.pid for child in running):
            say("\nStopping …")
        product = [child for child in running if child.spec.name not in EMBEDDED]
        below = [process for child in product if child.pid for process in descendants(child.pid)]
        self._end(product)
        processes_end(below, grace=2)
        servers = [child for child in running if child.spec.name in EMBEDDED]
        self._end(servers)
        databases = {child.pid for child in servers}
        processes_end([process for process in descendants(os.getpid()) if process.pid not in databases], grace=1)
        self.ready = False
        if running and self.config.run.is_dir():
            self._state_write()
        if running:
            say("Stopped.")

    def _end(self, children: Iterable[Child]) -> None:
        waiting = [child for child in children if child.pid is not None]
        for child in waiting:
            child.ask_to_end()
        asked = len(self._signals)
        begun = time.monotonic()
        while waiting:
            waiting = [child for child in waiting if child.ended() is None]
            impatient = len(self._signals) > asked
            for child in waiting:
                if impatient or time.monotonic() - begun > child.spec.grace:
                    child.kill()
            waiting = [child for child in waiting if child.pid is not None]
            if waiting:
                select.select([self._wake_read], [], [], 0.05)
                self._wake_clear()
        for child in children:
            child.state = "STOPPED"

    # Signals and state ----------------------------------------------------------------------------------------------

    def _signals_take(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            signal.signal(number, self._signal)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _signal(self, _number: int, _frame: FrameType | None) -> None:
        """Note a request to end. One key press may arrive twice (terminal and guard), so close ones count once."""
        now = time.monotonic()
        if not self._signals or now - self._signals[-1] > 1.0:
            self._signals.append(now)

    def _wake_clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_read, 512):
                pass

    def _state_write(self) -> None:
        config = self.config
        state: dict[str, Any] = {
            "schema": 1,
            "supervisor_pid": os.getpid(),
            "guard_pid": self.parent,
            "started_at": self.started_at,
            "ready": self.ready,
            "ready_at": self.ready_at,
            "home": str(config.home),
            "sockets": self.sockets,
            "addresses": {"web": config.web_url, "live": config.live_url, "gateway": config.gateway_url},
            "embedded": {"postgres": config.embeds_database, "valkey": config.embeds_broker},
            "processes": [child.facts() for child in self.children],
        }
        try:
            state_write(config.home, state)
        except OSError as error:
            say(f"  !! The state cannot be written: {os_failure(error, 'written', config.run)}", sys.stderr)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
