"""Targets, people who manage them, and a place that answers as Fairway does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from apps.accounts.tests.factories import actor_make
from apps.compute.models import ComputeTarget
from apps.compute.selectors import target_local
from apps.compute.services import target_create
from apps.core.actors import Actor, Role


def operator_make() -> Actor:
    """An operator of the whole site."""
    return actor_make(Role.OPERATOR)


def target_make(**fields: Any) -> ComputeTarget:
    """A Ray target that nobody has tested; nothing answers at its address."""
    values = {"name": "cluster", "kind": "ray", "address": "http://127.0.0.1:9", **fields}
    return target_create(actor=operator_make(), **values)


def healthy_make(**fields: Any) -> ComputeTarget:
    """One that passed a test."""
    target = target_make(**fields)
    ComputeTarget.objects.filter(pk=target.pk).update(state="HEALTHY", tested_at=target.created_at)
    target.refresh_from_db()
    return target


def local() -> ComputeTarget:
    return target_local()


@contextmanager
def web() -> Iterator[str]:
    """An address that answers every GET with 200, as /health/live does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
