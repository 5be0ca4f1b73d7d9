"""Rows that count by a weight, and rankings: asked on forms and by the API, refused at the field, shown like others."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.core.errors import Invalid
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.evaluations import selectors, services
from apps.evaluations.models import Evaluation
from apps.evaluations.services import Company, RowColumns
from apps.evaluations.tests.factories import evaluation_end, evaluation_running, report_make, report_other, stage_make
from apps.evaluations.tests.predictions import NAME, ORDER, judge, others, scores, table_make
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.problems import selectors as problems
from apps.registry.services import Brought
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db


def weight(place: int) -> float:
    return 0.5 + place % 4


def lists(place: int) -> str:
    return f"list {place // 10}"


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=person.id))
    return client


def _api(person) -> Client:
    user = User.objects.get(pk=person.id)
    _, secret = token_create(actor=person, user=user, name="t", scopes=["read", "write"], days=1)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def _refused(call) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        call()
    ((field, (text, *_)),) = caught.value.fields.items()
    return field, text


def test_the_role_of_a_weight_is_taken_and_can_be_left_aside():
    ground = ground_make()
    data = table_make(ground, score=scores, w=weight)
    dataset_services.version_roles_save(actor=ground.scientist, version_id=data.pk, roles={"w": "WEIGHT"})
    data = datasets.dataset_version_get(ground.scientist, data.pk)

    taken = judge(ground, data)
    aside = judge(ground, data, row_columns=RowColumns(weight=""))
    named = judge(ground, data, row_columns=RowColumns(weight="age"))

    assert taken.job.spec["weight"] == "w"
    assert "w" not in {one["name"] for one in taken.job.spec["features"]}
    assert "weight" not in aside.job.spec
    assert named.job.spec["weight"] == "age"
    two = _refused(
        lambda: dataset_services.version_roles_save(
            actor=ground.scientist, version_id=table_make(ground, w=weight).pk, roles={"w": "WEIGHT", "age": "WEIGHT"}
        )
    )
    assert two[0].startswith("roles.")


def test_columns_that_weigh_nothing_are_refused_at_the_field():
    ground = ground_make()
    data = table_make(ground, score=scores, zero=lambda place: place - 3)

    def refused(name: str) -> str:
        field, text = _refused(lambda: judge(ground, data, row_columns=RowColumns(weight=name)))
        assert field == "weight_column"
        return text

    assert "no column" in refused("nowhere")
    assert "holds no numbers" in refused("colour")
    assert "goes down to -3" in refused("zero")
    assert "is the truth" in refused(problems.version_current(ground.problem).target)
    assert _refused(lambda: judge(ground, data, row_columns=RowColumns(query="age")))[0] == "query_column"
    assert not Evaluation.objects.exists()


def test_the_forms_offer_the_weight_and_the_api_takes_it():
    ground = ground_make()
    data = table_make(ground, score=scores, w=weight)
    client, api = _client(ground.scientist), _api(ground.scientist)
    url = reverse("predictions-judge")

    page = client.get(f"{url}?data={data.pk}").content.decode()
    said = {"data": str(data.pk), "name": NAME, "column": "score", "part": "all", "weight_column": "w"}
    answer = client.post(url, said)
    by_form = Evaluation.objects.get()
    body = {"dataset_version_id": str(data.pk), "name": NAME, "column": "score", "weight_column": "w"}
    made = api.post("/api/v1/evaluations/predictions", body, content_type="application/json")
    wrong = api.post("/api/v1/evaluations/predictions", body | {"weight_column": "x"}, content_type="application/json")
    again = api.post(
        "/api/v1/evaluations",
        {"model_version_id": str(by_form.model_version_id), "weight_column": "w"},
        content_type="application/json",
    )
    launch = client.get(f"{reverse('evaluation-launch')}?version={by_form.model_version_id}").content.decode()

    assert "by their w" in page
    assert (answer.status_code, by_form.job.spec["weight"]) == (302, "w")
    assert made.status_code == 201
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["weight_column"])
    assert Evaluation.objects.get(pk=again.json()["id"]).job.spec["weight"] == "w"
    assert "by their w" in launch


def test_a_retry_counts_the_rows_as_before():
    ground = ground_make()
    evaluation = judge(ground, table_make(ground, score=scores, w=weight), row_columns=RowColumns(weight="w"))
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.job_finish(claim=claim, status=exited(1))

    again = jobs.job_retry(actor=ground.scientist, job_id=evaluation.job_id)

    assert again.spec["weight"] == "w"


def test_a_threshold_is_not_explored_on_weighted_bins():
    stage = stage_make()
    evaluation = evaluation_running(stage)
    report, statistics = report_make(problems.segment_specs(evaluation.problem_version), weighted=True)
    evaluation_end(evaluation, {"report": report.to_json()}, statistics)
    client = _client(stage.ground.owner)

    page = client.get(reverse("evaluation-threshold", args=[evaluation.pk]))
    whole = client.get(reverse("evaluation-detail", args=[evaluation.pk]))

    assert "rows that count alike" in page.content.decode()
    assert whole.status_code == 200


def _order(**columns):
    ground = ground_make(**ORDER)
    data = table_make(ground, score=lambda place: 3.5 * scores(place) - 1, old=others, q=lists, **columns)
    dataset_services.version_roles_save(actor=ground.scientist, version_id=data.pk, roles={"q": "QUERY"})
    return ground, datasets.dataset_version_get(ground.scientist, data.pk)


def test_a_ranking_is_judged_by_queries_and_shown_like_any_other():
    ground, data = _order()

    evaluation = judge(ground, data, services.Against(brought=Brought("Old order", "old")))
    spec = evaluation.job.spec
    report = report_other("RANKING", problems.segment_specs(evaluation.problem_version))
    evaluation_end(evaluation, {"report": report.to_json()})
    evaluation.refresh_from_db()
    client = _client(ground.owner)
    page = client.get(reverse("evaluation-detail", args=[evaluation.pk]))
    text = page.content.decode()

    assert (spec["task"], spec["query"], spec["cutoffs"]) == ("RANKING", "q", [5, 10])
    assert not {"q", "score", "old"} & {one["name"] for one in spec["features"]}
    assert evaluation.state == Evaluation.State.COMPLETE
    assert evaluation.headline.startswith("NDCG@10 of ")
    assert page.status_code == 200
    assert "NDCG@10" in text
    assert "Exposure" in text
    assert "Weak slices" not in text
    for part in ("curves", "matrix", "forest"):
        headers = {"HX-Target": part, "HX-Request": "true"}
        assert client.get(reverse("evaluation-detail", args=[evaluation.pk]), headers=headers).status_code == 200
    for name in ("slices", "flips", "fairness", "behaviour", "combination", "csv", "json", "exports"):
        assert client.get(reverse(f"evaluation-{name}", args=[evaluation.pk])).status_code in (200, 404)
    group = client.get(f"{reverse('evaluation-group', args=[evaluation.pk])}?key=overall")
    assert group.status_code == 200
    assert services.export_make(actor=ground.owner, evaluation_id=evaluation.pk, format="HTML")[1]
    assert selectors.verdict_of(evaluation, report).metric == "ndcg:10"


def test_what_no_ranking_can_have_is_refused_at_the_field():
    ground, data = _order()
    plain = table_make(ground, score=scores)
    first = judge(ground, data)

    assert _refused(lambda: judge(ground, plain))[0] == "query_column"
    assert _refused(lambda: judge(ground, data, row_columns=RowColumns(query="nowhere")))[0] == "query_column"
    assert _refused(lambda: judge(ground, data, row_columns=RowColumns(weight="age")))[0] == "weight_column"
    other = judge(ground, data, column="old", name="Old order").model_version_id
    field, text = _refused(
        lambda: services.evaluation_launch(
            actor=ground.scientist, model_version_id=first.model_version_id, company=Company.of([other])
        )
    )
    assert field == "member_version_ids"
    assert "not combined" in text


def test_the_form_of_a_ranking_asks_for_the_query():
    ground, data = _order()
    client = _client(ground.scientist)
    url = reverse("predictions-judge")
    said = {"data": str(data.pk), "name": NAME, "column": "score", "part": "all"}

    page = client.get(f"{url}?data={data.pk}").content.decode()
    missing = client.post(url, said)
    made = client.post(url, said | {"query_column": "q"})
    version = Evaluation.objects.get().model_version_id
    launch = client.get(f"{reverse('evaluation-launch')}?version={version}")
    train = client.get(f"{reverse('training-launch')}?problem={ground.problem.pk}")

    assert 'name="query_column"' in page
    assert 'name="weight_column"' not in page
    assert missing.status_code == 422
    assert made.status_code == 302
    assert 'name="query_column"' in launch.content.decode()
    assert train.status_code == 200, "no recipe learns an order, which breaks no page"
