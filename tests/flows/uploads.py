"""Models that somebody made elsewhere: logged through MLflow's door by token, then registered."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import httpx

from tests.flows.serving import Service

COMMIT = "0123456789abcdef0123456789abcdef01234567"
COLUMNS = {"inputs": [{"name": "age", "datatype": "INT64"}, {"name": "pressure", "datatype": "FP64"}]}


class Door:
    """One person's calls of MLflow's REST."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def post(self, path: str, **body: Any) -> Any:
        answer = self._http.post(f"/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run_begin(self, name: str) -> tuple[str, str]:
        """(experiment id, run id) of a run that says which commit it runs."""
        found = self._http.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "Brought along"})
        if found.status_code == 404:
            experiment = self.post("experiments/create", name="Brought along")["experiment_id"]
        else:
            experiment = found.json()["experiment"]["experiment_id"]
        tags = [{"key": "mlflow.source.git.commit", "value": COMMIT}]
        run = self.post("runs/create", experiment_id=experiment, run_name=name, tags=tags)
        return experiment, run["run"]["info"]["run_id"]

    def put(self, experiment: str, run: str, path: str, data: bytes) -> httpx.Response:
        """Log one file of a run; the path goes as it is written."""
        where = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/{path}"
        return self._http.put(where, content=data)

    def run_log(self, name: str, files: dict[str, bytes]) -> str:
        """The id of a finished run with these files in its folder `model`."""
        experiment, run = self.run_begin(name)
        for path, data in files.items():
            answer = self.put(experiment, run, f"model/{urllib.parse.quote(path)}", data)
            assert answer.status_code == 200, answer.text
        self.post("runs/update", run_id=run, status="FINISHED")
        return run


def upload(service: Service, name: str, files: dict[str, bytes], **stated: Any) -> dict[str, Any]:
    """Log files as the model of a new run and register them; the version."""
    run = Door(service.stack.url, service.scientist.token).run_log(name, files)
    model = service.scientist.get("models", problem=service.problem)["results"][0]["id"]
    body = {"run_id": run, "path": "model", **stated}
    version: dict[str, Any] = service.scientist.post(f"models/{model}/versions", body)
    return version


def mlmodel(loader: str) -> bytes:
    """The description that MLflow puts beside a model, naming what is to load it."""
    flavors = {"python_function": {"loader_module": loader}}
    return json.dumps({"artifact_path": "model", "flavors": flavors}).encode()
