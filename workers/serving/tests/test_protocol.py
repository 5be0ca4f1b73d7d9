"""The Open Inference Protocol and MLflow's scoring forms, asked of a running gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from workers.contracts.signature import Signature
from workers.runner.model_io import model_load
from workers.serving.tests.running import TOKEN, GatewayProcess, person, row, tensor

Fitted = dict[str, tuple[Path, dict[str, Any]]]


def outputs(response: httpx.Response) -> dict[str, dict[str, Any]]:
    assert response.status_code == 200, response.text
    return {output["name"]: output for output in response.json()["outputs"]}


def test_server_answers_health_and_metadata_without_a_token(standing: GatewayProcess) -> None:
    for path, body in (
        ("/health/live", {"status": "live"}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
    ):
        response = httpx.get(standing.url + path)
        assert (response.status_code, response.json()) == (200, body)

    assert httpx.get(f"{standing.url}/health/ready").json()["hosts"] == {"READY": 3}
    assert set(httpx.get(f"{standing.url}/v2").json()) == {"name", "version", "extensions"}
    assert httpx.head(f"{standing.url}/v2").content == b""


def test_model_metadata_comes_from_the_signature(standing: GatewayProcess) -> None:
    metadata = standing.client.get("/v2/models/loan").json()

    assert (metadata["name"], metadata["versions"]) == ("loan", ["1"])
    assert metadata["inputs"][2] == {"name": "colour", "datatype": "BYTES", "shape": [-1]}
    assert [output["name"] for output in metadata["outputs"]] == ["probabilities", "decision", "label"]
    assert standing.client.get("/v2/models/loan/versions/1").json() == metadata
    assert standing.client.get("/v2/models/loan/versions/1/ready").json() == {"name": "loan", "ready": True}
    assert standing.client.get("/v2/models/loan/versions/2").status_code == 404


def test_answers_are_those_of_the_stored_pipeline(standing: GatewayProcess, fitted: Fitted) -> None:
    directory, facts = fitted["binary"]
    columns = {"age": [20.0, 44.5, 88.0], "income": [None, 1.5, 2.0], "colour": ["red", None, "never seen"]}
    expected = model_load(directory).predict_columns(columns, Signature.from_json(facts["signature"]))

    response = standing.infer(
        "loan",
        {
            "id": "request-7",
            "parameters": {"note": "kept quiet"},
            "inputs": [
                {**tensor("age", "FP64", *columns["age"]), "parameters": {"content_type": "np"}},
                {**tensor("income", "FP32", *columns["income"]), "shape": [3, 1]},
                tensor("colour", "BYTES", *columns["colour"]),
            ],
        },
    )

    answer = outputs(response)
    assert response.headers["content-type"] == "application/json"
    assert {key: response.json()[key] for key in ("id", "model_name", "model_version")} == {
        "id": "request-7",
        "model_name": "loan",
        "model_version": "1",
    }
    assert answer["probabilities"]["shape"] == [3, 2]
    assert answer["probabilities"]["data"] == pytest.approx(expected.ravel().tolist(), abs=1e-12)
    assert json.loads(answer["probabilities"]["parameters"]["classes"]) == ["no", "yes"]
    decided = [bool(p >= 0.4) for p in expected[:, 1]]
    assert answer["decision"] == {
        "name": "decision",
        "datatype": "BOOL",
        "shape": [3],
        "parameters": {"threshold": 0.4, "positive_label": "yes"},
        "data": decided,
    }
    assert answer["label"]["data"] == ["yes" if yes else "no" for yes in decided]
    assert (answer["label"]["datatype"], answer["label"]["shape"]) == ("BYTES", [3])


def test_only_the_outputs_asked_for_come_back(standing: GatewayProcess) -> None:
    response = standing.infer("loan", {**row(), "outputs": [{"name": "label"}]})

    assert list(outputs(response)) == ["label"]


def test_optional_inputs_may_be_left_out(standing: GatewayProcess) -> None:
    response = standing.infer("loan", {"inputs": [tensor("age", "FP64", 30.0)]})

    assert outputs(response)["label"]["shape"] == [1]


def test_many_classes(standing: GatewayProcess) -> None:
    answer = outputs(standing.infer("grade", {"inputs": [tensor("a", "INT64", 0, 8), tensor("b", "INT32", 1, 1)]}))

    assert answer["probabilities"]["shape"] == [2, 3]
    assert answer["label"]["data"] == ["low", "top"]
    assert "decision" not in answer


def test_regression(standing: GatewayProcess) -> None:
    answer = outputs(standing.infer("price", {"inputs": [tensor("a", "FP64", 5.0), tensor("b", "BOOL", True)]}))

    assert answer["prediction"]["data"] == pytest.approx([13.0])
    assert (answer["prediction"]["datatype"], answer["prediction"]["shape"]) == ("FP64", [1])


@pytest.mark.parametrize(
    "form",
    [
        {"dataframe_split": {"columns": ["colour", "age", "income"], "data": [["red", 40, 3.5], ["red", 80, None]]}},
        {"dataframe_records": [person(40), {"age": 80, "colour": "red"}]},
        {"instances": [person(40), {"age": 80, "colour": "red", "income": None}]},
        {"instances": [[40, 3.5, "red"], [80, None, "red"]]},
        {"inputs": {"age": [40, 80], "income": [[3.5], [None]], "colour": ["red", "red"]}},
        {"inputs": [[40, 3.5, "red"], [80, None, "red"]], "params": {}},
    ],
)
def test_mlflow_forms_agree_with_v2(standing: GatewayProcess, form: dict[str, Any]) -> None:
    tensors = [
        tensor("age", "FP64", 40, 80),
        tensor("income", "FP64", 3.5, None),
        tensor("colour", "BYTES", "red", "red"),
    ]
    expected = outputs(standing.infer("loan", {"inputs": tensors}))["probabilities"]["data"]

    by_path = standing.client.post("/loan/invocations", json=form)
    by_query = standing.client.post("/invocations", params={"deployment": "loan"}, json=form)

    assert by_path.json() == by_query.json()
    predictions = by_path.json()["predictions"]
    assert [value for entry in predictions for value in entry["probabilities"].values()] == pytest.approx(expected)
    assert predictions[0]["decision"] is (predictions[0]["label"] == "yes")


def test_regression_by_invocations(standing: GatewayProcess) -> None:
    response = standing.client.post("/price/invocations", json={"instances": [{"a": 1.5, "b": False}]})

    assert response.json()["predictions"] == pytest.approx([3.0])


def test_cookies_are_ignored(standing: GatewayProcess) -> None:
    with_cookie = standing.infer("loan", row(), headers={"Cookie": f"sessionid=x; token={TOKEN}"})
    cookie_alone = httpx.post(
        f"{standing.url}/v2/models/loan/infer", json=row(), headers={"Cookie": f"Authorization=Bearer {TOKEN}"}
    )

    assert with_cookie.status_code == 200
    assert "set-cookie" not in with_cookie.headers
    assert cookie_alone.status_code == 401


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [
        (None, "loan", 401),
        ("Basic eDp5", "loan", 401),
        ("Bearer", "loan", 401),
        ("Bearer unknown", "loan", 401),
        ("Bearer unknown", "no-such", 401),
        ("Bearer token-of-strangers", "loan", 404),
        ("Bearer token-of-strangers", "no-such", 404),
        ("Bearer token-of-colleagues", "loan", 403),
        (f"Bearer {TOKEN}", "no-such", 404),
        (f"Bearer {TOKEN}", "foreign", 404),
        (f"Bearer {TOKEN}", "sibling", 403),
    ],
)
def test_who_may_ask(standing: GatewayProcess, token: str | None, name: str, status: int) -> None:
    headers = {} if token is None else {"Authorization": token}

    for path in (f"/v2/models/{name}/infer", f"/{name}/invocations"):
        response = httpx.post(standing.url + path, json=row(), headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in response.headers) == (status == 401)
    for path in (f"/v2/models/{name}", f"/v2/models/{name}/ready"):
        assert httpx.get(standing.url + path, headers=headers).status_code == status
