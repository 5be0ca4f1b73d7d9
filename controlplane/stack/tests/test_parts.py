"""The small parts: sentences for failures, log rotation, static stamps, environments, the browser's path."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from controlplane.stack import targets
from controlplane.stack.child import Child, ChildSpec, log_rotate, log_tail
from controlplane.stack.chromium import chromium_find
from controlplane.stack.config import config_read
from controlplane.stack.messages import StackError, os_failure
from controlplane.stack.ports import port_free, ports_free, ports_require
from controlplane.stack.postgres import failure
from controlplane.stack.secret_files import secret, secret_path
from controlplane.stack.services import gateway_key_file
from controlplane.stack.static_files import static_current, static_stamp


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (errno.ENOSPC, "The disk is full: free some space"),
        (errno.EDQUOT, "The disk is full: free some space"),
        (errno.EACCES, "cannot be written by this user"),
        (errno.EROFS, "is on a read-only disk"),
        (errno.ENOTDIR, "cannot be written"),
    ],
)
def test_failed_file_operations_become_one_sentence(code: int, sentence: str) -> None:
    error = os_failure(OSError(code, os.strerror(code)), "written", Path("/data/home"))

    assert sentence in str(error)
    assert "/data/home" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("initdb: error: could not write: No space left on device", "The disk is full: free some space"),
        ('FATAL:  data directory "x" has invalid permissions', "belong to somebody else or cannot be read"),
        ("FATAL:  could not resize shared memory segment", "no shared memory left"),
        ("FATAL:  something new", "does not start (FATAL:  something new)"),
        ("", "it said nothing"),
    ],
)
def test_what_postgres_says_becomes_one_sentence(text: str, sentence: str) -> None:
    assert sentence in str(failure(text, Path("/data/home/postgres/data")))


def test_big_log_is_moved_aside_and_the_oldest_dropped(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for number in range(5):
        log.write_text(f"{number}" * 100)
        log_rotate(log, limit=50, kept=3)

    assert not log.exists()
    assert [tmp_path.joinpath(f"web.log.{n}").read_text()[0] for n in (1, 2, 3)] == ["4", "3", "2"]
    assert not tmp_path.joinpath("web.log.4").exists()


def test_small_log_stays_and_its_last_words_are_found(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("--- start 1\nTraceback\nValueError: no\n\n--- start 2\n")

    log_rotate(log)

    assert log_tail(log) == "ValueError: no"
    assert log_tail(tmp_path / "missing.log") == ""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "ended with exit code 1: no such table"),
        (-signal.SIGSEGV, "ended by SIGSEGV: no such table"),
        (-signal.SIGKILL, "ended by SIGKILL"),
    ],
)
def test_a_last_line_is_taken_for_the_cause_unless_somebody_else_ended_the_program(
    tmp_path: Path, code: int, said: str
) -> None:
    log = tmp_path / "web.log"
    log.write_text("--- start\nno such table\n")
    child = Child(ChildSpec("web", (), {}, log, tmp_path))

    child.retry_later(code)

    assert child.last_error == said


def test_static_files_are_collected_again_only_after_a_change(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    (root / "frontend" / "css").mkdir(parents=True)
    (root / "frontend" / "css" / "a.css").write_text("a{}")
    (home / "run").mkdir(parents=True)
    (home / "static").mkdir()
    assert not static_current(root, home)

    static_stamp(root, home)

    assert static_current(root, home)
    (root / "frontend" / "css" / "a.css").write_text("a{color:red}")
    assert not static_current(root, home)


def test_ports_must_be_numbers_different_and_free() -> None:
    one, two, three = ports_free(3)

    ports_require({"PORT": one, "LIVE_PORT": two, "GATEWAY_PORT": three})

    assert port_free(one)
    with pytest.raises(StackError, match="LIVE_PORT and PORT are both"):
        ports_require({"PORT": one, "LIVE_PORT": one})
    with pytest.raises(StackError, match="which is no port"):
        ports_require({"PORT": 0})


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    first = secret(tmp_path, "secret-key")

    assert secret(tmp_path, "secret-key") == first
    assert len(first) >= 48
    assert secret_path(tmp_path, "secret-key").stat().st_mode & 0o777 == 0o600


def test_addresses_and_keys_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://u:p@host/db\n")
    env = {"FAIRWAY_HOME": str(tmp_path / "home"), "DATABASE_URL_FILE": str(tmp_path / "url"), "GATEWAY_KEY": "k" * 48}
    config = config_read(env)
    config.run.mkdir(parents=True)

    assert config.database_url == "postgres://u:p@host/db"
    assert not config.embeds_database
    assert config.embeds_broker
    assert gateway_key_file(config).read_text() == "k" * 48
    assert gateway_key_file(config).stat().st_mode & 0o777 == 0o600
    assert config.django_environment("postgres://d", "redis://r")["DATABASE_URL"] == "postgres://d"
    with pytest.raises(StackError, match="REDIS_URL_FILE names"):
        config_read({"REDIS_URL_FILE": str(tmp_path / "missing")})


def test_environments_hold_no_more_than_is_needed(tmp_path: Path) -> None:
    given = {"PATH": "/bin", "SECRET_KEY": "s", "AWS_SECRET_ACCESS_KEY": "a", "EMAIL_URL": "smtp://", "OTHER": "o"}
    config = config_read({**given, "FAIRWAY_HOME": str(tmp_path)})

    assert set(config.plain_environment()) == {"PATH", "PYTHONPATH", "PYTHONUNBUFFERED"}
    assert "OTHER" not in config.django_environment("", "")
    assert {"SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "EMAIL_URL"} <= set(config.django_environment("", ""))
    assert "SECRET_KEY" not in repr(config)


def test_browser_is_the_given_one_or_one_on_the_path(tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)

    assert chromium_find({"PATH": str(tmp_path)}) == str(browser)
    assert chromium_find({"PATH": "", "PLAYWRIGHT_CHROMIUM": str(browser)}) == str(browser)
    with pytest.raises(StackError, match="PLAYWRIGHT_CHROMIUM names"):
        chromium_find({"PLAYWRIGHT_CHROMIUM": str(tmp_path / "missing")})


def test_what_follows_a_benchmarks_name_is_told_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(targets, "_all", lambda commands, env: started.extend(command for _, command in commands) or 0)

    targets.bench(["tracking", "--only", "batch,runs"])

    assert [command[2:] for command in started] == [["bench.tracking", "--only", "batch,runs"]]
    with pytest.raises(StackError, match="no benchmark batch"):
        targets.bench(["batch"])
