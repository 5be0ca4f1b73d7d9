"""The command line against a server that behaves badly."""

from __future__ import annotations

import ast
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fairway_client import output
from fairway_client.api import Api
from fairway_client.commands import jobs
from fairway_client.errors import Away, Refused
from fairway_client.login import Login
from fairway_client.main import GROUPS

Answer = Callable[[BaseHTTPRequestHandler, int], None]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[Api, list[BaseHTTPRequestHandler]]]:
    """A server on loopback that does `answer(request, how many came before)`, and who asks it."""
    seen: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append(self)
            answer(self, len(seen) - 1)

        do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Api(Login(f"http://127.0.0.1:{server.server_port}", "fwy_secret")), seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def say(request: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
    data = json.dumps(body).encode()
    request.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(data)


def test_a_create_whose_answer_is_lost_is_said_again_with_the_same_key():
    def answer(request: BaseHTTPRequestHandler, before: int) -> None:
        if before == 0:
            request.connection.close()
        elif before == 1:
            say(request, 503, {"detail": "The database cannot be reached."}, Retry_After="0")
        else:
            say(request, 201, {"id": "one"})

    with serving(answer) as (api, seen):
        made = api.post("datasets", {"name": "x"})

    assert made == {"id": "one"}
    assert len(seen) == 3
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1


def test_the_token_does_not_follow_a_redirect():
    with serving(lambda request, _: say(request, 302, {})) as (other, asked):
        there = other.url

        def away(request: BaseHTTPRequestHandler, _: int) -> None:
            say(request, 302, {}, Location=there)

        with serving(away) as (api, _), pytest.raises(Away, match="another address"):
            api.get("me")

    assert asked == []


def test_a_refusal_tells_fields_reasons_and_reference():
    problem = {"detail": "Check name.", "errors": {"name": ["Too long."]}, "items": ["a limit"], "reference": "r1"}

    with serving(lambda request, _: say(request, 400, problem)) as (api, _), pytest.raises(Refused) as refused:
        api.get("datasets")

    assert refused.value.format_message().splitlines() == [
        "Check name.",
        "  name: Too long.",
        "  - a limit",
        "  (reference r1)",
    ]


def test_what_is_no_json_is_a_refusal_too():
    def answer(request: BaseHTTPRequestHandler, _: int) -> None:
        request.send_response(502)
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        request.wfile.write(b"<html>")

    with serving(answer) as (api, _), pytest.raises(Refused, match="answered 502"):
        api.get("me")


def test_a_download_that_breaks_leaves_nothing(tmp_path: Path):
    def answer(request: BaseHTTPRequestHandler, _: int) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    with serving(answer) as (api, _), pytest.raises(Away, match="Nothing was kept"):
        api.download("dataset-versions/1/file", tmp_path / "rows.csv")

    assert list(tmp_path.iterdir()) == []


def test_a_list_is_read_page_by_page_up_to_its_limit():
    def answer(request: BaseHTTPRequestHandler, before: int) -> None:
        rows = [{"n": 2 * before}, {"n": 2 * before + 1}]
        say(request, 200, {"results": rows, "next": f"http://x/api/v1/jobs?cursor=c{before}"})

    with serving(answer) as (api, seen):
        rows = list(api.rows("jobs", 5))

    assert [row["n"] for row in rows] == [0, 1, 2, 3, 4]
    assert [re.findall(r"cursor=(\w*)", request.path) for request in seen] == [[], ["c0"], ["c1"]]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b[2J\x1b[1;31mred\x1b[0m", "red"),
        ("one\rtwo\nthree", "one two three"),
        ("abc\u202egpj.exe", "abc gpj.exe"),
        ("tab\tstays, ü too", "tab\tstays, ü too"),
    ],
)
def test_text_of_others_never_steers_the_terminal(hostile: str, shown: str):
    assert output.safe(hostile) == shown


def test_the_page_names_every_command():
    page = (Path(__file__).parents[2] / "docs" / "user" / "command-line.md").read_text()
    listed = page[page.index("## Commands") : page.index("## Exit codes")]

    assert {name for group in GROUPS.values() for name in group} <= set(re.findall(r"`(\w+)`", listed))


def test_it_needs_two_libraries_and_nothing_of_the_server():
    sources = (Path(__file__).parents[1] / "fairway_client").rglob("*.py")
    imported = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0]
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert imported - sys.stdlib_module_names == {"click", "httpx", "fairway_client"}


def test_the_queue_is_told_in_the_order_in_which_jobs_start(capsys):
    run = {"position": None, "team": "Loans", "priority": "low", "moment": None}
    board = {
        "running_jobs": [{**run, "number": 3, "title": "train ridge"}],
        "waiting_jobs": [{**run, "position": 1, "number": None, "title": None, "team": "another team"}],
        "running": 1,
        "waiting": 1,
        "places": 1,
        "standing": "",
    }
    queues = [{"target_id": "0f", "target": "local", "state": "HEALTHY", "running": 1, "waiting": 1}]

    def answer(request: BaseHTTPRequestHandler, number: int) -> None:
        say(request, 200, board if request.path.endswith("/queues/0f") else queues)

    with serving(answer) as (api, seen):
        jobs.queue.callback.__wrapped__(api, "local", False)
        jobs.queue.callback.__wrapped__(api, None, True)

    out = capsys.readouterr()
    assert [request.path for request in seen] == ["/api/v1/queues", "/api/v1/queues/0f", "/api/v1/queues"]
    assert out.out.index("train ridge") < out.out.index("a job of another team")
    assert "1 of 1 places taken, 1 waiting" in out.err
