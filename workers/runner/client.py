"""The child's HTTP client for the attempt API and its part of MLflow's REST: one kept connection, patient
retries.

The web may be restarted in the middle of a job: connection errors and 502, 503, 504 and 429 are tried again
with growing pauses. Every write is one that may arrive twice. The token is sent in a header and shown
nowhere.
"""

import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

AGAIN = frozenset({429, 502, 503, 504})
PATIENCE_SECONDS = 120.0
TIMEOUT_SECONDS = 60.0
CHUNK = 1024 * 1024


class ApiError(Exception):
    """The web refused, or could not be reached for `PATIENCE_SECONDS`. `status` is 0 when it was not
    reached.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}" if status else message)
        self.status = status
        self.message = message


class Cancelled(Exception):
    """Somebody cancelled the job."""


class Client:
    """Talks to one web as one attempt. Not for several threads at once."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        patience: float = PATIENCE_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The address of the web must begin with http:// or https://.")
        self._parts = parts
        self._token = token
        self._patience = patience
        self._pause = pause
        self._connection: http.client.HTTPConnection | None = None

    def __repr__(self) -> str:
        return f"Client({self._parts.scheme}://{self._parts.netloc})"

    def twin(self, patience: float = 3.0) -> "Client":
        """Another client of the same attempt, for another thread; it gives up after `patience` seconds."""
        return Client(self._parts.geturl(), self._token, patience=patience, pause=self._pause)

    # --- transport
    # --------------------------------------------------------------------------------------------

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._parts.hostname or "", self._parts.port
            if self._parts.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        return self._connection

    def close(self) -> None:
        """Closes the kept connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | Path | None,
        headers: Mapping[str, str],
        take: Callable[[http.client.HTTPResponse], Any],
    ) -> Any:
        """One exchange, repeated until it is answered for good. Raises ApiError."""
        url = self._parts.path.rstrip("/") + path
        end = time.monotonic() + self._patience
        wait = 0.1
        while True:
            status, problem, asked = 0, "", 0.0
            try:
                connection = self._connect()
                sent = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", **headers}
                if isinstance(body, Path):
                    sent["Content-Length"] = str(body.stat().st_size)
                    with open(body, "rb") as file:
                        connection.request(method, url, body=file, headers=sent)
                else:
                    connection.request(method, url, body=body, headers=sent)
                response = connection.getresponse()
                status = response.status
                if 200 <= status < 300:
                    return take(response)
                problem = _message(response.read(65536))
                response.read()
                asked = _seconds(response.getheader("Retry-After"))
                if status not in AGAIN:
                    raise ApiError(status, problem)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                status, problem = 0, f"The web cannot be reached: {type(error).__name__}."
            if time.monotonic() + wait > end:
                raise ApiError(status, problem)
            self._pause(max(wait, min(asked, 10.0)))
            wait = min(wait * 2, 5.0)

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, once: bool = False
    ) -> dict[str, Any]:
        """JSON in, JSON out ({} for no content). `once` sends an idempotency key, for what creates. Raises
        ApiError.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if once:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        data = None if body is None else json.dumps(json_safe(body), allow_nan=False).encode()
        result = self._send(method, path, data, headers, lambda response: response.read())
        answer = json.loads(result) if result else {}
        return answer if isinstance(answer, dict) else {"value": answer}

    # --- the attempt API
    # --------------------------------------------------------------------------------------

    def attempt(self) -> dict[str, Any]:
        """The job's kind, spec and files."""
        return self.call("GET", "/api/v1/attempt")

    def fetch(self, sha: str, target: Path) -> Path:
        """Downloads a file of the spec and checks its digest. Raises ApiError."""

        def take(response: http.client.HTTPResponse) -> str:
            digest = sha256()
            with open(target, "wb") as file:
                while chunk := response.read(CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return digest.hexdigest()

        if self._send("GET", f"/api/v1/attempt/files/{quote(sha)}", None, {}, take) != sha:
            raise ApiError(0, "A downloaded file does not have the digest that the job names.")
        return target

    def progress(
        self,
        fraction: float | None,
        text: str,
        step: int | None = None,
        total: int | None = None,
        seconds_left: float | None = None,
    ) -> None:
        """Tells how far the job is. Raises Cancelled when the answer says so."""
        body: dict[str, Any] = {"fraction": fraction, "text": text}
        more = {"step": step, "total": total, "seconds_left": seconds_left}
        body |= {name: value for name, value in more.items() if value is not None}
        answer = self.call("POST", "/api/v1/attempt/progress", body)
        if answer.get("cancel"):
            raise Cancelled

    def output(self, name: str, source: Path) -> dict[str, Any]:
        """Uploads an output file of the attempt."""
        headers = {"Content-Type": "application/octet-stream"}
        path = f"/api/v1/attempt/outputs/{quote(name)}"
        result = self._send("PUT", path, source, headers, lambda response: response.read())
        answer: dict[str, Any] = json.loads(result) if result else {}
        return answer

    def checkpoint(self, files: list[dict[str, str]]) -> dict[str, Any]:
        """Makes files that were uploaded ({"path", "sha256"}) what the next attempt can go on from."""
        return self.call("POST", "/api/v1/attempt/checkpoint", {"files": files})

    def results(self, payload: Mapping[str, Any]) -> None:
        """Posts the attempt's results; the last one counts."""
        self.call("POST", "/api/v1/attempt/results", {"payload": payload})

    # --- MLflow
    # ----------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> dict[str, Any]:
        """MLflow's run object."""
        found: dict[str, Any] = self.call("GET", "/api/2.0/mlflow/runs/get?" + urlencode({"run_id": run_id}))["run"]
        return found

    def run_finish(self, run_id: str, status: str = "FINISHED") -> None:
        """Ends the run."""
        body = {"run_id": run_id, "status": status, "end_time": int(time.time() * 1000)}
        self.call("POST", "/api/2.0/mlflow/runs/update", body)

    def log_batch(
        self,
        run_id: str,
        metrics: list[dict[str, Any]] | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Params, tags and metrics of a run, in requests of at most 1,000 metrics, 100 params and 100
        tags.
        """
        held = [{"key": key, "value": str(value)} for key, value in (params or {}).items()]
        marks = [{"key": key, "value": str(value)} for key, value in (tags or {}).items()]
        points = list(metrics or [])
        while held or marks or points:
            body = {"run_id": run_id, "metrics": points[:1000], "params": held[:100], "tags": marks[:100]}
            points, held, marks = points[1000:], held[100:], marks[100:]
            self.call("POST", "/api/2.0/mlflow/runs/log-batch", body)

    def artifact(self, experiment: str, owner: str, path: str, source: Path) -> None:
        """Uploads one artifact of a run (`owner` its id) or of a logged model (`owner` "models/m-...")."""
        url = f"/api/2.0/mlflow-artifacts/artifacts/{quote(experiment)}/{quote(owner)}/artifacts/{quote(path)}"
        headers = {"Content-Type": "application/octet-stream"}
        self._send("PUT", url, source, headers, lambda response: response.read())

    def logged_model_create(self, experiment: str, run_id: str, name: str, params: Mapping[str, Any]) -> str:
        """Starts a logged model of a run; returns its id ("m-...")."""
        body = {
            "experiment_id": experiment,
            "name": name,
            "source_run_id": run_id,
            "model_type": "",
            "params": [{"key": key, "value": str(value)[:500]} for key, value in params.items()],
            "tags": [],
        }
        model = self.call("POST", "/api/2.0/mlflow/logged-models", body, once=True)["model"]
        return str(model["info"]["model_id"])

    def logged_model_ready(self, model_id: str) -> None:
        """Declares a logged model complete."""
        body = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
        self.call("PATCH", f"/api/2.0/mlflow/logged-models/{quote(model_id)}", body)


def client_from_environment() -> Client:
    """The client that a child's environment describes. Takes the token out of the environment."""
    token = os.environ.pop("FAIRWAY_TOKEN", "") or os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return Client(os.environ.get("FAIRWAY_URL", ""), token)


def json_safe(value: Any) -> Any:
    """The value with numpy's numbers made plain and what JSON cannot hold (NaN, infinities) made MLflow's
    words.
    """
    if isinstance(value, Mapping):
        return {str(key): json_safe(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(one) for one in value]
    if hasattr(value, "tolist") and not isinstance(value, (str, bytes)):
        return json_safe(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def _message(data: bytes) -> str:
    """What an error body says: problem details, MLflow's form, or nothing."""
    try:
        body = json.loads(data)
    except ValueError:
        return "The web refused without a reason."
    if isinstance(body, dict):
        for key in ("detail", "message", "title"):
            if isinstance(body.get(key), str) and body[key]:
                return str(body[key])[:500]
    return "The web refused without a reason."


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0
