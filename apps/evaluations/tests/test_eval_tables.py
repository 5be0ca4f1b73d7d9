"""Evaluation tables of MLflow runs: read by a job, judged by themselves, or refused with what they lack."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.datasets import services as dataset_services
from apps.datasets.tests.factories import HEADER, profile_end, rows_make
from apps.evaluations import services
from apps.evaluations.models import Evaluation, TableJudgement
from apps.evaluations.tests.predictions import scores
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make
from apps.jobs.models import Job
from apps.lineage.models import LineageEdge
from apps.registry.services import Brought
from apps.training.tests.factories import Ground, ground_make

pytestmark = pytest.mark.django_db
PATH = "eval_results_table.json"


def table_bytes(without: str = "", **columns: Any) -> bytes:
    rows = [[*row, *(value(place) for value in columns.values())] for place, row in enumerate(rows_make(120))]
    names = [*HEADER, *columns]
    keep = [place for place, name in enumerate(names) if name != without]
    data = [[row[place] for place in keep] for row in rows]
    return json.dumps({"columns": [names[place] for place in keep], "data": data}).encode()


def run_evaluated(ground: Ground, content: bytes | None = None, path: str = PATH):
    experiment = experiment_make(ground.scientist, ground.team, problem_id=ground.problem.pk)
    run = run_make(ground.scientist, experiment)
    artifact_make(ground.scientist, run, path, content if content is not None else table_bytes(outputs=scores))
    return run


def judge(ground: Ground, run, actor=None, **said: Any) -> TableJudgement:
    more = {name: said.pop(name) for name in ("path", "problem_id", "row_columns") if name in said}
    return services.table_judge(
        actor=actor or ground.scientist,
        run_id=run.pk,
        brought=Brought(**({"name": "Notebook", "column": "outputs"} | said)),
        **more,
    )


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _page(client, run) -> str:
    return client.get(reverse("run-detail", args=[run.pk])).content.decode()


def test_a_table_is_read_first_and_then_judged_by_itself():
    ground = ground_make()
    run = run_evaluated(ground)

    judgement = judge(ground, run)
    waiting = _page(_client(ground.scientist), run)
    version = judgement.dataset_version
    assert (judgement.state, version.state, version.format) == ("WAITING", "PROFILING", "json")
    assert Job.objects.get(pk=version.job_id).spec["table"]["format"] == "json"
    profile_end(version)

    judgement.refresh_from_db()
    evaluation = judgement.evaluation
    assert judgement.state == "JUDGED"
    assert evaluation.model_version.brought_columns["column"] == "outputs"
    assert evaluation.model_version.model.name == "Notebook"
    assert evaluation.created_by_label == ground.scientist.label
    assert evaluation.job.spec["candidate"]["answers"]["column"] == "outputs"
    assert "reads the table; the evaluation starts by itself" in waiting
    assert f"Evaluation {evaluation.number}" in _page(_client(ground.scientist), run)
    assert LineageEdge.objects.filter(subject_id=version.pk, relation="DERIVED_FROM", object_id=run.pk).exists()
    assert {"table.judge", "version.bring", "evaluation.launch"} <= set(
        AuditEvent.objects.values_list("action", flat=True)
    )


def test_the_same_table_is_read_once():
    ground = ground_make()
    run = run_evaluated(ground)
    first = judge(ground, run)
    profile_end(first.dataset_version)

    again = judge(ground, run, threshold=0.5)

    assert again.dataset_version == first.dataset_version
    assert (again.state, again.evaluation.threshold) == ("JUDGED", 0.5)


@pytest.mark.parametrize(
    ("content", "said", "sentence"),
    [
        (table_bytes("released", outputs=scores), {}, "no column “released”, which holds the truth"),
        (table_bytes(), {}, "no column “outputs” with the model's answers"),
        (table_bytes(outputs=lambda place: place), {}, "“outputs”"),
        (table_bytes(outputs=scores), {"column": "colour"}, "“colour”"),
        (table_bytes(outputs=scores), {"row_columns": services.RowColumns(weight="nowhere")}, "“nowhere”"),
    ],
)
def test_what_a_table_lacks_is_said_on_the_page_of_the_run(content, said, sentence):
    ground = ground_make()
    run = run_evaluated(ground, content)
    judgement = judge(ground, run, **said)

    profile_end(judgement.dataset_version)

    judgement.refresh_from_db()
    assert judgement.state == "REFUSED"
    assert sentence in judgement.cause
    assert "It has “" in judgement.cause
    assert not Evaluation.objects.exists()
    assert not judgement.dataset_version.dataset.versions.filter(state="FAILED").exists()
    assert "not judged" in _page(_client(ground.scientist), run)


def test_a_file_that_no_table_can_be_read_from_is_refused_with_the_words_of_the_job():
    ground = ground_make()
    judgement = judge(ground, run_evaluated(ground, b"{"))
    job = Job.objects.get(pk=judgement.dataset_version.job_id)

    with transaction.atomic():
        dataset_services.profile_fail(job, "it crashed")

    judgement.refresh_from_db()
    assert judgement.state == "REFUSED"
    assert "it crashed" in judgement.cause


def test_who_lost_the_right_meanwhile_gets_no_evaluation():
    ground = ground_make()
    judgement = judge(ground, run_evaluated(ground))
    User.objects.filter(pk=ground.scientist.id).update(is_active=False)

    profile_end(judgement.dataset_version)

    judgement.refresh_from_db()
    assert judgement.state == "REFUSED"
    assert not Evaluation.objects.exists()


def test_only_tables_of_a_visible_run_and_an_accepted_problem_are_taken():
    ground, strange = ground_make(), ground_make()
    run = run_evaluated(ground)
    other = run_evaluated(strange)
    artifact_make(ground.scientist, run, "notes.json", b"{}")

    with pytest.raises(NotFound):
        judge(ground, other)
    with pytest.raises(NotFound):
        judge(ground, run, problem_id=strange.problem.pk)
    with pytest.raises(NotFound):
        judge(ground, run, path="nowhere/eval_results_table.json")
    with pytest.raises(Invalid) as caught:
        judge(ground, run, path="notes.json")
    assert list(caught.value.fields) == ["path"]
    with pytest.raises(Forbidden):
        judge(ground, run, actor=ground.owner)
    bare = run_make(ground.scientist, experiment_make(ground.scientist, ground.team))
    artifact_make(ground.scientist, bare, PATH, table_bytes(outputs=scores))
    with pytest.raises(Invalid) as caught:
        judge(ground, bare)
    assert list(caught.value.fields) == ["problem_id"]
    assert not TableJudgement.objects.exists()


def test_the_form_offers_the_tables_of_the_run():
    ground = ground_make()
    run = run_evaluated(ground, path="holdout/eval_results_table.json")
    client = _client(ground.scientist)
    url = f"{reverse('table-judge')}?run={run.pk}"
    said = {
        "run": str(run.pk),
        "path": "holdout/eval_results_table.json",
        "problem_id": str(ground.problem.pk),
        "name": "Notebook",
        "column": "outputs",
    }

    with CaptureQueriesContext(connection) as asked:
        page = client.get(url).content.decode()
    wrong = client.post(reverse("table-judge"), said | {"path": "other.json"})
    made = client.post(reverse("table-judge"), said)
    viewer = _client(user_make(role=Role.VIEWER, team=ground.team).pk)

    assert len(asked) <= 15
    assert "holdout/eval_results_table.json" in page
    assert wrong.status_code == 422
    assert (made.status_code, made["Location"]) == (302, f"{reverse('run-detail', args=[run.pk])}#tables")
    assert TableJudgement.objects.get().path == "holdout/eval_results_table.json"
    assert "You may not judge" in viewer.get(url).content.decode()
    assert viewer.post(reverse("table-judge"), said).status_code == 403
    assert client.get(reverse("table-judge")).status_code == 404
    assert client.get(f"{reverse('table-judge')}?run=x").status_code == 404
    bare = run_make(ground.scientist, experiment_make(ground.scientist, ground.team))
    assert "logged no evaluation table" in client.get(f"{reverse('table-judge')}?run={bare.pk}").content.decode()
    assert 'id="tables"' not in _page(client, bare)


def test_the_api_asks_waits_and_tells():
    ground = ground_make()
    run = run_evaluated(ground)
    user = User.objects.get(pk=ground.scientist.id)
    _, secret = token_create(actor=ground.scientist, user=user, name="t", scopes=["read", "write"], days=1)
    api = Client(headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"})
    url = f"/api/v1/runs/{run.pk}/evaluation-tables"

    made = api.post(url, {"name": "Notebook", "column": "outputs"}, content_type="application/json")
    again = api.post(url, {"name": "Notebook", "column": "outputs"}, content_type="application/json")
    wrong = api.post(
        url,
        {"name": "Notebook", "path": "a.txt"},
        content_type="application/json",
        headers={"Idempotency-Key": "two"},
    )
    profile_end(TableJudgement.objects.get().dataset_version)
    one = api.get(f"/api/v1/evaluation-tables/{made.json()['id']}").json()

    assert (made.status_code, made.json()["state"]) == (201, "WAITING")
    assert again.json()["id"] == made.json()["id"]
    assert wrong.status_code == 404
    assert one["state"] == "JUDGED"
    assert one["evaluation_id"]
    assert [row["id"] for row in api.get(url).json()["results"]] == [one["id"]]
    assert api.get(f"/api/v1/evaluation-tables/{uuid.uuid4()}").status_code == 404
