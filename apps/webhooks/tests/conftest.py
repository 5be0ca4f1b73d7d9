"""A target on the loopback interface, which stands in an allowed network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Actor, Role
from apps.webhooks.contracts import EVENTS
from apps.webhooks.models import Webhook
from apps.webhooks.services import webhook_create
from apps.webhooks.tests.browsing import browser


@dataclass
class Target:
    """What arrived, as (path, headers, body), and what is answered: a status, or what a function does."""

    url: str = ""
    answer: Any = 200
    got: list[tuple[str, dict[str, str], str]] = field(default_factory=list)


@pytest.fixture
def target() -> Iterator[Target]:
    told = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.got.append((self.path, dict(self.headers), body))
            if callable(told.answer):
                told.answer(self)
                return
            self.send_response(told.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def allowed(settings) -> None:
    settings.WEBHOOK_NETWORKS = ("127.0.0.0/8",)


@pytest.fixture
def team(db) -> Team:
    return team_make()


@pytest.fixture
def operator(team: Team) -> Actor:
    return actor_make(Role.OPERATOR, team)


@pytest.fixture
def webhook(team: Team, operator: Actor, target: Target, allowed: None) -> Webhook:
    """One that is told of everything, signed."""
    return webhook_create(
        actor=operator, team_id=team.pk, name="chat", url=target.url, events=list(EVENTS), secret="a long secret"
    )


@pytest.fixture
def page(team: Team) -> Client:
    """An operator of the team at a browser."""
    return browser(team)
