"""Evaluation datasets, as the real client calls them and as nobody should."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.experiments.models import EvaluationDataset, EvaluationRecord
from apps.experiments.services import evaluation_datasets as limits
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, attempt_token, person_make

MakeClient = Callable[[str], Any]
QUESTIONS = [
    {"inputs": {"question": "What is bail?"}, "expectations": {"answer": "money"}, "tags": {"kind": "term"}},
    {"inputs": {"question": "Who decides?", "turn": 2}, "outputs": "a judge"},
]


@pytest.fixture
def caller_3(person: Person) -> Caller:
    return Caller(person, ROOT_3)


def dataset_make(caller: Caller, person: Person, **body: Any) -> str:
    """The id of a dataset for the person's experiment."""
    status, made = caller.post(
        "datasets/create", **{"name": "questions", "experiment_ids": [str(person.experiment.number)], **body}
    )
    assert status == 200, made
    return str(made["dataset"]["dataset_id"])


def records_send(caller: Caller, dataset_id: str, records: Any) -> tuple[int, dict[str, Any]]:
    return caller.post(f"datasets/{dataset_id}/records", records=json.dumps(records))


@pytest.mark.feature("evaluation", "evaluation datasets: create, records, tags, search, delete")
@pytest.mark.django_db(transaction=True)
def test_the_client_keeps_a_dataset(mlflow_client: MakeClient):
    pytest.importorskip("mlflow")
    from mlflow.genai import datasets

    person = person_make()
    mlflow_client(person.token)
    number = str(person.experiment.number)

    made = datasets.create_dataset("questions", experiment_id=number, tags={"team": "pretrial"})
    made.merge_records(QUESTIONS)
    made.merge_records([{"inputs": {"question": "What is bail?"}, "expectations": {"tone": "plain"}}])
    kept = datasets.get_dataset(name="questions")
    found = datasets.search_datasets(experiment_ids=[number], filter_string="tags.team = 'pretrial'")
    frame = kept.to_df()
    removed = kept.delete_records([frame["dataset_record_id"][1]])
    datasets.set_dataset_tags(kept.dataset_id, {"state": "ready"})
    datasets.delete_dataset_tag(kept.dataset_id, "team")
    again = datasets.get_dataset(dataset_id=kept.dataset_id)

    assert made.dataset_id == kept.dataset_id == found[0].dataset_id
    assert made.dataset_id.startswith("d-")
    assert kept.experiment_ids == [number]
    assert json.loads(kept.profile) == {"num_records": 2}
    assert json.loads(kept.schema)["inputs"] == {"question": "string", "turn": "integer"}
    assert frame["expectations"][0] == {"answer": "money", "tone": "plain"}
    assert frame["outputs"][1] == "a judge"
    assert (removed, len(again.to_df())) == (1, 1)
    assert again.tags["state"] == "ready"
    assert "team" not in again.tags
    assert kept.digest != again.digest

    datasets.delete_dataset(dataset_id=kept.dataset_id)

    assert datasets.search_datasets(experiment_ids=[number]) == []
    assert EvaluationDataset.objects.get().archived_at is not None
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "evaluation_dataset.create",
        "evaluation_dataset.records",
        "evaluation_dataset.update",
        "evaluation_dataset.archive",
    }


@pytest.mark.feature("evaluation", "evaluation datasets shared among experiments")
@pytest.mark.django_db(transaction=True)
def test_the_client_shares_a_dataset_among_experiments(mlflow_client: MakeClient):
    mlflow = pytest.importorskip("mlflow")
    from mlflow.genai import datasets

    person = person_make()
    mlflow_client(person.token)
    other = mlflow.create_experiment("another")
    made = datasets.create_dataset("questions", experiment_id=str(person.experiment.number))

    added = datasets.add_dataset_to_experiments(made.dataset_id, [other])
    left = datasets.remove_dataset_from_experiments(made.dataset_id, [str(person.experiment.number)])

    assert sorted(added.experiment_ids) == sorted([str(person.experiment.number), other])
    assert left.experiment_ids == [other]


@pytest.mark.django_db
def test_strangers_viewers_and_jobs(person: Person, stranger: Person, caller_3: Caller):
    dataset_id = dataset_make(caller_3, person)
    number = str(person.experiment.number)
    reads = [("get", f"datasets/{dataset_id}", {}), ("get", f"datasets/{dataset_id}/records", {})]
    reads.append(("get", f"datasets/{dataset_id}/experiment-ids", {}))
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("post", f"datasets/{dataset_id}/records", {"records": json.dumps(QUESTIONS)}),
        ("delete", f"datasets/{dataset_id}/records", {"dataset_record_ids": ["dr-" + "0" * 32]}),
        ("patch", f"datasets/{dataset_id}/tags", {"tags": '{"a": "b"}'}),
        ("delete", f"datasets/{dataset_id}/tags/a", {}),
        ("post", f"datasets/{dataset_id}/add-experiments", {"experiment_ids": [number]}),
        ("post", f"datasets/{dataset_id}/remove-experiments", {"experiment_ids": [number]}),
        ("delete", f"datasets/{dataset_id}", {}),
        ("post", "datasets/create", {"name": "mine", "experiment_ids": [number]}),
    ]
    viewer = person_make(Role.VIEWER, person.team)
    job = {"Authorization": f"Bearer {attempt_token(person)}"}

    seen = {
        name: [
            [getattr(Caller(who, ROOT_3), method)(path, **body)[0] for method, path, body in calls]
            for calls in (reads, writes)
        ]
        for name, who in (("viewer", viewer), ("stranger", stranger), ("job", job), ("nobody", {}))
    }

    assert seen == {
        "viewer": [[200] * 3, [403] * 8],
        "stranger": [[404] * 3, [404] * 8],
        "job": [[404] * 3, [404] * 8],
        "nobody": [[401] * 3, [401] * 8],
    }
    assert Caller(stranger, ROOT_3).post("datasets/search") == (200, {})
    assert not EvaluationRecord.objects.exists()


@pytest.mark.django_db
def test_a_dataset_and_its_experiments_are_of_one_team(caller_3: Caller, person: Person):
    both = person_make()
    from apps.accounts.models import Grant

    Grant.objects.create(user=person.user, team=both.team, role=Role.DATA_SCIENTIST)
    dataset_id = dataset_make(caller_3, person)

    status, body = caller_3.post(f"datasets/{dataset_id}/add-experiments", experiment_ids=[str(both.experiment.number)])

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert caller_3.get(f"datasets/{dataset_id}/experiment-ids")[1]["experiment_ids"] == [str(person.experiment.number)]


@pytest.mark.django_db
def test_records_come_in_pages_in_their_order(caller_3: Caller, person: Person, monkeypatch):
    dataset_id = dataset_make(caller_3, person)
    records_send(caller_3, dataset_id, [{"inputs": {"n": n}} for n in range(7)])

    seen, token, pages = [], "", 0
    while token or not pages:
        query = {"max_results": 3, **({"page_token": token} if token else {})}
        _, body = caller_3.get(f"datasets/{dataset_id}/records", **query)
        seen += [record["inputs"]["n"] for record in json.loads(body["records"])]
        token, pages = body.get("next_page_token", ""), pages + 1
    from apps.experiments.selectors import evaluation_datasets as pages_of

    monkeypatch.setattr(pages_of, "_PAGE_SIZE", 1)
    _, short = caller_3.get(f"datasets/{dataset_id}/records")
    other = dataset_make(caller_3, person, name="other")
    foreign = caller_3.get(f"datasets/{other}/records", page_token=short["next_page_token"])

    assert (seen, pages) == (list(range(7)), 3)
    assert len(json.loads(short["records"])) == 1
    assert foreign[0] == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "records",
    [
        "{}",
        "[1]",
        "nonsense",
        '[{"inputs": 7}]',
        '[{"inputs": {"a": NaN}}]',
        '[{"inputs": {"a": 1e999}}]',
        '[{"inputs": {"a": "\\u0000"}}]',
        '[{"inputs": {"a": "\\ud800"}}]',
        '[{"inputs": {"a": 1}, "tags": {"' + "k" * 256 + '": "v"}}]',
        '[{"inputs": {"a": 1}, "tags": {"k": "' + "v" * 5001 + '"}}]',
        '[{"inputs": {"a": 1}, "source": {"source_type": "MAGIC"}}]',
        '[{"inputs": {"a": 1}, "expectations": "yes"}]',
        '[{"inputs": {"a": "' + "x" * 1_000_000 + '"}}]',
        "[" * 100_000 + "]" * 100_000,
    ],
    ids=range(14),
)
def test_records_that_cannot_be_kept_are_refused(caller_3: Caller, person: Person, records: str):
    dataset_id = dataset_make(caller_3, person)

    status, body = caller_3.post(f"datasets/{dataset_id}/records", records=records)

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not EvaluationRecord.objects.exists()


@pytest.mark.django_db
def test_the_number_of_records_is_limited(caller_3: Caller, person: Person, monkeypatch):
    dataset_id = dataset_make(caller_3, person)
    monkeypatch.setattr(limits, "RECORDS_LIMIT", 2)

    first = records_send(caller_3, dataset_id, [{"inputs": {"n": n}} for n in (1, 2, 2)])
    third = records_send(caller_3, dataset_id, [{"inputs": {"n": 3}}])

    assert first == (200, {"inserted_count": 2, "updated_count": 1})
    assert third[0] == 400
    assert EvaluationRecord.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "n" * 256},
        {"name": "n", "tags": "[]"},
        {"name": "n", "tags": "{"},
        {"name": "n", "tags": json.dumps({"k" * 256: "v"})},
        {"name": "n", "tags": json.dumps({str(n): "v" for n in range(101)})},
        {"name": "n", "experiment_ids": "1"},
        {"name": "n", "experiment_ids": [str(n) for n in range(101)]},
        {"name": "n", "experiment_ids": ["x"]},
    ],
)
def test_what_is_no_dataset_is_refused(caller_3: Caller, body: dict[str, Any]):
    status, answer = caller_3.post("datasets/create", **body)

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not EvaluationDataset.objects.exists()


@pytest.mark.django_db
def test_datasets_are_found_by_what_they_say(caller_3: Caller, person: Person):
    first = dataset_make(caller_3, person, name='a "quoted" name', tags='{"kind": "term"}')
    second = dataset_make(caller_3, person, name="second", experiment_ids=[])

    def found(**query: Any) -> list[str]:
        status, body = caller_3.post("datasets/search", **query)
        assert status == 200, body
        return [row["dataset_id"] for row in body.get("datasets", [])]

    assert found() == [second, first]
    assert found(order_by=["name"]) == [first, second]
    assert found(filter_string="name = 'a \"quoted\" name'") == [first]
    assert found(filter_string="tags.kind = 'term' AND created_time > 0") == [first]
    assert found(filter_string=f"created_by = '{person.actor.label}' AND name LIKE 'sec%'") == [second]
    assert found(experiment_ids=[str(person.experiment.number)]) == [first]
    assert caller_3.post("datasets/search", filter_string="digest = 'x'")[0] == 400
    assert caller_3.post("datasets/search", max_results=1001)[0] == 400
    page = caller_3.post("datasets/search", max_results=1)[1]
    assert found(max_results=1, page_token=page["next_page_token"]) == [first]


@pytest.mark.django_db
def test_another_site_cannot_ride_a_session_to_a_dataset(person: Person):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person.user)

    posted = browser.post(ROOT_3 + "datasets/create", {"name": "planted"}, content_type="application/json")
    simple = browser.post(ROOT_3 + "datasets/create", '{"name": "planted"}', content_type="text/plain")

    assert (posted.status_code, simple.status_code) == (403, 403)
    assert not EvaluationDataset.objects.exists()
