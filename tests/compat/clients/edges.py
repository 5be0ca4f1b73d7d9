"""Calls as no client makes them, or only by mistake: what is missing, unknown, doubled, too long, not allowed.

Each is made in order; ids come from earlier answers.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import requests

BASE = os.environ["MLFLOW_TRACKING_URI"]
HEADERS = {"Authorization": f"Bearer {os.environ.get('MLFLOW_TRACKING_TOKEN', '')}"}
NOBODY = "0" * 32
_session = requests.Session()


def call(method: str, path: str, body: Any = None, /, **query: Any) -> Any:
    """One call below /api/2.0/mlflow, or below /api when the path begins with a number; its JSON."""
    root = "/api/" if path[:1].isdigit() else "/api/2.0/mlflow/"
    sent: dict[str, Any] = {"params": query} if method == "GET" else {"json": body if body is not None else {}}
    answer = _session.request(method, f"{BASE}{root}{path}", headers=HEADERS, timeout=60, **sent)
    try:
        return answer.json()
    except ValueError:
        return {}


def experiments() -> str:
    for body in ({}, {"name": ""}, {"name": None}, {"name": 5}, {"name": "x" * 501}):
        call("POST", "experiments/create", body)
    made: str = call("POST", "experiments/create", {"name": "edges", "tags": [{"key": "a", "value": "b"}]})[
        "experiment_id"
    ]
    call("POST", "experiments/create", {"name": "edges"})
    call("GET", "experiments/get", experiment_id=made)
    call("GET", "experiments/get")
    call("GET", "experiments/get", experiment_id="987654321987")
    call("GET", "experiments/get", experiment_id="not a number")
    call("GET", "experiments/get-by-name", experiment_name="edges")
    call("GET", "experiments/get-by-name", experiment_name="no such experiment")
    call("GET", "experiments/get-by-name")
    call("POST", "experiments/update", {"experiment_id": made})
    call("POST", "experiments/update", {"experiment_id": made, "new_name": "edges renamed"})
    call("POST", "experiments/update", {"new_name": "edges"})
    call("POST", "experiments/set-experiment-tag", {"experiment_id": made, "key": "k", "value": "v"})
    call("POST", "experiments/set-experiment-tag", {"experiment_id": made, "value": "v"})
    call("POST", "experiments/set-experiment-tag", {"experiment_id": made, "key": "k" * 251, "value": "v"})
    call("POST", "experiments/delete-experiment-tag", {"experiment_id": made, "key": "k"})
    call("POST", "experiments/delete-experiment-tag", {"experiment_id": made, "key": "never set"})
    call("POST", "experiments/search", {"max_results": 5, "filter": "name = 'edges renamed'"})
    call("POST", "experiments/search", {"filter": "name LIKE 'edges%' AND tags.a = 'b'", "max_results": 5})
    call("POST", "experiments/search", {"filter": "tags.`a` ILIKE 'B'", "max_results": 5, "order_by": ["name DESC"]})
    for body in (
        {"max_results": 0},
        {"max_results": -1},
        {"max_results": 50_001},
        {"max_results": 5, "filter": "name ="},
        {"max_results": 5, "filter": "nonsense = 'a'"},
        {"max_results": 5, "filter": "name > 'a'"},
        {"max_results": 5, "order_by": ["nonsense"]},
        {"max_results": 5, "order_by": ["name sideways"]},
        {"max_results": 5, "page_token": "no token"},
        {"max_results": 5, "view_type": "SIDEWAYS"},
    ):
        call("POST", "experiments/search", body)
    gone = call("POST", "experiments/create", {"name": "edges gone"})["experiment_id"]
    call("POST", "experiments/delete", {"experiment_id": gone})
    call("POST", "experiments/delete", {"experiment_id": gone})
    call("GET", "experiments/get", experiment_id=gone)
    call("POST", "experiments/create", {"name": "edges gone"})
    call("POST", "runs/create", {"experiment_id": gone})
    call("POST", "experiments/search", {"max_results": 5, "view_type": "DELETED_ONLY", "filter": "name = 'edges gone'"})
    call("POST", "experiments/restore", {"experiment_id": gone})
    call("POST", "experiments/restore", {"experiment_id": gone})
    call("POST", "experiments/delete", {"experiment_id": "987654321987"})
    return made


def runs(experiment: str) -> None:
    call("POST", "runs/create", {})
    call("POST", "runs/create", {"experiment_id": "987654321987"})
    call("POST", "runs/create", {"experiment_id": experiment, "start_time": "soon"})
    made = call(
        "POST",
        "runs/create",
        {
            "experiment_id": experiment,
            "run_name": "first",
            "start_time": "1700000000000",
            "tags": [{"key": "mlflow.user", "value": "ann"}, {"key": "kind", "value": "edge"}],
        },
    )["run"]["info"]["run_id"]
    call("GET", "runs/get", run_id=made)
    call("GET", "runs/get")
    call("GET", "runs/get", run_id=NOBODY)
    call("GET", "runs/get", run_id="../../etc/passwd")
    for body in (
        {"run_id": made, "key": "loss", "value": 0.5, "timestamp": 1700000000001, "step": 1},
        {"run_id": made, "key": "loss", "value": "NaN", "timestamp": "1700000000002", "step": "2"},
        {"run_id": made, "key": "loss", "value": "Infinity", "timestamp": 1700000000003, "step": 3},
        {"run_id": made, "key": "loss", "value": 0.25, "timestamp": 1700000000004, "step": -1},
        {"run_id": made, "key": "a/b c.d-e", "value": 1, "timestamp": 1700000000005},
        {"run_id": made, "key": "loss", "value": "a lot", "timestamp": 1},
        {"run_id": made, "key": "loss", "value": None, "timestamp": 1},
        {"run_id": made, "key": "loss", "value": 1},
        {"run_id": made, "value": 1, "timestamp": 1},
        {"run_id": made, "key": "", "value": 1, "timestamp": 1},
        {"run_id": made, "key": "../up", "value": 1, "timestamp": 1},
        {"run_id": made, "key": "/abs", "value": 1, "timestamp": 1},
        {"run_id": made, "key": "k" * 251, "value": 1, "timestamp": 1},
        {"run_id": made, "key": "what?", "value": 1, "timestamp": 1},
        {"run_id": NOBODY, "key": "loss", "value": 1, "timestamp": 1},
        {"key": "loss", "value": 1, "timestamp": 1},
    ):
        call("POST", "runs/log-metric", body)
    for body in (
        {"run_id": made, "key": "depth", "value": "4"},
        {"run_id": made, "key": "depth", "value": "4"},
        {"run_id": made, "key": "depth", "value": "5"},
        {"run_id": made, "key": "empty", "value": ""},
        {"run_id": made, "value": "4"},
        {"run_id": made, "key": "k" * 251, "value": "4"},
        {"run_id": made, "key": "long", "value": "v" * 6001},
        {"run_id": NOBODY, "key": "depth", "value": "4"},
    ):
        call("POST", "runs/log-parameter", body)
    for body in (
        {"run_id": made, "key": "colour", "value": "red"},
        {"run_id": made, "key": "colour", "value": "blue"},
        {"run_id": made, "value": "red"},
        {"run_id": made, "key": "k" * 251, "value": "red"},
        {"run_id": NOBODY, "key": "colour", "value": "red"},
    ):
        call("POST", "runs/set-tag", body)
    call("POST", "runs/delete-tag", {"run_id": made, "key": "colour"})
    call("POST", "runs/delete-tag", {"run_id": made, "key": "never set"})
    call("POST", "runs/delete-tag", {"run_id": NOBODY, "key": "colour"})
    point = {"key": "auc", "value": 0.75, "timestamp": 1700000000000, "step": 0}
    for body in (
        {"run_id": made, "metrics": [point, {**point, "step": 1}], "params": [{"key": "rate", "value": "0.1"}]},
        {"run_id": made, "metrics": [point, {**point, "step": 1}], "params": [{"key": "rate", "value": "0.1"}]},
        {"run_id": made, "params": [{"key": "rate", "value": "0.2"}]},
        {"run_id": made, "params": [{"key": "twice", "value": "1"}, {"key": "twice", "value": "2"}]},
        {"run_id": made, "tags": [{"key": "t", "value": "1"}]},
        {"run_id": made},
        {"run_id": made, "metrics": [point] * 1001},
        {"run_id": made, "params": [{"key": f"p{n}", "value": "1"} for n in range(101)]},
        {"run_id": made, "tags": [{"key": f"t{n}", "value": "1"} for n in range(101)]},
        {"run_id": made, "metrics": [{"key": "auc"}]},
        {"run_id": made, "metrics": "none"},
        {"run_id": NOBODY, "metrics": [point]},
    ):
        call("POST", "runs/log-batch", body)
    call("GET", "metrics/get-history", run_id=made, metric_key="loss")
    call("GET", "metrics/get-history", run_id=made, metric_key="auc", max_results=1)
    call("GET", "metrics/get-history", run_id=made, metric_key="never measured")
    call("GET", "metrics/get-history", run_id=made)
    call("GET", "metrics/get-history", run_id=NOBODY, metric_key="loss")
    call("GET", "metrics/get-history-bulk-interval", run_ids=made, metric_key="loss", max_results=10)
    searches(experiment)
    call("POST", "runs/update", {"run_id": made, "status": "FINISHED", "end_time": 1700000001000})
    call("POST", "runs/update", {"run_id": made, "run_name": "renamed"})
    call("POST", "runs/update", {"run_id": made, "status": "ASLEEP"})
    call("POST", "runs/update", {"run_id": NOBODY, "status": "FINISHED"})
    call("GET", "runs/get", run_id=made)
    call("POST", "runs/log-inputs", {"run_id": made, "datasets": []})
    call("POST", "runs/log-inputs", {"run_id": NOBODY, "datasets": []})
    call("GET", "artifacts/list", run_id=made)
    call("GET", "artifacts/list", run_id=made, path="../..")
    call("GET", "artifacts/list", run_id=NOBODY)
    call("POST", "runs/delete", {"run_id": made})
    call("POST", "runs/delete", {"run_id": made})
    call("GET", "runs/get", run_id=made)
    call("POST", "runs/log-metric", {"run_id": made, "key": "loss", "value": 1, "timestamp": 1})
    call("POST", "runs/set-tag", {"run_id": made, "key": "colour", "value": "red"})
    call("POST", "runs/search", {"experiment_ids": [experiment], "run_view_type": "DELETED_ONLY"})
    call("POST", "runs/restore", {"run_id": made})
    call("POST", "runs/restore", {"run_id": made})
    call("POST", "runs/delete", {"run_id": NOBODY})


def searches(experiment: str) -> None:
    for filter_text in (
        "",
        "metrics.loss < 1",
        "metrics.`a/b c.d-e` = 1",
        "params.depth = '4' AND tags.kind = 'edge'",
        "params.depth IN ('4', '5')",
        "attributes.run_name LIKE 'fir%'",
        "attributes.status = 'RUNNING'",
        "attributes.start_time > 0",
        "tags.\"kind\" ILIKE 'EDGE'",
        "metrics.loss = 'a lot'",
        "params.depth = 4",
        "params.depth > '3'",
        "nonsense.depth = '4'",
        "metrics.loss",
        "metrics.loss < 1 OR metrics.loss > 2",
        "attributes.colour = 'red'",
        "attributes.run_id = 'x'",
        "attributes.start_time LIKE '1%'",
        "dataset.name = 'cases'",
        "metrics.loss < 1 AND",
        "\u0000",
    ):
        call("POST", "runs/search", {"experiment_ids": [experiment], "filter": filter_text, "max_results": 5})
    for order in (
        ["metrics.loss DESC"],
        ["params.depth", "attributes.start_time ASC"],
        ["nonsense"],
        ["metrics.loss up"],
    ):
        call("POST", "runs/search", {"experiment_ids": [experiment], "order_by": order, "max_results": 5})
    for body in (
        {},
        {"experiment_ids": []},
        {"experiment_ids": ["987654321987"]},
        {"experiment_ids": [experiment], "max_results": 0},
        {"experiment_ids": [experiment], "max_results": 50_001},
        {"experiment_ids": [experiment], "page_token": "no token"},
        {"experiment_ids": [experiment], "run_view_type": "SIDEWAYS"},
        {"experiment_ids": "all"},
    ):
        call("POST", "runs/search", body)


def registry(experiment: str) -> None:
    for body in ({}, {"name": ""}, {"name": "edges/model"}, {"name": "edges:model"}):
        call("POST", "registered-models/create", body)
    name = "edges model"
    call("POST", "registered-models/create", {"name": name, "tags": [{"key": "a", "value": "b"}], "description": "one"})
    call("POST", "registered-models/create", {"name": name})
    call("GET", "registered-models/get", name=name)
    call("GET", "registered-models/get", name="no such model")
    call("GET", "registered-models/get")
    call("PATCH", "registered-models/update", {"name": name, "description": "two"})
    call("PATCH", "registered-models/update", {"name": "no such model", "description": "two"})
    call("POST", "registered-models/set-tag", {"name": name, "key": "k", "value": "v"})
    call("POST", "registered-models/set-tag", {"name": name, "value": "v"})
    call("POST", "registered-models/set-tag", {"name": "no such model", "key": "k", "value": "v"})
    call("DELETE", "registered-models/delete-tag", {"name": name, "key": "k"})
    call("DELETE", "registered-models/delete-tag", {"name": name, "key": "never set"})
    call("GET", "registered-models/search", filter=f"name = '{name}'")
    call("GET", "registered-models/search", filter="name ILIKE 'EDGES%'", max_results=5, order_by="name ASC")
    call("GET", "registered-models/search", filter="tags.a = 'b'")
    for query in (
        {"filter": "nonsense = 'a'"},
        {"filter": "name ="},
        {"max_results": 0},
        {"max_results": 1001},
        {"order_by": "nonsense"},
        {"page_token": "no token"},
    ):
        call("GET", "registered-models/search", **query)
    call("POST", "registered-models/get-latest-versions", {"name": name})
    call("POST", "registered-models/get-latest-versions", {"name": name, "stages": ["Sideways"]})
    call("POST", "registered-models/get-latest-versions", {"name": "no such model"})
    call("POST", "model-versions/create", {"name": "no such model", "source": "/etc"})
    call("POST", "model-versions/create", {"name": name})
    call("POST", "model-versions/create", {"name": name, "source": "file:///etc"})
    call("POST", "model-versions/create", {"name": name, "source": "mlflow-artifacts:/../../etc"})
    call("GET", "model-versions/get", name=name, version=99)
    call("GET", "model-versions/get", name=name, version="first")
    call("GET", "model-versions/get", name=name)
    call("GET", "model-versions/get-download-uri", name=name, version=99)
    call("PATCH", "model-versions/update", {"name": name, "version": "99", "description": "x"})
    call("DELETE", "model-versions/delete", {"name": name, "version": "99"})
    call("POST", "model-versions/set-tag", {"name": name, "version": "99", "key": "k", "value": "v"})
    call("POST", "model-versions/transition-stage", {"name": name, "version": "99", "stage": "Staging"})
    call("GET", "model-versions/search", filter=f"name = '{name}'")
    call("GET", "model-versions/search", filter="nonsense = 'a'")
    call("GET", "model-versions/search", max_results=0)
    call("GET", "registered-models/alias", name=name, alias="champion")
    call("POST", "registered-models/alias", {"name": name, "alias": "champion", "version": "99"})
    call("POST", "registered-models/alias", {"name": name, "alias": "v1", "version": "1"})
    call("POST", "registered-models/alias", {"name": name, "alias": "latest", "version": "1"})
    call("DELETE", "registered-models/alias", {"name": name, "alias": "champion"})
    call("POST", "registered-models/rename", {"name": name, "new_name": "edges model renamed"})
    call("POST", "registered-models/rename", {"name": "no such model", "new_name": "edges other"})
    call("DELETE", "registered-models/delete", {"name": "edges model renamed"})
    call("DELETE", "registered-models/delete", {"name": "edges model renamed"})


def logged_models(experiment: str) -> None:
    call("POST", "logged-models", {})
    call("POST", "logged-models", {"experiment_id": "987654321987", "name": "m"})
    call("POST", "logged-models", {"experiment_id": experiment, "name": "a/b"})
    made = call("POST", "logged-models", {"experiment_id": experiment, "name": "net", "model_type": "classifier"})
    model = made["model"]["info"]["model_id"]
    call("GET", f"logged-models/{model}")
    call("GET", f"logged-models/m-{NOBODY}")
    call("PATCH", f"logged-models/{model}/tags", {"model_id": model, "tags": [{"key": "a", "value": "b"}]})
    call("DELETE", f"logged-models/{model}/tags/a")
    call("DELETE", f"logged-models/{model}/tags/never")
    call("POST", f"logged-models/{model}/params", {"model_id": model, "params": [{"key": "p", "value": "1"}]})
    call("PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})
    call("PATCH", f"logged-models/m-{NOBODY}", {"model_id": f"m-{NOBODY}", "status": "LOGGED_MODEL_READY"})
    call("POST", "logged-models/search", {"experiment_ids": [experiment]})
    call("POST", "logged-models/search", {"experiment_ids": [experiment], "filter": "name = 'net'"})
    call("POST", "logged-models/search", {"experiment_ids": [experiment], "filter": "nonsense = 'a'"})
    call("POST", "logged-models/search", {"experiment_ids": [experiment], "max_results": 0})
    call("DELETE", f"logged-models/{model}")
    call("GET", f"logged-models/{model}")


def main() -> None:
    experiment = experiments()
    runs(experiment)
    registry(experiment)
    logged_models(experiment)
    call("GET", "no/such/call")
    call("POST", "runs/get", {})
    sys.stdout.write(json.dumps({"experiment": experiment}))


main()
