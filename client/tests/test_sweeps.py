"""What people type for a sweep and a schedule, and what the API is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import click
import pytest
from click.testing import CliRunner
from fairway_client.commands.sweeps import aim_of, axis_of
from fairway_client.main import main

SWEEP = {
    "id": "01a22beb-18c0-773d-8ac8-407a65d0e2d2",
    "name": "Wide",
    "state": "FAILED",
    "trial_count": 3,
    "objectives": [{"name": "loss"}],
    "best": {"number": 2, "values": [0.25], "params": {"rate": 0.1}, "run_id": "r"},
    "cause": "3 trials in a row failed.",
}
SCHEDULE = {
    "id": "01a22bed-1cc5-7440-ad8a-5bd5b92e3b0a",
    "name": "Nightly",
    "state": "ACTIVE",
    "next_at": None,
    "cause": "",
    "row_version": 4,
}


@contextmanager
def api(answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, Any]]]:
    """A server on loopback that answers by path, and what it was asked."""
    seen: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix("/api/v1/").partition("?")[0]
            seen.append((self.command, path, json.loads(sent) if sent else None))
            data = json.dumps(answers[path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("FAIRWAY_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("FAIRWAY_TOKEN", "fwy_secret")
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ranges_choices_and_objectives_as_they_are_typed():
    assert axis_of("0.01..0.3:log") == {"low": 0.01, "high": 0.3, "log": True}
    assert axis_of("1..9") == {"low": 1, "high": 9, "log": False}
    assert axis_of("8,16,wide,true") == {"choices": [8, 16, "wide", True]}
    assert aim_of("loss:min") == {"metric": "loss", "direction": "MINIMISE"}
    assert aim_of("auc:max:0.7") == {"metric": "auc", "direction": "MAXIMISE", "limit": 0.7}


@pytest.mark.parametrize(("read", "text"), [(axis_of, "8"), (axis_of, "1..9:lin"), (aim_of, "loss"), (aim_of, ":min")])
def test_what_is_none_is_said(read, text):
    with pytest.raises(click.BadParameter):
        read(text)


def test_a_sweep_of_code_is_begun_and_followed_to_its_end(monkeypatch):
    with api({"sweeps": SWEEP, f"sweeps/{SWEEP['id']}": SWEEP}, monkeypatch) as seen:
        words = [
            "sweep",
            "train.py:train",
            "--bundle",
            "b",
            "-s",
            "rate=0.01..1:log",
            "-o",
            "loss:min",
            "--trials",
            "3",
        ]
        answer = CliRunner().invoke(main, [*words, "--follow"])

    body = seen[0][2]
    assert (body["space"], body["entry"]) == ({"rate": {"low": 0.01, "high": 1, "log": True}}, "train.py:train")
    assert "loss 0.25 in trial 2" in answer.output
    assert answer.exit_code == 4


def test_a_sweep_over_a_recipe_asks_for_its_data():
    answer = CliRunner().invoke(
        main, ["sweep", "ridge", "-s", "alpha=1..2"], env={"FAIRWAY_URL": "http://x", "FAIRWAY_TOKEN": "t"}
    )

    assert answer.exit_code == 2
    assert "--data and --problem" in answer.output


def test_a_schedule_is_made_of_one_thing_and_one_time(monkeypatch):
    with api({"schedules": SCHEDULE}, monkeypatch) as seen:
        made = CliRunner().invoke(
            main, ["schedules", "create", "Nightly", "--sweep", SWEEP["id"], "--cron", "0 2 * * *", "--zone", "UTC"]
        )
        both = CliRunner().invoke(main, ["schedules", "create", "x", "--sweep", "s", "--cron", "c", "--code", "d"])

    assert made.exit_code == 0
    assert seen[0][2]["act"] == "SWEEP"
    assert seen[0][2]["cron"] == "0 2 * * *"
    assert both.exit_code == 2
    assert len(seen) == 1


def test_a_schedule_is_changed_as_it_was_read_and_waits_for_a_branch(monkeypatch):
    where = f"schedules/{SCHEDULE['id']}"
    with api({"schedules": SCHEDULE, where: SCHEDULE}, monkeypatch) as seen:
        changed = CliRunner().invoke(main, ["schedules", "change", SCHEDULE["id"], "--cron", "0 3 * * *"])
        nothing = CliRunner().invoke(main, ["schedules", "change", SCHEDULE["id"]])
        words = ["schedules", "create", "Each", "--sweep", SWEEP["id"], "--git", "https://example.org/a.git"]
        made = CliRunner().invoke(main, words)

    assert (changed.exit_code, nothing.exit_code, made.exit_code) == (0, 2, 0)
    assert seen[1] == ("PATCH", where, {"cron": "0 3 * * *", "row_version": 4})
    assert (seen[2][2]["trigger"], seen[2][2]["repository"], seen[2][2]["branch"]) == (
        "GIT",
        "https://example.org/a.git",
        "main",
    )
