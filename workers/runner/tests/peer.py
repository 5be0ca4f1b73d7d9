"""A small web to test the child against: the attempt API and the runs' part of MLflow, in memory, on
loopback.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "fwr_" + "t" * 40
RUN_ID = "a" * 32
EXPERIMENT = "7"


@dataclass
class Peer:
    """State of the web, and its address. `failing` answers 503 that many times before each answer counts
    again.
    """

    kind: str
    spec: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    progress: list[dict[str, Any]] = field(default_factory=list)
    payload: dict[str, Any] | None = None
    payloads: list[dict[str, Any]] = field(default_factory=list)
    run_status: str = "RUNNING"
    model_status: str = ""
    cancel_after: int | None = None
    failing: int = 0
    refused: int = 0
    connections: int = 0
    url: str = ""
    server: ThreadingHTTPServer | None = None

    def add(self, data: bytes) -> dict[str, Any]:
        """Makes bytes downloadable; returns their reference."""
        digest = sha256(data).hexdigest()
        self.files[digest] = data
        return {"sha256": digest, "size": len(data)}

    def start(self) -> "Peer":
        """Listens on a free port."""
        peer = self

        class Handler(_Handler):
            web = peer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stops listening."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def model_files(self, directory: Path) -> list[dict[str, Any]]:
        """Writes the logged model into a directory and makes its files downloadable; returns their
        references.
        """
        found = []
        for path, data in self.artifacts.items():
            name = path.split("/artifacts/", 1)[1]
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(data)
            found.append({"path": name, **self.add(data)})
        return found

    def curve(self, key: str) -> list[tuple[int, float]]:
        """A metric by step."""
        return sorted((one["step"], one["value"]) for one in self.metrics if one["key"] == key)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Peer

    def setup(self) -> None:
        self.web.connections += 1
        super().setup()

    def log_message(self, format: str, *args: object) -> None:
        return

    def _answer(self, status: int, body: object = None, raw: bytes | None = None) -> None:
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)

    def _all(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.web.refused += 1
            self._answer(401, {"detail": "No."})
            return
        if self.web.failing > 0:
            self.web.failing -= 1
            self._answer(503, {"detail": "Restarting."})
            return
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path.startswith("/api/v1/attempt"):
            self._attempt(path.removeprefix("/api/v1/attempt"), body)
        elif path.startswith("/api/2.0/mlflow-artifacts/artifacts/"):
            self.web.artifacts[path.removeprefix("/api/2.0/mlflow-artifacts/artifacts/")] = body
            self._answer(200, {})
        else:
            self._mlflow(path.removeprefix("/api/2.0/mlflow/"), parse_qs(parts.query), body)

    do_GET = do_POST = do_PUT = do_PATCH = _all

    def _attempt(self, path: str, body: bytes) -> None:
        web = self.web
        if path == "":
            told = {
                "job_id": "j",
                "attempt": 1,
                "kind": web.kind,
                "run_id": RUN_ID,
                "spec": web.spec,
                "files": [],
            }
            self._answer(200, told)
        elif path.startswith("/files/"):
            self._answer(200, raw=web.files[path.removeprefix("/files/")])
        elif path == "/progress":
            web.progress.append(json.loads(body))
            after = web.cancel_after
            self._answer(200, {"cancel": after is not None and len(web.progress) > after})
        elif path.startswith("/outputs/"):
            web.outputs[path.removeprefix("/outputs/")] = body
            self._answer(200, {"sha256": sha256(body).hexdigest(), "size": len(body)})
        else:
            web.payload = json.loads(body)["payload"]
            web.payloads.append(web.payload)
            self._answer(204)

    def _mlflow(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        web = self.web
        data: dict[str, Any] = json.loads(body) if body else {}
        model_id = "m-" + "b" * 32
        if path == "runs/get" and query["run_id"] == [RUN_ID]:
            params = [{"key": key, "value": value} for key, value in web.params.items()]
            info = {"run_id": RUN_ID, "experiment_id": EXPERIMENT, "status": web.run_status}
            self._answer(200, {"run": {"info": info, "data": {"params": params, "tags": [], "metrics": []}}})
        elif path == "runs/update":
            web.run_status = data["status"]
            self._answer(200, {"run_info": {}})
        elif path == "runs/log-batch":
            for one in data["params"]:
                if web.params.setdefault(one["key"], one["value"]) != one["value"]:
                    self._answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Params stay."})
                    return
            web.metrics += data["metrics"]
            web.tags |= {one["key"]: one["value"] for one in data["tags"]}
            self._answer(200, {})
        elif path == "logged-models":
            assert data["source_run_id"] == RUN_ID
            self._answer(200, {"model": {"info": {"model_id": model_id, "experiment_id": EXPERIMENT}}})
        elif re.fullmatch(r"logged-models/m-b{32}", path):
            web.model_status = data["status"]
            self._answer(200, {"model": {"info": {"model_id": model_id}}})
        else:
            self._answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path})
