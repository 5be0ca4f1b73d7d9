"""Versions, aliases and stages as MLflow 3.17 answers them, with Fairway's rules where those are stricter."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.experiments import services as experiments
from apps.experiments.models import LoggedModel, Run
from apps.lineage import selectors as lineage
from apps.mlflow_api.tests.conftest import Caller, Person, attempt_token, person_make
from apps.mlflow_api.tests.registry_calls import PICKLE, files_make, logged_make, model_make, version_make
from apps.problems.tests.factories import problem_accepted
from apps.registry.models import ModelVersion
from apps.registry.tests.factories import brought_make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fees")]


def test_a_version_is_registered_from_the_files_of_a_run(caller: Caller, person: Person):
    tags = [{"key": "a", "value": "1"}]
    run = files_make(person)
    source = f"mlflow-artifacts:/{person.experiment.number}/{run.pk.hex}/artifacts/model"

    status, made = caller.post(
        "model-versions/create", name="fees", source=source, run_id=run.pk.hex, tags=tags, description="first", x=1
    )
    held = caller.get("model-versions/get", name="fees", version="1")
    missing = caller.get("model-versions/get", name="fees", version="2")

    shape = made["model_version"]
    assert status == 200
    assert {key: shape[key] for key in shape if not key.endswith("timestamp")} == {
        "name": "fees",
        "version": "1",
        "current_stage": "None",
        "description": "first",
        "source": source,
        "run_id": run.pk.hex,
        "run_link": "",
        "status": "READY",
        "tags": tags,
    }
    assert held == (200, made)
    assert (missing[0], missing[1]["message"]) == (404, "Model Version (name=fees, version=2) not found")
    version = ModelVersion.objects.get()
    assert (version.state, version.format, version.path) == ("SEALED", "SKOPS", "model")
    assert (version.registered_by_id, version.trained_by_id) == (person.user.pk, run.created_by_id)
    assert AuditEvent.objects.filter(action="version.register", object_id=str(version.pk)).count() == 1
    up = lineage.lineage_of(person.actor, "registry.modelversion", version.pk).upstream
    assert [(edge.relation, edge.object.type) for edge in up] == [("GENERATED_BY", "experiments.run")]


def test_a_run_that_goes_on_is_sealed_when_it_ends(caller: Caller, person: Person):
    version_make(caller, person)

    measured = caller.post("runs/log-metric", run_id=person.run.pk.hex, key="loss", value=0.1, timestamp=1)
    caller.post("runs/update", run_id=person.run.pk.hex, status="FINISHED")
    late = caller.post("runs/log-metric", run_id=person.run.pk.hex, key="loss", value=0.2, timestamp=2)

    assert measured == (200, {})
    assert (late[0], late[1]["error_code"]) == (409, "RESOURCE_CONFLICT")


def test_the_same_bytes_are_the_version_that_stands(caller: Caller, person: Person):
    first = version_make(caller, person, path="model")

    again = caller.post(
        "model-versions/create",
        name="fees",
        source=f"runs:/{person.run.pk.hex}/model",
        tags=[{"key": "later", "value": "yes"}],
    )
    files_make(person, "model")
    changed = caller.post("model-versions/create", name="fees", source=f"runs:/{person.run.pk.hex}/model")

    assert again[1]["model_version"]["version"] == first["version"] == "1"
    assert again[1]["model_version"]["tags"] == [{"key": "later", "value": "yes"}]
    assert (changed[0], changed[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert ModelVersion.objects.count() == 1


def test_a_logged_model_becomes_a_version_with_and_without_a_run(caller: Caller, person: Person):
    inside, beside = logged_make(person, run=person.run), logged_make(person)

    of_run = caller.post("model-versions/create", name="fees", source=f"runs:/{person.run.pk.hex}/model")
    alone = caller.post(
        "model-versions/create", name="fees", source=f"models:/m-{beside.pk.hex}", model_id=f"m-{beside.pk.hex}"
    )
    pending = logged_make(person, ready=False)
    early = caller.post("model-versions/create", name="fees", source=f"models:/m-{pending.pk.hex}")

    assert of_run[1]["model_version"]["run_id"] == person.run.pk.hex
    assert alone[1]["model_version"]["run_id"] == ""
    assert (early[0], early[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    rows = {version.number: version for version in ModelVersion.objects.all()}
    assert (rows[1].logged_model_id, rows[2].logged_model_id, rows[2].run_id) == (inside.pk, beside.pk, None)
    assert (rows[1].state, rows[2].state) == ("SEALED", "SEALED")
    assert LoggedModel.objects.filter(sealed_at__isnull=False).count() == 2
    assert rows[2].trained_by_id == person.user.pk


def test_a_version_is_copied_to_another_model_by_number_and_by_alias(caller: Caller, person: Person):
    first = version_make(caller, person, tags=[{"key": "a", "value": "1"}])
    caller.post("registered-models/alias", name="fees", alias="champion", version="1")
    for name in ("prod-fees", "more-fees"):
        model_make(caller, name)

    copied = caller.post(
        "model-versions/create", name="prod-fees", source="models:/fees/1", run_id=first["run_id"], tags=first["tags"]
    )
    again = caller.post("model-versions/create", name="prod-fees", source="models:/fees@champion")
    by_alias = caller.post("model-versions/create", name="more-fees", source="models:/fees@champion")
    missing = caller.post("model-versions/create", name="more-fees", source="models:/fees/9")

    assert copied[1]["model_version"]["version"] == again[1]["model_version"]["version"] == "1"
    assert copied[1]["model_version"]["source"] == "models:/fees/1"
    assert by_alias[0] == 200
    assert (missing[0], missing[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    old, new = ModelVersion.objects.get(model__name="fees"), ModelVersion.objects.get(model__name="prod-fees")
    assert (new.content_digest, new.run_id, new.format) == (old.content_digest, old.run_id, old.format)
    up = lineage.lineage_of(person.actor, "registry.modelversion", new.pk).upstream
    assert ("DERIVED_FROM", old.pk) in {(edge.relation, edge.object.id) for edge in up}


def test_what_nothing_may_load_stands_and_says_why(caller: Caller, person: Person):
    files_make(person, "risky", content=b"")
    experiments.artifact_store(actor=person.actor, run_id=person.run.pk, path="risky/model.pkl", chunks=[PICKLE])
    model_make(caller, "copy")

    made = caller.post("model-versions/create", name="fees", source=f"runs:/{person.run.pk.hex}/risky")
    address = caller.get("model-versions/get-download-uri", name="fees", version="1")
    copied = caller.post("model-versions/create", name="copy", source="models:/fees/1")

    shape = made[1]["model_version"]
    version = ModelVersion.objects.get(model__name="fees")
    assert (shape["status"], version.state) == ("READY", "QUARANTINED")
    assert version.quarantine_reason in shape["status_message"]
    assert (address[0], address[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert version.quarantine_reason in address[1]["message"]
    assert "Quarantined" in copied[1]["model_version"]["status_message"]


def test_predictions_made_elsewhere_are_no_model_to_download(caller: Caller, person: Person):
    owner = actor_make(Role.PRODUCT_OWNER, person.team)
    problem, _ = problem_accepted(person.actor, owner, person.team)
    version = brought_make(person.actor, person.team, problem)
    model_make(caller, "copy")

    shown = caller.get("model-versions/get", name=version.model.name, version="1")
    address = caller.get("model-versions/get-download-uri", name=version.model.name, version="1")
    copied = caller.post("model-versions/create", name="copy", source=f"models:/{version.model.name}/1")

    assert (shown[0], shown[1]["model_version"]["source"]) == (200, version.source)
    assert [status for status, _ in (address, copied)] == [409, 409]
    assert all("holds no model" in body["message"] for _, body in (address, copied))


def test_a_version_is_described_tagged_and_deleted_and_its_bytes_bring_it_back(caller: Caller, person: Person):
    first, second = version_make(caller, person), version_make(caller, person)
    caller.post("registered-models/alias", name="fees", alias="best", version="2")

    described = caller.patch("model-versions/update", name="fees", version="2", description="better")
    caller.post("model-versions/set-tag", name="fees", version="2", key="k", value="v")
    tagged = caller.get("model-versions/get", name="fees", version="2")
    untagged = [caller.delete("model-versions/delete-tag", name="fees", version="2", key="k") for _ in range(2)]
    deleted = caller.delete("model-versions/delete", name="fees", version="2")
    gone = [
        caller.get("model-versions/get", name="fees", version="2"),
        caller.delete("model-versions/delete", name="fees", version="2"),
        caller.get("model-versions/get-download-uri", name="fees", version="2"),
    ]
    alias = caller.get("registered-models/alias", name="fees", alias="best")
    newest = caller.get("registered-models/get", name="fees")
    third = version_make(caller, person)
    back = caller.post("model-versions/create", name="fees", source=second["source"])

    assert described[1]["model_version"]["description"] == "better"
    assert tagged[1]["model_version"]["tags"] == [{"key": "k", "value": "v"}]
    assert untagged == [(200, {}), (200, {})]
    assert deleted == (200, {})
    assert [(status, body["error_code"]) for status, body in gone] == [(404, "RESOURCE_DOES_NOT_EXIST")] * 3
    assert (alias[0], alias[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert [shape["version"] for shape in newest[1]["registered_model"]["latest_versions"]] == [first["version"]]
    assert third["version"] == "3"
    assert back[1]["model_version"]["version"] == "2"
    version = ModelVersion.objects.get(number=2)
    assert version.state == "SEALED"
    actions = AuditEvent.objects.filter(object_id=str(version.pk)).order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "version.register",
        "alias.set",
        *["version.describe"] * 3,
        "version.archive",
        "version.restore",
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("model-versions/transition-stage", {"version": "1", "stage": "Live"}),
        ("model-versions/transition-stage", {"version": "1"}),
        ("model-versions/transition-stage", {"version": "1", "stage": "None", "archive_existing_versions": True}),
        ("model-versions/transition-stage", {"version": "one", "stage": "None"}),
        ("model-versions/set-tag", {"version": "1"}),
        ("model-versions/set-tag", {"version": "1", "key": "k", "value": "x" * 100_001}),
        ("model-versions/set-tag", {"version": "", "key": "k"}),
        ("registered-models/alias", {"alias": "a", "version": "1.5"}),
        ("registered-models/get-latest-versions", {"stages": "None"}),
        ("registered-models/get-latest-versions", {"stages": [7]}),
        ("model-versions/create", {}),
        ("model-versions/create", {"source": 7}),
    ],
)
def test_what_makes_no_sense_is_said(caller: Caller, person: Person, path: str, body: Any):
    version_make(caller, person)

    answer = caller.post(path, name="fees", **body)

    assert (answer[0], answer[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("version", ["0", "-1", "99999999999999999999"])
def test_a_number_that_no_version_has_is_not_found(caller: Caller, version: str):
    answer = caller.get("model-versions/get", name="fees", version=version)

    assert (answer[0], answer[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_the_run_and_model_named_beside_a_source_are_those_of_its_files(caller: Caller, person: Person):
    run = files_make(person)
    other = Run.objects.get(pk=person_make(team=person.team).run.pk)
    logged = logged_make(person, run=person.run, name="apart")
    version_make(caller, person)
    source, model_source = f"runs:/{run.pk.hex}/model", f"models:/m-{logged.pk.hex}"

    answers = [
        caller.post("model-versions/create", name="fees", source=source, run_id=other.pk.hex),
        caller.post("model-versions/create", name="fees", source=source, model_id=f"m-{logged.pk.hex}"),
        caller.post("model-versions/create", name="fees", source=model_source, run_id=other.pk.hex),
        caller.post("model-versions/create", name="fees", source="models:/fees/1", run_id=other.pk.hex),
    ]

    assert {(status, body["error_code"]) for status, body in answers} == {(400, "INVALID_PARAMETER_VALUE")}
    assert ModelVersion.objects.count() == 1


def test_files_of_a_version_are_read_by_its_address_and_never_written(caller: Caller, person: Person):
    version_make(caller, person)

    _, address = caller.get("model-versions/get-download-uri", name="fees", version="1")
    path = address["artifact_uri"].removeprefix("mlflow-artifacts:/")
    listed = caller.client.get("/api/2.0/mlflow-artifacts/artifacts", {"path": path})
    read = caller.client.get(f"/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel")
    one = caller.client.get("/model-versions/get-artifact", {"name": "fees", "version": "1", "path": "MLmodel"})
    climbing = caller.client.get("/model-versions/get-artifact", {"name": "fees", "version": "1", "path": "../MLmodel"})
    written = caller.client.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel", b"x")
    removed = caller.client.delete(f"/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel")

    assert [row["path"] for row in listed.json()["files"]] == ["MLmodel", "model.skops"]
    assert b"".join(read.streaming_content) == b"".join(one.streaming_content) == b"flavors: {}\n"
    assert one["Content-Disposition"].startswith("attachment")
    assert climbing.status_code == 404
    assert (written.status_code, removed.status_code) == (409, 409)


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("post", "model-versions/create", {"source": "models:/fees/1"}),
    ("patch", "model-versions/update", {"version": "1", "description": "mine"}),
    ("delete", "model-versions/delete", {"version": "1"}),
    ("post", "model-versions/set-tag", {"version": "1", "key": "k", "value": "v"}),
    ("delete", "model-versions/delete-tag", {"version": "1", "key": "k"}),
    ("post", "model-versions/transition-stage", {"version": "1", "stage": "Staging"}),
    ("post", "registered-models/alias", {"version": "1", "alias": "mine"}),
    ("delete", "registered-models/alias", {"alias": "champion"}),
]
READS: list[tuple[str, dict[str, Any]]] = [
    ("model-versions/get", {"version": "1"}),
    ("model-versions/get-download-uri", {"version": "1"}),
    ("registered-models/alias", {"alias": "champion"}),
    ("registered-models/get-latest-versions", {}),
]


def test_another_team_finds_nothing_and_a_viewer_changes_nothing(caller: Caller, person: Person):
    version_make(caller, person)
    caller.post("registered-models/alias", name="fees", alias="champion", version="1")
    before = list(ModelVersion.objects.values())
    stranger = Caller(person_make())
    job = Caller(person)
    job.client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {attempt_token(person)}"
    reader = Caller(person_make(team=person.team, scopes=("read",)))
    viewer = Caller(person_make(Role.VIEWER, person.team))

    unseen = [getattr(who, way)(path, name="fees", **rest) for who in (stranger, job) for way, path, rest in CALLS]
    unseen += [who.get(path, name="fees", **rest) for who in (stranger, job) for path, rest in READS]
    refused = [getattr(who, way)(path, name="fees", **rest) for who in (viewer, reader) for way, path, rest in CALLS]
    seen = [who.get(path, name="fees", **rest) for who in (viewer, reader) for path, rest in READS]

    assert {(status, body["error_code"]) for status, body in unseen} == {(404, "RESOURCE_DOES_NOT_EXIST")}
    assert {(status, body["error_code"]) for status, body in refused} == {(403, "PERMISSION_DENIED")}
    assert {status for status, _ in seen} == {200}
    assert list(ModelVersion.objects.values()) == before


def test_a_strangers_files_are_no_source(caller: Caller, person: Person):
    stranger = person_make()
    run, logged = files_make(stranger), logged_make(stranger)
    theirs = Caller(stranger)
    model_make(theirs, "theirs")
    version_make(theirs, stranger, "theirs")
    version = ModelVersion.objects.get(model__name="theirs")

    answers = [
        caller.post("model-versions/create", name="fees", source=source)
        for source in (
            f"runs:/{run.pk.hex}/model",
            f"mlflow-artifacts:/{person.experiment.number}/{run.pk.hex}/artifacts/model",
            f"models:/m-{logged.pk.hex}",
            f"mlflow-artifacts:/{stranger.experiment.number}/models/m-{logged.pk.hex}/artifacts",
            f"mlflow-artifacts:/models/{version.pk.hex}/artifacts",
            "models:/theirs/1",
        )
    ]

    assert {(status, body["error_code"]) for status, body in answers} == {(404, "RESOURCE_DOES_NOT_EXIST")}
    assert not ModelVersion.objects.filter(model__name="fees").exists()


@pytest.mark.parametrize(
    "source",
    [
        "/etc",
        "file:///etc",
        "file:/etc/passwd",
        "s3://other-bucket/x",
        "http://169.254.169.254/latest",
        "dbfs:/x",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts://host:80/1/RUN/artifacts/model",
        "mlflow-artifacts:/1/RUN/artifacts/../../x",
        "mlflow-artifacts:/1/RUN/artifacts/%2e%2e/model",
        "mlflow-artifacts:/1/RUN/artifacts/%252e%252e/model",
        "mlflow-artifacts:/1/RUN/artifacts/..\\..\\x",
        "mlflow-artifacts:/1/RUN/artifacts/model?x=/etc",
        "mlflow-artifacts:/1/RUN/artifacts/model#/../../etc",
        "mlflow-artifacts:/1/RUN/artifacts/model;/../etc",
        "mlflow-artifacts:/1/RUN/artifacts",
        "runs:/RUN/../x",
        "runs:/RUN//etc",
        "runs:/RUN/",
        "runs://profile@host/RUN/model",
        "models:/",
        "models:/fees/latest/../1",
        "dummy-source",
        "x" * 501,
    ],
)
@pytest.mark.parametrize("prompt", [False, True])
def test_only_what_fairway_stores_is_a_source(caller: Caller, person: Person, source: str, prompt: bool):
    files_make(person)
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}] if prompt else []

    answer = caller.post(
        "model-versions/create", name="fees", source=source.replace("RUN", person.run.pk.hex), tags=tags
    )

    assert (answer[0], answer[1]["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "Invalid model version source" in answer[1]["message"]
    assert not ModelVersion.objects.exists()
