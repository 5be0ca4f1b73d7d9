"""Aliases and stages of model versions as MLflow's client sets them: labels, while live is what answers."""

from __future__ import annotations

import pytest

from apps.audit.models import AuditEvent
from apps.mlflow_api.tests.conftest import Caller, Person
from apps.mlflow_api.tests.registry_calls import version_make
from apps.registry.models import ModelVersion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fees")]


def test_an_alias_is_set_moved_read_and_deleted(caller: Caller, person: Person):
    version_make(caller, person)
    version_make(caller, person)

    caller.post("registered-models/alias", name="fees", alias="champion", version="1")
    moved = caller.post("registered-models/alias", name="fees", alias="champion", version="2")
    read = caller.get("registered-models/alias", name="fees", alias="Champion")
    newest = caller.get("registered-models/alias", name="fees", alias="latest")
    model = caller.get("registered-models/get", name="fees")
    deleted = [caller.delete("registered-models/alias", name="fees", alias="champion") for _ in range(2)]
    missing = caller.get("registered-models/alias", name="fees", alias="champion")

    assert moved == (200, {})
    assert (read[1]["model_version"]["version"], read[1]["model_version"]["aliases"]) == ("2", ["champion"])
    assert newest[1]["model_version"]["version"] == "2"
    assert model[1]["registered_model"]["aliases"] == [{"alias": "champion", "version": "2"}]
    assert deleted == [(200, {}), (200, {})]
    assert missing == (
        400,
        {"error_code": "INVALID_PARAMETER_VALUE", "message": "Registered model alias champion not found."},
    )


@pytest.mark.parametrize(
    ("alias", "status", "code"),
    [
        ("live", 409, "RESOURCE_CONFLICT"),
        ("Production", 409, "RESOURCE_CONFLICT"),
        ("latest", 400, "INVALID_PARAMETER_VALUE"),
        ("v3", 400, "INVALID_PARAMETER_VALUE"),
        ("a b", 400, "INVALID_PARAMETER_VALUE"),
        ("", 400, "INVALID_PARAMETER_VALUE"),
        ("x" * 256, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_an_alias_never_says_what_is_live(caller: Caller, person: Person, alias: str, status: int, code: str):
    version_make(caller, person)

    answer = caller.post("registered-models/alias", name="fees", alias=alias, version="1")

    assert (answer[0], answer[1]["error_code"]) == (status, code)


def test_production_is_what_is_live_and_is_not_given_by_a_client(caller: Caller, person: Person, live):
    for _ in range(3):
        version_make(caller, person)
    second = ModelVersion.objects.get(number=2)

    refused = caller.post("model-versions/transition-stage", name="fees", version="2", stage="production")
    live[second.model_id] = second.pk
    idempotent = caller.post("model-versions/transition-stage", name="fees", version="2", stage="Production")
    away = caller.post("model-versions/transition-stage", name="fees", version="2", stage="Archived")
    deleted = caller.delete("model-versions/delete", name="fees", version="2")
    model_deleted = caller.delete("registered-models/delete", name="fees")
    latest = caller.post("registered-models/get-latest-versions", name="fees", stages=["production"])
    model = caller.get("registered-models/get", name="fees")

    assert (refused[0], refused[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "request its approval" in refused[1]["message"]
    assert "deployment" in refused[1]["message"]
    assert idempotent[1]["model_version"]["current_stage"] == "Production"
    for answer in (away, deleted, model_deleted):
        assert (answer[0], answer[1]["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert [shape["version"] for shape in latest[1]["model_versions"]] == ["2"]
    heads = {shape["current_stage"]: shape["version"] for shape in model[1]["registered_model"]["latest_versions"]}
    assert heads == {"None": "3", "Production": "2"}
    second.refresh_from_db()
    assert (second.stage, second.state) == ("None", "SEALED")


def test_stages_are_labels_that_move(caller: Caller, person: Person):
    for _ in range(3):
        version_make(caller, person)

    first = caller.post("model-versions/transition-stage", name="fees", version="1", stage="staging")
    caller.post(
        "model-versions/transition-stage",
        name="fees",
        version="2",
        stage="Staging",
        archive_existing_versions=True,
    )
    latest = caller.get("registered-models/get-latest-versions", name="fees")
    staged = caller.get("registered-models/get-latest-versions", name="fees", stages=["Staging"])
    none = caller.get("registered-models/get-latest-versions", name="fees", stages=["Production"])

    assert first[1]["model_version"]["current_stage"] == "Staging"
    heads = {shape["current_stage"]: shape["version"] for shape in latest[1]["model_versions"]}
    assert heads == {"Archived": "1", "Staging": "2", "None": "3"}
    assert [shape["version"] for shape in staged[1]["model_versions"]] == ["2"]
    assert none == (200, {})
    changes = AuditEvent.objects.filter(action="version.stage").order_by("id").values_list("after__stage", flat=True)
    assert list(changes) == ["Staging", "Staging", "Archived"]
