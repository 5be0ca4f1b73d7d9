"""Data that a client logs: lineage where it is surely a version that Fairway holds, a description everywhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import Grant
from apps.core.actors import Role
from apps.core.blobs import blob_open
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import dataset_make, version_make, version_sealed
from apps.experiments.models import RunInput
from apps.lineage.models import LineageEdge
from apps.mlflow_api.tests.conftest import Caller, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(person: Person) -> DatasetVersion:
    return version_sealed(person.actor, dataset_make(person.actor, person.team))


def url_of(version: DatasetVersion, settings: Any) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/dataset-versions/{version.pk}/file"


def log(caller: Caller, person: Person, context: str = "training", **dataset: str) -> int:
    described = {"name": "arrests", "digest": "abcd1234", "source_type": "http", "source": "{}", **dataset}
    tags = [{"key": "mlflow.data.context", "value": context}]
    sent = {"run_id": person.run.pk.hex, "datasets": [{"dataset": described, "tags": tags}]}
    return caller.post("runs/log-inputs", **sent)[0]


def edges() -> list[tuple[str, Any, Any]]:
    return list(LineageEdge.objects.filter(relation="USED").values_list("relation", "subject_id", "object_id"))


def test_data_read_from_its_address_is_lineage(caller: Caller, person: Person, version: DatasetVersion, settings):
    source = json.dumps({"url": url_of(version, settings)})

    for _ in range(2):
        assert log(caller, person, source=source) == 200
    _, shown = caller.get("runs/get", run_id=person.run.pk.hex)

    row = RunInput.objects.get()
    version.refresh_from_db()
    assert edges() == [("USED", person.run.pk, version.pk)]
    assert (row.dataset_version_id, row.role) == (version.pk, "training")
    assert version.cited_at is not None
    assert shown["run"]["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "arrests", "as the client said it"
    found = caller.post(
        "runs/search", experiment_ids=[str(person.experiment.number)], filter="dataset.name = 'arrests'"
    )[1]
    assert [run["info"]["run_id"] for run in found["runs"]] == [person.run.pk.hex]


def test_the_real_client_reads_and_logs_a_version(person: Person, version: DatasetVersion, settings):
    pytest.importorskip("mlflow")
    from mlflow.data.http_dataset_source import HTTPDatasetSource

    source = HTTPDatasetSource(url_of(version, settings)).to_json()

    assert log(Caller(person), person, source=source) == 200
    assert edges() == [("USED", person.run.pk, version.pk)]


@pytest.mark.parametrize("context", ["eval", "validation"])
def test_data_that_a_model_is_judged_on_is_used_and_not_what_it_is_made_from(
    caller: Caller, person: Person, version: DatasetVersion, settings, context: str
):
    log(caller, person, context, source=json.dumps({"url": url_of(version, settings)}))

    assert edges() == [("USED", person.run.pk, version.pk)]
    assert RunInput.objects.get().dataset_version is None


@pytest.mark.parametrize(("twins", "lineage"), [(0, 1), (1, 0)])
def test_a_digest_of_the_content_tells_the_version_unless_two_have_it(
    caller: Caller, person: Person, version: DatasetVersion, twins: int, lineage: int
):
    with blob_open(version.content_digest) as handle:
        data = handle.read()
    for _ in range(twins):
        version_sealed(person.actor, dataset_make(person.actor, person.team), data)

    log(caller, person, digest=version.content_digest[:36])

    assert edges() == [("USED", person.run.pk, version.pk)] * lineage


def test_what_fairway_says_of_an_input_is_understood_again(caller: Caller, person: Person, version: DatasetVersion):
    log(caller, person, source_type="fairway", source=json.dumps({"dataset_version": str(version.pk)}))

    assert edges() == [("USED", person.run.pk, version.pk)]


def test_what_is_not_sure_stays_a_description(
    caller: Caller, person: Person, stranger: Person, version: DatasetVersion, settings
):
    theirs = version_sealed(stranger.actor, dataset_make(stranger.actor, stranger.team))
    raw = version_make(person.actor, dataset_make(person.actor, person.team))
    sources = [
        json.dumps({"url": url_of(theirs, settings)}),
        json.dumps({"url": url_of(raw, settings)}),
        json.dumps({"url": f"https://elsewhere.example/api/v1/dataset-versions/{version.pk}/file"}),
        json.dumps({"url": f"{settings.PUBLIC_URL}.elsewhere.example/api/v1/dataset-versions/{version.pk}/file"}),
        json.dumps({"url": f"{url_of(version, settings)}/../other"}),
        json.dumps({"url": f"{settings.PUBLIC_URL}/api/v1/dataset-versions/{'-' * 36}/file"}),
        json.dumps({"url": 7}),
        json.dumps({"dataset_version": str(version.pk)}),
        json.dumps([1]),
        "[" * 5000,
        "words",
    ]
    statuses = [log(caller, person, source=source, name=f"n{n}") for n, source in enumerate(sources)]
    statuses.append(log(caller, person, digest=version.content_digest[:8], name="short"))
    statuses.append(log(caller, person, digest=theirs.content_digest[:36], name="theirs"))

    assert statuses == [200] * len(statuses)
    assert edges() == []
    assert not RunInput.objects.filter(dataset_version__isnull=False).exists()
    assert RunInput.objects.count() == len(statuses)


def test_a_version_of_another_of_ones_teams_is_not_the_runs(caller: Caller, person: Person, stranger: Person, settings):
    Grant.objects.create(user=person.user, team=stranger.team, role=Role.DATA_SCIENTIST)
    theirs = version_sealed(stranger.actor, dataset_make(stranger.actor, stranger.team))

    assert log(caller, person, source=json.dumps({"url": url_of(theirs, settings)})) == 200
    assert edges() == []


def test_what_the_runs_of_an_experiment_read_is_told_once(caller: Caller, person: Person, stranger: Person):
    ajax = Caller(person, "/ajax-api/2.0/mlflow/")
    log(caller, person)
    log(caller, person, "", name="second", digest="")
    log(Caller(stranger), stranger, name="hidden")
    number = str(person.experiment.number)

    status, body = ajax.post("experiments/search-datasets", experiment_ids=[number, str(stranger.experiment.number)])

    assert status == 200
    assert body["dataset_summaries"] == [
        {"experiment_id": number, "name": "arrests", "digest": "abcd1234", "context": "training"},
        {"experiment_id": number, "name": "second", "digest": ""},
    ]
    assert ajax.post("experiments/search-datasets")[0] == 400
    assert ajax.post("experiments/search-datasets", experiment_ids=["1"] * 21)[0] == 400
    assert ajax.post("experiments/search-datasets", experiment_ids=[str(stranger.experiment.number)]) == (200, {})
