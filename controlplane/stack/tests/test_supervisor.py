"""The supervisor over real processes: start, crash, stop, kill -9, and every refusal in one sentence."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from controlplane.stack.config import ROOT
from controlplane.stack.embedded import embedded_urls
from controlplane.stack.home import HomeLock, home_prepare, lock_held, socket_directory
from controlplane.stack.messages import StackError
from controlplane.stack.ready import http_answer, http_status, wait_until
from controlplane.stack.state import state_path, state_read
from controlplane.stack.testing import LiveStack

DUMMY = Path(__file__).with_name("dummy_stack.py")
LAUNCH = ROOT / "controlplane" / "stack" / "launch.py"


class DummyStack(LiveStack):
    """The same with the small programs of dummy_stack.py."""

    command = (sys.executable, str(DUMMY))

    def dummy_pids(self) -> list[int]:
        """Every process of the small programs, also those that left their session."""
        return [int(p) for file in (self.home / "run").glob("dummy-*.pids") for p in file.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[DummyStack]:
    made = DummyStack(tmp_path / "home", seconds=60)
    yield made
    made.stop()


@pytest.fixture
def difficult(tmp_path: Path) -> Iterator[DummyStack]:
    """With a child that ignores SIGTERM, one in its parent's group, and one that left its session."""
    made = DummyStack(tmp_path / "home", seconds=60, environ={"FAIRWAY_TEST_DIFFICULT": "1"})
    yield made
    made.stop()


def everything(stack: DummyStack) -> list[int]:
    return [*{process.pid for process in stack.family()} | set(stack.dummy_pids())]


def test_start_gives_addresses_and_keeps_data_over_a_restart(stack: DummyStack) -> None:
    stack.start()

    assert http_status(f"{stack.url}/health/ready") == 200
    assert f"http://localhost:{stack.config.port}" in stack.said()
    assert "Ready after" in stack.said()
    database_url, redis_url = embedded_urls(stack.config)
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    Redis.from_url(redis_url.replace("redis+socket", "unix")).set("kept", "1")
    stack.stop()
    assert not lock_held(stack.home)
    stack.start()

    database_url, redis_url = embedded_urls(stack.config)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert Redis.from_url(redis_url.replace("redis+socket", "unix")).get("kept") == b"1"


def test_sigterm_leaves_nothing(difficult: DummyStack) -> None:
    difficult.start()
    pids = everything(difficult)
    assert len(pids) > 8

    difficult.stop()

    assert [pid for pid in pids if alive(pid)] == []
    assert "Stopped." in difficult.said()
    assert state_read(difficult.home)["ready"] is False


@pytest.mark.slow
def test_interrupt_of_the_terminal_reaches_guard_and_supervisor_and_leaves_nothing(difficult: DummyStack) -> None:
    difficult.start()
    pids = everything(difficult)
    assert difficult.process is not None

    os.killpg(difficult.process.pid, signal.SIGINT)

    assert difficult.process.wait(timeout=40) == 0
    assert [pid for pid in pids if alive(pid)] == []


@pytest.mark.slow
def test_kill_9_of_the_supervisor_leaves_nothing(difficult: DummyStack) -> None:
    difficult.start()
    pids = everything(difficult)
    assert difficult.process is not None

    os.kill(state_read(difficult.home)["supervisor_pid"], signal.SIGKILL)

    assert difficult.process.wait(timeout=40) == 128 + 9
    assert [pid for pid in pids if alive(pid)] == []
    assert "was killed" in difficult.said()
    difficult.process = None
    difficult.start()
    assert http_status(f"{difficult.url}/health/ready") == 200


@pytest.mark.slow
def test_kill_9_of_the_guard_leaves_nothing(difficult: DummyStack) -> None:
    difficult.start()
    pids = everything(difficult)
    assert difficult.process is not None

    difficult.process.kill()
    difficult.process.wait()

    wait_until(lambda: not [pid for pid in pids if alive(pid)], 40, "the end of every process")


@pytest.mark.slow
def test_crashed_child_starts_again_with_growing_pauses_and_says_so(difficult: DummyStack) -> None:
    difficult.start()
    first = difficult.pid("web")
    group = [int(p) for p in (difficult.home / "run" / f"dummy-{difficult.config.port}.pids").read_text().split()]

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: difficult.restarts("web") == 1, 20, "the restart")
    wait_until(lambda: http_status(f"{difficult.url}/health/ready") == 200, 20, "an answer")
    assert difficult.pid("web") != first
    assert not alive(group[1])
    wait_until(lambda: "web started again" in difficult.said(), 5, "the note")
    assert "web ended by SIGKILL; it starts again in 0.5 s." in difficult.said()
    os.kill(difficult.pid("web"), signal.SIGKILL)
    wait_until(lambda: "web ended by SIGKILL; it starts again in 1 s." in difficult.said(), 20, "a longer pause")


@pytest.mark.slow
def test_killed_database_starts_again_with_its_data(stack: DummyStack) -> None:
    stack.start()
    url = embedded_urls(stack.config)[0]
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")

    os.kill(stack.pid("postgres"), signal.SIGKILL)

    wait_until(lambda: stack.restarts("postgres") >= 1, 20, "the restart")

    def kept() -> bool:
        try:
            with psycopg.connect(url, connect_timeout=1) as connection:
                return connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        except psycopg.OperationalError:
            return False

    wait_until(kept, 30, "the table")


@pytest.mark.slow
def test_stale_pid_file_of_another_process_is_cleared_and_said(stack: DummyStack) -> None:
    stack.start()
    stack.stop()
    pid_file = stack.home / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n1\n5432\n\n\n")

    stack.start()

    assert "was not stopped in order last time" in stack.said()


def test_secrets_are_private_and_stand_in_no_command_line_and_no_log(stack: DummyStack) -> None:
    stack.start()

    folder = stack.home / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    values = [file.read_text() for file in folder.iterdir()]
    command_lines = " ".join(" ".join(process.cmdline()) for process in stack.family())
    written = [file.read_text(errors="replace") for file in (stack.home / "logs").iterdir()]
    written += [stack.said(), state_path(stack.home).read_text()]
    assert len(values) == 4
    assert not [value for value in values if value in command_lines or any(value in text for text in written)]


def test_gateway_is_told_neither_addresses_nor_secrets_of_the_servers(tmp_path: Path) -> None:
    stack = DummyStack(tmp_path / "home", seconds=60, environ={"AWS_SECRET_ACCESS_KEY": "x", "OTHER": "y"})
    with stack:
        gateway = environment_names(stack.gateway_url)
        web = environment_names(stack.url)

    assert {"DATABASE_URL", "REDIS_URL", "AWS_SECRET_ACCESS_KEY", "SECRET_KEY"} & gateway == set()
    assert {"DATABASE_URL", "REDIS_URL", "AWS_SECRET_ACCESS_KEY"} <= web
    assert "OTHER" not in web


def environment_names(url: str) -> set[str]:
    import urllib.request

    with urllib.request.urlopen(f"{url}/environ", timeout=5) as response:
        return set(response.read().decode().split())


def test_taken_port_is_one_sentence(stack: DummyStack) -> None:
    with socket.create_server(("127.0.0.1", stack.config.gateway_port)):
        said = refused(stack)

    assert said.startswith(f"Port {stack.config.gateway_port} is taken by another program")
    assert f"GATEWAY_PORT={stack.config.gateway_port + 10} make run" in said


@pytest.mark.slow
def test_second_supervisor_on_one_home_is_refused(stack: DummyStack) -> None:
    stack.start()
    second = DummyStack(stack.home, seconds=20)
    second.output = stack.home.parent / "second.txt"

    said = refused(second)

    assert said.startswith(f"Fairway already runs on {stack.home}")
    assert http_status(f"{stack.url}/health/ready") == 200
    assert state_read(stack.home)["ready"] is True


def test_database_of_another_version_is_one_sentence(stack: DummyStack) -> None:
    home_prepare(stack.home)
    (stack.home / "postgres" / "data").mkdir()
    (stack.home / "postgres" / "data" / "PG_VERSION").write_text("15\n")

    assert "was made by PostgreSQL 15 and this release runs 18" in refused(stack)


def test_wrong_port_and_wrong_database_address_are_one_sentence(tmp_path: Path) -> None:
    for name, value, sentence in (
        ("PORT", "eighty", "PORT is 'eighty', which is no port"),
        ("LIVE_PORT", "70000", "LIVE_PORT is 70000, which is no port"),
        ("DATABASE_URL", "mysql://h/d", "DATABASE_URL must begin with postgres://"),
    ):
        env = {**os.environ, "FAIRWAY_HOME": str(tmp_path / "h"), "DATABASE_URL": "", "REDIS_URL": "", name: value}
        done = subprocess.run([sys.executable, str(DUMMY)], env=python_path(env), capture_output=True, text=True)
        last = [line for line in done.stderr.splitlines() if line][-1]
        assert done.returncode == 1, done.stderr
        assert sentence in last


def python_path(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if value} | {"PYTHONPATH": str(ROOT)}


def refused(stack: DummyStack) -> str:
    """The last sentence of a start that must fail with exit code 1."""
    with pytest.raises(AssertionError, match="ended with 1"):
        stack.start()
    return [line for line in stack.said().splitlines() if line][-1]


def as_ordinary_user(home: Path) -> list[str]:
    """A start that has no rights of root; as root, in a user namespace whose only user owns the files."""
    if os.geteuid() != 0:
        return [sys.executable, str(DUMMY)]
    return [sys.executable, str(LAUNCH), "--user-namespace", "--", sys.executable, str(DUMMY)]


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_unreadable_and_unwritable_home_are_one_sentence(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    env = python_path({**os.environ, "FAIRWAY_HOME": str(home), "DATABASE_URL": "", "REDIS_URL": ""})

    try:
        done = subprocess.run(as_ordinary_user(home), env=env, capture_output=True, text=True)
    finally:
        home.chmod(0o700)

    last = [line for line in done.stderr.splitlines() if line][-1]
    assert done.returncode == 1, done.stderr
    assert last.startswith(str(home)), done.stderr
    assert "FAIRWAY_HOME" in last


def test_home_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_text("")

    with pytest.raises(StackError, match="FAIRWAY_HOME"):
        home_prepare(file)


def test_little_disk_space_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"disk is nearly full.*free some space"):
        home_prepare(tmp_path / "home", first_bytes=2**60)


def test_lock_is_free_again_after_its_holder(tmp_path: Path) -> None:
    home_prepare(tmp_path)
    lock = HomeLock(tmp_path)
    lock.take()
    assert lock_held(tmp_path)

    lock.drop()

    assert not lock_held(tmp_path)


def test_long_and_strange_homes_get_a_short_private_folder_for_sockets(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 20) / "with space"
    home_prepare(home)

    folder = socket_directory(home)

    assert len(str(folder)) <= 80
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder == socket_directory(home)
    folder.rmdir()


def test_answers_tell_status_and_json(stack: DummyStack) -> None:
    stack.start()

    assert http_answer(f"{stack.gateway_url}/v2/health/live") == (200, {})
