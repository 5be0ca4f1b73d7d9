"""The pages of evaluation datasets: what they show, to whom, and what may be done on them."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Team
from apps.accounts.tests.factories import user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.experiments import services
from apps.experiments.models import EvaluationDataset, EvaluationRecord, Experiment
from apps.experiments.services import RecordDraft
from apps.experiments.tests.factories import experiment_make, scientist
from apps.experiments.web import evaluation_datasets as web

pytestmark = pytest.mark.django_db
LONG = "who decides " * 300


@pytest.fixture
def author() -> tuple[Actor, Team]:
    return scientist()


@pytest.fixture
def experiment(author: tuple[Actor, Team]) -> Experiment:
    return experiment_make(*author, name="Advice")


@pytest.fixture
def dataset(author: tuple[Actor, Team], experiment: Experiment) -> EvaluationDataset:
    """Three records: a plain one, one with everything, one with a long question."""
    actor, team = author
    made = services.evaluation_dataset_create(
        actor=actor, team_id=team.pk, name="questions", experiments=[experiment], tags={"stage": "draft"}
    )
    source = {"source_type": "TRACE", "source_data": {"trace_id": "tr-" + "7" * 32}}
    drafts = [
        RecordDraft(inputs={"question": "What is bail?"}),
        RecordDraft(
            inputs={"question": "Who decides?"},
            outputs="a judge",
            has_outputs=True,
            expectations={"answer": "a judge"},
            tags={"kind": "role"},
            source=source,
        ),
        RecordDraft(inputs={"question": LONG}, expectations={"answer": LONG}),
    ]
    services.evaluation_records_upsert(actor=actor, dataset_id=made.pk, drafts=drafts)
    made.refresh_from_db()
    return made


def browser(team: Team, role: Role = Role.DATA_SCIENTIST) -> Client:
    client = Client()
    client.force_login(user_make(role=role, team=team))
    return client


def shown(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return " ".join(answer.content.decode().split())


def page_of(client: Client, name: str, pk: object = None, **query: object) -> str:
    return shown(client.get(reverse(name, args=[pk] if pk else []), query))


def rows_of(told: str) -> str:
    return " ".join(re.findall(r"<tbody.*?</tbody>", told))


def test_another_team_finds_nothing_and_nobody_comes_without_signing_in(dataset: EvaluationDataset):
    record = dataset.records.first()
    assert record is not None
    stranger = browser(scientist()[1])
    paths = [
        reverse("evaluation-dataset-detail", args=[dataset.pk]),
        reverse("evaluation-record-detail", args=[record.pk]),
    ]

    for path in paths:
        assert Client().get(path).status_code == 302
        assert stranger.get(path).status_code == 404
    assert stranger.post(reverse("evaluation-dataset-archive", args=[dataset.pk])).status_code == 404
    assert "questions" not in rows_of(page_of(stranger, "evaluation-dataset-list"))
    assert page_of(stranger, "evaluation-dataset-list", experiment=uuid.uuid4())


def test_an_empty_list_shows_how_to_make_one_to_those_who_may(author: tuple[Actor, Team]):
    maker = page_of(browser(author[1]), "evaluation-dataset-list")
    reader = page_of(browser(author[1], Role.VIEWER), "evaluation-dataset-list")

    assert "No evaluation dataset yet" in maker
    assert "datasets.create_dataset(&quot;questions&quot;" in maker
    assert "create_dataset" not in reader
    assert "A data scientist or an operator makes one" in reader


def test_the_list_says_how_much_each_holds_and_for_which_experiments(
    author: tuple[Actor, Team], dataset: EvaluationDataset, experiment: Experiment
):
    actor, team = author
    others = [experiment_make(actor, team, name=f"Other {n}") for n in range(3)]
    services.evaluation_dataset_experiments_change(actor=actor, dataset_id=dataset.pk, add=others)
    services.evaluation_dataset_create(actor=actor, team_id=team.pk, name="empty one")
    client = browser(team, Role.VIEWER)

    told = rows_of(page_of(client, "evaluation-dataset-list"))
    of_experiment = rows_of(page_of(client, "evaluation-dataset-list", experiment=others[0].pk))
    by_tag = rows_of(page_of(client, "evaluation-dataset-list", q="draft"))
    nonsense = rows_of(page_of(client, "evaluation-dataset-list", experiment="x"))
    fewest = re.findall(
        r"<a href=\"/experiments/evaluation[^>]*>([^<]+)</a>",
        page_of(client, "evaluation-dataset-list", sort="records"),
    )
    file = client.get(reverse("evaluation-dataset-list"), {"format": "csv"}).getvalue().decode("utf-8-sig")

    assert re.search(r'data-label="Records"><span class="fw-cell"><span class="fw-num">3<', told)
    assert "stage draft" in told
    assert reverse("experiment-detail", args=[experiment.pk]) in told
    assert "and 2 more" in told
    for found in (of_experiment, by_tag):
        assert "questions" in found
        assert "empty one" not in found
    assert "empty one" in nonsense
    assert [name for name in fewest if name in ("questions", "empty one")] == ["questions", "empty one"]
    row = next(row for row in csv.DictReader(io.StringIO(file)) if row["Evaluation dataset"] == "questions")
    assert row["Records"] == "3"
    assert row["Tags"] == '{"stage": "draft"}'


def test_the_pages_of_experiments_lead_to_them(author: tuple[Actor, Team], dataset: EvaluationDataset):
    actor, team = author
    without = experiment_make(actor, team)
    client, where = browser(team, Role.VIEWER), reverse("evaluation-dataset-list")
    judged = dataset.experiments.get()

    assert where in page_of(client, "experiment-list")
    assert f"{where}?experiment={judged.pk}" in page_of(client, "experiment-detail", judged.pk)
    assert where not in page_of(client, "experiment-detail", without.pk)


def test_a_dataset_shows_its_records_cut_and_one_record_whole(author: tuple[Actor, Team], dataset: EvaluationDataset):
    client = browser(author[1], Role.VIEWER)
    long = EvaluationRecord.objects.get(inputs__question=LONG)
    full = EvaluationRecord.objects.get(inputs__question="Who decides?")

    told = page_of(client, "evaluation-dataset-detail", dataset.pk)
    whole = page_of(client, "evaluation-record-detail", long.pk)
    everything = page_of(client, "evaluation-record-detail", full.pk)

    rows = rows_of(told)
    assert "{&quot;question&quot;: &quot;What is bail?&quot;}" in rows
    assert "a judge" in rows
    assert "kind role" in rows
    assert ">trace<" in rows
    assert "…" in rows
    assert rows.count("who decides") < 40
    assert "for clients" not in told
    assert f"d-{dataset.pk.hex}" in told
    assert "Advice" in told
    assert " ".join(LONG.split()) in whole
    assert "role" in everything
    assert f"q=tr-{'7' * 32}" in everything
    assert "None were given." in page_of(client, "evaluation-record-detail", dataset.records.order_by("id").first().pk)


def test_records_are_found_and_paged_on_the_server(author: tuple[Actor, Team], dataset: EvaluationDataset):
    actor, team = author
    drafts = [RecordDraft(inputs={"question": f"number {n}", "n": n}) for n in range(60)]
    services.evaluation_records_upsert(actor=actor, dataset_id=dataset.pk, drafts=drafts)
    client = browser(team, Role.VIEWER)

    first = page_of(client, "evaluation-dataset-detail", dataset.pk)
    found = page_of(client, "evaluation-dataset-detail", dataset.pk, q="number 59")
    traced = page_of(client, "evaluation-dataset-detail", dataset.pk, source="TRACE")
    where = reverse("evaluation-dataset-detail", args=[dataset.pk])
    part = shown(client.get(where, headers={"HX-Request": "true", "HX-Target": "table-records"}))

    assert rows_of(first).count("<tr data-href") == 50
    assert 'rel="next"' in first
    assert rows_of(found).count("<tr data-href") == 1
    assert "number 59" in rows_of(found)
    assert rows_of(traced).count("<tr data-href") == 1
    assert "<h1>" not in part
    assert rows_of(part).count("<tr data-href") == 50


def test_a_file_of_records_has_them_whole(
    author: tuple[Actor, Team], dataset: EvaluationDataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "_AT_ONCE", 5_000)
    client, where = browser(author[1], Role.VIEWER), reverse("evaluation-dataset-detail", args=[dataset.pk])

    file = client.get(where, {"format": "csv"}).getvalue().decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(file)))
    assert [row["Inputs"][:24] for row in rows] == [
        '{"question": "What is ba',
        '{"question": "Who decide',
        '{"question": "who decide',
    ]
    assert LONG in rows[2]["Expectations"]
    assert (rows[0]["Outputs"], rows[1]["Outputs"]) == ("", '"a judge"')
    assert rows[1]["Tags"] == '{"kind": "role"}'


def test_values_are_escaped(author: tuple[Actor, Team]):
    actor, team = author
    evil = "<script>alert(1)</script>"
    made = services.evaluation_dataset_create(actor=actor, team_id=team.pk, name=evil, tags={evil: evil})
    source = {"source_type": "TRACE", "source_data": {"trace_id": evil}}
    draft = RecordDraft(inputs={evil: evil}, expectations={"a": evil}, tags={evil: evil}, source=source)
    services.evaluation_records_upsert(actor=actor, dataset_id=made.pk, drafts=[draft])
    client = browser(team)
    record = EvaluationRecord.objects.get()

    for told in (
        page_of(client, "evaluation-dataset-list"),
        page_of(client, "evaluation-dataset-detail", made.pk),
        page_of(client, "evaluation-record-detail", record.pk),
    ):
        assert evil not in told
        assert "&lt;script&gt;" in told


def test_who_runs_jobs_archives_a_dataset_and_brings_it_back(author: tuple[Actor, Team], dataset: EvaluationDataset):
    where = reverse("evaluation-dataset-archive", args=[dataset.pk])
    viewer, operator = browser(author[1], Role.VIEWER), browser(author[1], Role.OPERATOR)

    refused = viewer.post(where)
    offered = where in page_of(viewer, "evaluation-dataset-detail", dataset.pk)
    operator.post(where)
    gone = rows_of(page_of(operator, "evaluation-dataset-list"))
    archived = rows_of(page_of(operator, "evaluation-dataset-list", archived=1))
    told = page_of(operator, "evaluation-dataset-detail", dataset.pk)
    operator.post(where)

    assert refused.status_code == 403
    assert not offered
    assert "questions" not in gone
    assert "questions" in archived
    assert "<b>Archived.</b>" in told
    assert "Restore" in told
    assert "questions" in rows_of(page_of(operator, "evaluation-dataset-list"))
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions[-2:] == ["evaluation_dataset.archive", "evaluation_dataset.restore"]


def test_a_dataset_without_records_says_how_to_add_them(author: tuple[Actor, Team]):
    actor, team = author
    made = services.evaluation_dataset_create(actor=actor, team_id=team.pk, name="empty")

    told = page_of(browser(team), "evaluation-dataset-detail", made.pk)

    assert "No record yet" in told
    assert "merge_records" in told
    assert f"get_dataset(dataset_id=&quot;d-{made.pk.hex}&quot;)" in told


def test_each_page_keeps_within_its_queries(
    author: tuple[Actor, Team], dataset: EvaluationDataset, django_assert_max_num_queries: Any
):
    client = browser(author[1])
    page_of(client, "evaluation-dataset-list")
    record = dataset.records.first()
    assert record is not None

    for name, pk in (
        ("evaluation-dataset-list", None),
        ("evaluation-dataset-detail", dataset.pk),
        ("evaluation-record-detail", record.pk),
    ):
        with django_assert_max_num_queries(10):
            page_of(client, name, pk)
