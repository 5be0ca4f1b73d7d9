"""Experiments, runs, measurements and logged models as MLflow 3.17 answers them: statuses, codes and JSON shapes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.experiments import services
from apps.experiments.models import Metric, Run
from apps.mlflow_api.tests.conftest import ROOT, Caller, Person, person_make

pytestmark = pytest.mark.django_db


def test_an_experiment_is_opened_renamed_deleted_and_restored(caller: Caller):
    status, made = caller.post("experiments/create", name="rates", tags=[{"key": "a", "value": "b"}])
    number = made["experiment_id"]
    again = caller.post("experiments/create", name="rates")
    caller.post("experiments/set-experiment-tag", experiment_id=number, key="c", value="d")
    caller.post("experiments/delete-experiment-tag", experiment_id=number, key="a")
    renamed = caller.post("experiments/update", experiment_id=number, new_name="prices")
    _, run = caller.post("runs/create", experiment_id=number, start_time=5)
    deleted = caller.post("experiments/delete", experiment_id=number)
    closed = caller.post("runs/create", experiment_id=number)
    _, gone = caller.get("experiments/get-by-name", experiment_name="prices")
    caller.post("experiments/restore", experiment_id=number)
    _, back = caller.get("experiments/get", experiment_id=number)
    _, run_back = caller.get("runs/get", run_id=run["run"]["info"]["run_id"])

    assert status == 200
    assert (again[0], again[1]["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert renamed == (200, {})
    assert deleted == (200, {})
    assert (closed[0], closed[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert gone["experiment"]["lifecycle_stage"] == "deleted"
    assert back["experiment"]["lifecycle_stage"] == "active"
    assert back["experiment"]["tags"] == [{"key": "c", "value": "d"}]
    assert run_back["run"]["info"]["lifecycle_stage"] == "active"


def test_experiment_0_is_the_teams_own(person: Person):
    other = person_make()

    _, first = Caller(person).get("experiments/get", experiment_id="0")
    _, again = Caller(person).post("runs/create", experiment_id="0")
    _, theirs = Caller(other).get("experiments/get", experiment_id="0")

    assert first["experiment"]["name"] == "Default"
    assert again["run"]["info"]["experiment_id"] == first["experiment"]["experiment_id"]
    assert theirs["experiment"]["experiment_id"] != first["experiment"]["experiment_id"]


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("experiments/get", {"experiment_id": "99999"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("experiments/get", {"experiment_id": "abc"}, 400, "INVALID_PARAMETER_VALUE"),
        ("experiments/get", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("experiments/get-by-name", {"experiment_name": "none"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("runs/get", {"run_id": "zz"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("runs/get", {"run_id": "a b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("metrics/get-history", {"run_id": "RUN"}, 400, "INVALID_PARAMETER_VALUE"),
        ("metrics/get-history", {"run_id": "RUN", "metric_key": "m", "max_results": 0}, 400, "INVALID_PARAMETER_VALUE"),
        (
            "metrics/get-history",
            {"run_id": "RUN", "metric_key": "m", "page_token": "x"},
            400,
            "INVALID_PARAMETER_VALUE",
        ),
        ("artifacts/list", {"run_id": "RUN", "path": "../x"}, 400, "INVALID_PARAMETER_VALUE"),
        ("logged-models/m-zz", {}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("runs/create", {}, 405, "ENDPOINT_NOT_FOUND"),
    ],
)
def test_what_cannot_be_read_is_refused_as_mlflow_does(person: Person, path: str, query: Any, status: int, code: str):
    query = {key: person.run.pk.hex if value == "RUN" else value for key, value in query.items()}

    answer = Caller(person).get(path, **query)

    assert (answer[0], answer[1]["error_code"]) == (status, code)
    assert answer[1]["message"]


def test_a_run_is_shown_as_mlflow_shows_it(caller: Caller, person: Person):
    number = str(person.experiment.number)
    _, made = caller.post("runs/create", experiment_id=number, start_time="1234", user_id="me", run_name="nm")
    run_id = made["run"]["info"]["run_id"]
    for value in (1.5, "NaN", "Infinity", "-Infinity", "2.5"):
        assert caller.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp="10", zzz=1) == (200, {})
    caller.post("runs/log-metric", run_id=run_id, key="n", value="NaN", timestamp=10, step="5")
    caller.post("runs/log-parameter", run_id=run_id, key="p")
    caller.post("runs/set-tag", run_id=run_id, key="mlflow.note.content", value="Words.")
    _, shown = caller.get("runs/get", run_uuid=run_id)

    run = shown["run"]
    assert set(made["run"]) == {"info", "data", "inputs"}
    assert run["info"] == {
        "run_uuid": run_id,
        "experiment_id": number,
        "run_name": "nm",
        "user_id": "me",
        "status": "RUNNING",
        "start_time": 1234,
        "artifact_uri": f"mlflow-artifacts:/{number}/{run_id}/artifacts",
        "lifecycle_stage": "active",
        "run_id": run_id,
    }
    assert {"key": "m", "value": 1.7976931348623157e308, "timestamp": 10, "step": 0} in run["data"]["metrics"]
    assert {"key": "n", "value": "NaN", "timestamp": 10, "step": 5} in run["data"]["metrics"]
    assert run["data"]["params"] == [{"key": "p", "value": ""}]
    assert {"key": "mlflow.note.content", "value": "Words."} in run["data"]["tags"]
    assert (run["inputs"], run["outputs"]) == ({}, {})
    assert Run.objects.get(pk=run_id).notes == "Words."


def test_an_unnamed_run_gets_a_name_and_two_names_are_refused(caller: Caller, person: Person):
    number = str(person.experiment.number)

    _, made = caller.post("runs/create", experiment_id=number)
    both = caller.post(
        "runs/create", experiment_id=number, run_name="a", tags=[{"key": "mlflow.runName", "value": "b"}]
    )
    run_id = made["run"]["info"]["run_id"]
    caller.post("runs/set-tag", run_id=run_id, key="mlflow.runName", value="renamed")

    assert made["run"]["info"]["run_name"].count("-") == 2
    assert (both[0], both[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert caller.get("runs/get", run_id=run_id)[1]["run"]["info"]["run_name"] == "renamed"


def test_a_deleted_run_takes_nothing_until_it_is_restored(caller: Caller, person: Person):
    run_id = person.run.pk.hex

    answers = [caller.post("runs/delete", run_id=run_id), caller.post("runs/delete", run_id=run_id)]
    refused = caller.post("runs/set-tag", run_id=run_id, key="a", value="b")
    answers += [caller.post("runs/restore", run_id=run_id)]
    taken = caller.post("runs/set-tag", run_id=run_id, key="a", value="b")

    assert answers == [(200, {})] * 3
    assert (refused[0], refused[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert taken == (200, {})


@pytest.mark.parametrize(
    "batch",
    [
        {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 1001},
        {"params": [{"key": f"p{n}", "value": "1"} for n in range(101)]},
        {"tags": [{"key": f"t{n}", "value": "1"} for n in range(101)]},
        {"params": [{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]},
        {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 950, "tags": [{"key": f"t{n}"} for n in range(60)]},
        {"metrics": [{"key": "a"}]},
        {"metrics": [{"key": "../a", "value": 1, "timestamp": 1}]},
        {"metrics": [{"key": "a?", "value": 1, "timestamp": 1}]},
        {"metrics": [{"key": "a" * 251, "value": 1, "timestamp": 1}]},
        {"metrics": [{"key": "a", "value": 1, "timestamp": -1}]},
        {"metrics": 5},
        {"tags": [{"key": "", "value": "1"}]},
        {"tags": [{"key": "a", "value": "\ud800"}]},
        {"tags": [{"key": "a", "value": "x" * 1_000_001}]},
    ],
)
def test_a_batch_that_breaks_a_limit_writes_nothing(caller: Caller, person: Person, batch: dict[str, Any]):
    status, body = caller.post("runs/log-batch", run_id=person.run.pk.hex, **batch)

    person.run.refresh_from_db()
    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert (person.run.tags, person.run.params, Metric.objects.count()) == ({}, {}, 0)


def test_long_values_are_cut_and_measurements_are_no_audit_entries(caller: Caller, person: Person):
    entries = AuditEvent.objects.count()

    status, _ = caller.post(
        "runs/log-batch",
        run_id=person.run.pk.hex,
        tags=[{"key": "t", "value": "x" * 9000}],
        params=[{"key": "p", "value": "y" * 7000}],
        metrics=[{"key": "m", "value": 1, "timestamp": 1}],
    )

    person.run.refresh_from_db()
    assert status == 200
    assert (len(person.run.tags["t"]), len(person.run.params["p"])) == (8000, 6000)
    assert AuditEvent.objects.count() == entries


def test_a_history_comes_in_pages_by_time(caller: Caller, person: Person):
    run_id = person.run.pk.hex
    points = [{"key": "m", "value": n, "timestamp": 100 - n, "step": n} for n in range(5)]
    caller.post("runs/log-batch", run_id=run_id, metrics=points)

    _, whole = caller.get("metrics/get-history", run_id=run_id, metric_key="m")
    _, first = caller.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=3)
    _, rest = caller.get(
        "metrics/get-history", run_id=run_id, metric_key="m", max_results=3, page_token=first["next_page_token"]
    )

    assert [metric["value"] for metric in whole["metrics"]] == [4, 3, 2, 1, 0]
    assert first["metrics"] + rest["metrics"] == whole["metrics"]
    assert "next_page_token" not in rest
    assert caller.get("metrics/get-history", run_id=run_id, metric_key="none") == (200, {})


def test_inputs_and_outputs_are_noted_once(caller: Caller, person: Person):
    run_id, number = person.run.pk.hex, str(person.experiment.number)
    _, made = caller.post("logged-models", experiment_id=number, source_run_id=run_id)
    model_id = made["model"]["info"]["model_id"]
    dataset = {"name": "d", "digest": "abc", "source_type": "local", "source": "{}"}
    context = [{"key": "mlflow.data.context", "value": "training"}]

    for _ in range(2):
        caller.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": context}])
        caller.post("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": "3"}])
    _, shown = caller.get("runs/get", run_id=run_id)

    assert shown["run"]["inputs"] == {"dataset_inputs": [{"tags": context, "dataset": dataset}]}
    assert shown["run"]["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 3}]}


def test_a_logged_model_has_metrics_params_and_tags_and_leaves_softly(caller: Caller, person: Person):
    run_id, number = person.run.pk.hex, str(person.experiment.number)
    _, made = caller.post("logged-models", experiment_id=number, name="mod", source_run_id=run_id)
    model_id = made["model"]["info"]["model_id"]
    metric = {"key": "mm", "value": 1.5, "timestamp": 10, "step": 0, "dataset_name": "d", "dataset_digest": "abc"}
    caller.post("runs/log-metric", run_id=run_id, model_id=model_id, **metric)
    caller.patch(f"logged-models/{model_id}/tags", tags=[{"key": "k", "value": "v"}])
    caller.post(f"logged-models/{model_id}/params", model_id=model_id, params=[{"key": "p", "value": "1"}])
    _, ready = caller.patch(f"logged-models/{model_id}", model_id=model_id, status="LOGGED_MODEL_READY")
    removed = [caller.delete(f"logged-models/{model_id}/tags/k") for _ in range(2)]
    deleted = caller.delete(f"logged-models/{model_id}")
    gone = caller.get(f"logged-models/{model_id}")

    assert ready["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert ready["model"]["data"]["metrics"] == [{**metric, "model_id": model_id, "run_id": run_id}]
    assert ready["model"]["data"]["params"] == [{"key": "p", "value": "1"}]
    assert [status for status, _ in removed] == [200, 404]
    assert deleted == (200, {})
    assert (gone[0], gone[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_cited_run_is_sealed_when_it_ends(caller: Caller, person: Person):
    run_id = person.run.pk.hex
    services.run_seal(run_id=person.run.pk, at_end=True)

    late = caller.post("runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    ended = [caller.post("runs/update", run_id=run_id, status="FINISHED", end_time=9)[0] for _ in range(2)]
    refused = caller.post("runs/log-metric", run_id=run_id, key="m", value=2, timestamp=2)
    tagged = caller.post("runs/set-tag", run_id=run_id, key="a", value="b")

    assert late == (200, {})
    assert ended == [200, 200]
    assert (refused[0], refused[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "sealed" in refused[1]["message"]
    assert tagged == (200, {})


@pytest.mark.parametrize(
    "location", ["file:///etc", "http://169.254.169.254/", "s3://other/x", "mlflow-artifacts:/../x"]
)
def test_no_experiment_chooses_where_its_files_lie(caller: Caller, location: str):
    status, body = caller.post("experiments/create", name="away", artifact_location=location)

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_viewer_and_a_stranger_change_nothing(person: Person):
    number, run_id = str(person.experiment.number), person.run.pk.hex
    calls = [
        ("experiments/update", {"experiment_id": number, "new_name": "x"}),
        ("experiments/delete", {"experiment_id": number}),
        ("experiments/set-experiment-tag", {"experiment_id": number, "key": "a", "value": "b"}),
        ("runs/create", {"experiment_id": number}),
        ("runs/delete", {"run_id": run_id}),
        ("runs/delete-tag", {"run_id": run_id, "key": "a"}),
        ("runs/log-inputs", {"run_id": run_id, "datasets": []}),
        ("logged-models", {"experiment_id": number}),
    ]

    seen = {}
    for role, who in (("viewer", person_make(Role.VIEWER, person.team)), ("stranger", person_make())):
        seen[role] = [Caller(who).post(path, **body)[0] for path, body in calls]

    assert seen == {"viewer": [403] * len(calls), "stranger": [404] * len(calls)}


def test_the_server_says_what_it_is(person: Person):
    client = Client(headers=person.headers)

    assert client.get("/health").content == b"OK"
    assert client.get("/version").content.startswith(b"3.")
    told = client.get("/api/3.0/mlflow/server-info").json()
    assert (told["multipart_uploads_enabled"], told["workspaces_enabled"]) == (False, True)


def test_a_bad_token_is_refused_in_mlflows_words():
    answer = Client(headers={"Authorization": "Bearer fwy_unknown"}).get(ROOT + "runs/get")

    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert answer["WWW-Authenticate"].startswith("Bearer")
