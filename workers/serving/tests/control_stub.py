"""A loopback control plane for tests and benchmarks: signs routes, serves files, collects what is posted."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workers.contracts.routes import routes_sign

KEY = "k" * 43
LIFETIME = timedelta(minutes=5)


class ControlStub:
    """Signed routes at `document`; posted batches in `batches` (id -> rows), each post counted in `posts`."""

    def __init__(self) -> None:
        self.serial = 0
        self.deployments: list[dict[str, Any]] = []
        self.lifetime = LIFETIME
        self.forge: Callable[[dict[str, Any]], dict[str, Any]] | None = None
        self.away = False
        self.files: dict[str, bytes] = {}
        self.file_headers: list[str] = []
        self.answer_files = 200
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.posts: list[str] = []
        self.answer_predictions = 200
        self.lose_answers = False
        self.count_only = False
        self.rows_counted = 0
        self.health: dict[str, Any] = {}
        self.health_posts = 0
        self.routes_asked = 0
        self.serial_by_clock = False
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                return

            def do_GET(self) -> None:
                stub.get(self)

            def do_POST(self) -> None:
                stub.post(self)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, *deployments: dict[str, Any]) -> None:
        """Puts these deployments in force with the next serial."""
        self.deployments = list(deployments)
        self.serial += 1

    def rows(self) -> list[dict[str, Any]]:
        return [row for rows in self.batches.values() for row in rows]

    def states(self) -> dict[str, str]:
        return {host["version_id"]: host["state"] for host in self.health.get("hosts", [])}

    def version(self, version_id: str, number: int, directory: Path, **facts: Any) -> dict[str, Any]:
        """A version entry for the files of a directory, which are served from here on."""
        files = []
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                digest = hashlib.sha256(data).hexdigest()
                self.files[digest] = data
                name = path.relative_to(directory).as_posix()
                url = f"/internal/gateway/files/{digest}"
                files.append({"path": name, "sha256": digest, "size": len(data), "url": url})
        return {"id": version_id, "model": "m", "number": number, "format": "SKOPS", "files": files, **facts}

    def get(self, request: http.server.BaseHTTPRequestHandler) -> None:
        if self.away:
            request.close_connection = True
            return
        if request.headers["Authorization"] != f"Bearer {KEY}":
            self._answer(request, 401, b"")
        elif request.path == "/internal/gateway/routes":
            self.routes_asked += 1
            etag = f'"{self.serial}"'
            if request.headers["If-None-Match"] == etag and self.forge is None and not self.serial_by_clock:
                self._answer(request, 304, b"", etag)
                return
            self._answer(request, 200, json.dumps(self.document()).encode(), etag)
        elif request.path.startswith("/internal/gateway/files/"):
            self.file_headers.append(request.path)
            data = self.files.get(request.path.rpartition("/")[2])
            if self.answer_files != 200:
                self._answer(request, self.answer_files, b"")
                return
            self._answer(request, 404 if data is None else 200, data or b"")
        else:
            self._answer(request, 404, b"")

    def document(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        document: dict[str, Any] = {
            "serial": int(now.timestamp() * 1e6) if self.serial_by_clock else self.serial,
            "issued_at": now.isoformat(),
            "expires_at": (now + self.lifetime).isoformat(),
            "deployments": self.deployments,
        }
        if self.forge is not None:
            return self.forge(document)
        return routes_sign(document, KEY.encode())

    def post(self, request: http.server.BaseHTTPRequestHandler) -> None:
        if self.away:
            request.close_connection = True
            return
        data = request.rfile.read(int(request.headers["Content-Length"]))
        if request.path == "/internal/gateway/health":
            self.health = json.loads(data)
            self.health_posts += 1
            self._answer(request, 204, b"")
            return
        if self.count_only:
            self.rows_counted += data.count(b'"row_digest"')
            self._answer(request, 200, b"{}")
            return
        batch = json.loads(data)
        self.posts.append(batch["batch_id"])
        if self.answer_predictions == 200:
            known = self.batches.setdefault(batch["batch_id"], batch["rows"])
            if known != batch["rows"]:
                raise AssertionError("one batch id came with different rows")
        if self.lose_answers:
            request.close_connection = True  # taken in, but the gateway never hears of it
            return
        self._answer(request, self.answer_predictions, b"{}")

    def _answer(
        self, request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, etag: str | None = None
    ) -> None:
        request.send_response(status)
        if etag is not None:
            request.send_header("ETag", etag)
        if status not in (204, 304):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if body and status not in (204, 304):
            request.wfile.write(body)


def deployment(
    name: str, versions: list[dict[str, Any]], split: dict[str, int], tokens: list[str], **more: Any
) -> dict[str, Any]:
    """A deployment entry; `tokens` are the secrets themselves."""
    return {
        "id": f"d-{name}",
        "name": name,
        "team": "t-1",
        "environment": "production",
        "state": "READY",
        "splits": [{"version_id": key, "basis_points": points} for key, points in split.items()],
        "versions": versions,
        "mask": [],
        "tokens": [hashlib.sha256(token.encode()).hexdigest() for token in tokens],
        **more,
    }
