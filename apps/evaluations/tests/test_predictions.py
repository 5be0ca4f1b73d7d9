"""Predictions made elsewhere: registered without files, judged on their own rows, and nothing more."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets import services as data_services
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import HEADER, csv_bytes, dataset_make, rows_make, version_sealed
from apps.evaluations import selectors, services
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import Stage, evaluation_end, report_make, stage_make, version_trained
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.lineage import selectors as lineage
from apps.problems import selectors as problems
from apps.problems.tests.factories import problem_accepted
from apps.registry.models import Model, ModelVersion
from apps.registry.services import Brought
from apps.registry.tests.factories import SIGNATURE
from apps.training.tests.factories import Ground, ground_make

pytestmark = pytest.mark.django_db
NAME = "Scorecard of the ministry"


def table_make(ground: Ground, header: list[str] | None = None, rows: Any = None, **columns: Any) -> DatasetVersion:
    """A sealed table of the problem with further columns: a value for each row from its number."""
    body = rows or rows_make(120)
    added = [[str(value(place)) for value in columns.values()] for place in range(len(body))]
    content = csv_bytes([row + more for row, more in zip(body, added, strict=True)], [*(header or HEADER), *columns])
    dataset = dataset_make(ground.scientist, ground.team, ground.problem)
    return version_sealed(ground.scientist, dataset, content)


def scores(place: int) -> float:
    return (place * 37 % 101) / 100


def others(place: int) -> float:
    return (place * 53 % 97) / 96.5


def judge(ground: Ground, data: DatasetVersion, against: services.Against | None = None, **said: Any) -> Evaluation:
    part = said.pop("part", None)
    return services.predictions_judge(
        actor=said.pop("actor", ground.scientist),
        dataset_version_id=data.pk,
        brought=Brought(**({"name": NAME, "column": "score"} | said)),
        against=against or services.Against(),
        part=part,
    )


def test_scores_become_a_version_without_files_that_is_judged_on_all_its_rows():
    ground = ground_make()
    data = table_make(ground, score=scores)

    evaluation = judge(ground, data)

    version = evaluation.model_version
    assert (version.state, version.format, version.manifest) == ("SEALED", "predictions", [])
    assert (version.model.name, version.model.problem, version.task) == (NAME, ground.problem, "BINARY")
    assert version.classes == ["No", "Yes"]
    assert version.threshold == pytest.approx(0.75), "from the costs of errors, as for trained versions"
    assert version.source == f"datasets:/{data.pk.hex}/score"
    spec = evaluation.job.spec
    assert (spec["part"], spec["baseline"]) == ("all", None)
    assert spec["candidate"]["answers"] == {"column": "score", "scores": []}
    assert "score" not in [one["name"] for one in spec["features"]]
    assert [one["name"] for one in evaluation.job.files] == ["table.parquet"]
    graph = lineage.lineage_of(ground.scientist, "registry.modelversion", version.pk)
    assert {edge.object.id for edge in graph.upstream} == {data.pk}
    assert {"version.bring", "evaluation.launch"} <= set(AuditEvent.objects.values_list("action", flat=True))


def test_the_same_answers_are_the_same_version_and_another_threshold_is_another():
    ground = ground_make()
    data = table_make(ground, score=scores)

    first, again = judge(ground, data), judge(ground, data)
    other = judge(ground, data, threshold=0.5)

    assert first.model_version == again.model_version
    assert first.pk != again.pk
    assert (other.model_version.model_id, other.model_version.number) == (first.model_version.model_id, 2)
    assert other.threshold == 0.5


def test_what_is_finished_is_a_report_like_any_other():
    ground = ground_make()
    evaluation = judge(ground, table_make(ground, score=scores))
    report, statistics = report_make(problems.segment_specs(evaluation.problem_version), baseline=False)

    evaluation_end(evaluation, {"report": report.to_json()}, statistics)

    evaluation.refresh_from_db()
    assert evaluation.state == Evaluation.State.COMPLETE
    assert evaluation.headline
    assert not selectors.unrequested_list(ground.scientist).exists(), "nobody asks to deploy it"


def test_other_columns_of_the_table_are_a_baseline_of_its_own_model():
    ground = ground_make()
    data = table_make(ground, score=scores, old=others)

    evaluation = judge(ground, data, services.Against(brought=Brought("Old card", "old", threshold=0.4)))

    baseline = evaluation.baseline_version
    assert baseline is not None
    assert (baseline.model.name, baseline.threshold) == ("Old card", 0.4)
    spec = evaluation.job.spec
    assert spec["baseline"]["answers"]["column"] == "old"
    assert not {"score", "old"} & {one["name"] for one in spec["features"]}
    again = judge(ground, data, services.Against(version_id=baseline.pk), threshold=0.6)
    assert again.baseline_version == baseline


def test_a_model_of_the_problem_scores_the_same_rows_when_the_table_has_its_columns():
    stage = stage_make()
    data = table_make(stage.ground, score=scores)

    evaluation = judge(stage.ground, data, services.Against(version_id=stage.live.pk))

    spec = evaluation.job.spec
    assert spec["baseline"]["version_id"] == str(stage.live.pk)
    assert {one["name"] for one in [*spec["features"], *spec["inputs"]]} >= {"age", "colour"}
    assert [one["name"] for one in spec["inputs"]] == ["age", "colour"], "protected, so no features of the table"
    assert {"table.parquet", "model.skops"} <= {file["name"] for file in evaluation.job.files}


def test_a_model_whose_columns_are_not_in_the_table_is_refused_with_their_names():
    stage = stage_make()
    inputs = [*SIGNATURE["inputs"], {"name": "height", "datatype": "FP64", "required": True, "levels": None}]
    tall = version_trained(stage.ground, signature={**SIGNATURE, "inputs": inputs})
    data = table_make(stage.ground, score=scores)

    with pytest.raises(Invalid) as caught:
        judge(stage.ground, data, services.Against(version_id=tall.pk))

    assert "columns that this table does not have: “height”." in caught.value.fields["baseline_version_id"][0]
    assert not Model.objects.filter(name=NAME).exists(), "nothing is left of what was registered"


def test_a_model_that_learnt_from_the_table_is_compared_on_its_test_part_only():
    stage = stage_make()
    data = table_make(stage.ground, score=scores)
    stage.ground.version = data
    trained = version_trained(stage.ground)

    with pytest.raises(Invalid) as caught:
        judge(stage.ground, data, services.Against(version_id=trained.pk))
    evaluation = judge(stage.ground, data, services.Against(version_id=trained.pk), part="test")

    assert "learnt from rows of this table" in caught.value.fields["baseline_version_id"][0]
    assert evaluation.job.spec["part"] == "test"


def test_a_trained_version_is_compared_with_predictions_for_the_same_rows():
    stage = stage_make()
    data = table_make(stage.ground, score=scores)
    brought = judge(stage.ground, data).model_version

    evaluation = services.evaluation_launch(
        actor=stage.ground.scientist,
        model_version_id=stage.candidate.pk,
        dataset_version_id=data.pk,
        baseline_version_id=brought.pk,
    )

    assert evaluation.job.spec["part"] == "test"
    assert evaluation.job.spec["baseline"]["answers"] == {"column": "score", "scores": []}
    with pytest.raises(Invalid) as caught:
        services.evaluation_launch(
            actor=stage.ground.scientist, model_version_id=stage.candidate.pk, baseline_version_id=brought.pk
        )
    assert "says nothing of the rows of" in caught.value.fields["baseline_version_id"][0]
    with pytest.raises(Invalid) as caught:
        services.evaluation_launch(
            actor=stage.ground.scientist, model_version_id=stage.candidate.pk, dataset_version_id=data.pk, part="all"
        )
    assert "part" in caught.value.fields


def test_it_is_judged_on_no_other_rows():
    ground = ground_make()
    version = judge(ground, table_make(ground, score=scores)).model_version

    again = services.evaluation_launch(actor=ground.scientist, model_version_id=version.pk)
    with pytest.raises(Invalid) as caught:
        services.evaluation_launch(
            actor=ground.scientist, model_version_id=version.pk, dataset_version_id=ground.version.pk
        )

    assert again.dataset_version_id == version.brought_on_id
    assert "holds no model, only predictions" in caught.value.fields["dataset_version_id"][0]


def test_a_failed_evaluation_is_asked_again_on_the_same_rows():
    ground = ground_make()
    data = table_make(ground, score=scores, old=others)
    failed = judge(ground, data, services.Against(brought=Brought("Old card", "old")), part="test")
    claim, _ = claim_make(Job.objects.get(pk=failed.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(4))

    job = jobs.job_retry(actor=ground.scientist, job_id=failed.job_id)

    again = Evaluation.objects.get(job=job)
    assert again.pk != failed.pk
    assert (again.model_version, again.baseline_version) == (failed.model_version, failed.baseline_version)
    assert (job.spec["part"], job.spec["candidate"]["answers"]["column"]) == ("test", "score")


FLOWERS = {"task": "MULTICLASS", "target": "colour", "positive_label": "", "positive_word": "", "negative_word": ""}
MANY = FLOWERS | {
    "error_costs": {"currency": "CAD", "per_error": 10_000},
    "objectives": [{"metric": "accuracy", "limit": 0.5}],
    "segments": [{"name": "Employed", "expression": "employed", "purpose": "PERFORMANCE"}],
}
NUMBER = MANY | {
    "task": "REGRESSION",
    "target": "checks",
    "error_costs": {"currency": "CAD", "per_unit": 10_000},
    "objectives": [{"metric": "rmse", "limit": 5.0}],
}


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ({"column": "said"}, {"column": "said", "scores": []}),
        ({"score_prefix": "p_"}, {"column": "", "scores": [["Black", "p_Black"], ["White", "p_White"]]}),
        (
            {"column": "said", "score_prefix": "p_"},
            {"column": "said", "scores": [["Black", "p_Black"], ["White", "p_White"]]},
        ),
    ],
)
def test_many_classes_by_label_or_by_a_score_for_each(said: dict[str, str], answers: dict[str, Any]):
    ground = ground_make(**MANY)
    data = table_make(
        ground,
        said=lambda n: "Black" if n % 3 else "White",
        p_Black=scores,
        p_White=lambda n: 1 - scores(n),
        p_years=lambda n: n + 20,
    )

    evaluation = judge(ground, data, **({"column": ""} | said))

    assert evaluation.job.spec["candidate"]["answers"] == answers
    assert evaluation.model_version.classes == ["Black", "White"]
    assert evaluation.threshold is None


def test_a_number_is_a_column_of_numbers():
    ground = ground_make(**NUMBER)
    data = table_make(ground, said=lambda n: n / 7, words=lambda n: f"no {n % 5}")

    evaluation = judge(ground, data, column="said")

    assert evaluation.model_version.task == "REGRESSION"
    for said, field in (({"column": "words"}, "column"), ({"column": "said", "threshold": 0.5}, "threshold")):
        with pytest.raises(Invalid) as caught:
            judge(ground, data, **said)
        assert list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"column": ""}, "column", "Name the column"),
        ({"column": "gone"}, "column", "no column “gone”"),
        ({"column": "released"}, "column", "is the truth"),
        ({"column": "colour"}, "column", "holds text, such as “"),
        ({"column": "age"}, "column", "goes from 14 to 63"),
        ({"threshold": 1.5}, "threshold", "from 0 to 1"),
        ({"threshold": float("nan")}, "threshold", "from 0 to 1"),
        ({"score_prefix": "p_"}, "score_prefix", "many classes"),
        ({"name": " "}, "name", "1 to 256"),
        ({"name": "a/b"}, "name", "no “/”"),
        ({"part": "train"}, "part", "test, all"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(said: dict[str, Any], field: str, words: str):
    ground = ground_make()
    data = table_make(ground, score=scores)

    with pytest.raises(Invalid) as caught:
        judge(ground, data, **said)

    assert words in caught.value.fields[field][0]
    assert not ModelVersion.objects.exists()
    assert not Model.objects.exists()


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"column": ""}, "column", "Name the column with the label"),
        ({"column": "", "score_prefix": "q_"}, "score_prefix", "“q_Black”, “q_White”"),
        ({"column": "", "score_prefix": "n_"}, "score_prefix", "goes from 20 to"),
        ({"column": "row"}, "column", "at most 200 labels"),
    ],
)
def test_what_is_wrong_with_many_classes_is_said_at_its_field(said: dict[str, Any], field: str, words: str):
    ground = ground_make(**MANY)
    data = table_make(ground, rows=rows_make(220), row=lambda n: n, n_Black=lambda n: n + 20, n_White=scores)

    with pytest.raises(Invalid) as caught:
        judge(ground, data, **said)

    assert words in caught.value.fields[field][0]


def test_faults_of_the_other_columns_are_said_at_theirs():
    ground = ground_make()
    data = table_make(ground, score=scores)

    for brought, field in ((Brought("Old", "gone"), "baseline.column"), (Brought(NAME, "score"), "baseline.column")):
        with pytest.raises(Invalid) as caught:
            judge(ground, data, services.Against(brought=brought))
        assert list(caught.value.fields) == [field]
    with pytest.raises(Invalid) as caught:
        judge(ground, data, services.Against(brought=Brought("Old", "score"), version_id=uuid.uuid4()))
    assert list(caught.value.fields) == ["baseline_version_id"]


def test_a_model_with_files_or_of_another_problem_is_no_name_for_predictions():
    stage = stage_make()
    data = table_make(stage.ground, score=scores)
    other, _ = problem_accepted(stage.ground.scientist, stage.ground.owner, stage.team)
    elsewhere = Ground(stage.team, stage.ground.scientist, stage.ground.owner, other, data)
    judge(stage.ground, data)

    for ground, name in ((stage.ground, stage.live.model.name), (elsewhere, NAME)):
        with pytest.raises(Invalid) as caught:
            judge(ground, table_make(ground, score=scores), name=name)
        assert list(caught.value.fields) == ["name"]


def test_a_table_without_problem_truth_or_seal_is_refused():
    ground = ground_make()
    bare = version_sealed(ground.scientist, dataset_make(ground.scientist, ground.team))
    data = table_make(ground, score=scores)
    blind = table_make(ground, ["free", *HEADER[1:]], score=scores)
    data_services.version_quarantine(actor=ground.scientist, version_id=data.pk, reason="Wrong rows.")

    for table, code in ((bare, "no_problem"), (blind, "target_missing"), (data, "not_sealed")):
        with pytest.raises(Conflict) as caught:
            judge(ground, table)
        assert caught.value.code == code
        assert selectors.judge_obstacle(table) or table is data


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_may_not_run_jobs_and_register_may_not_judge(role):
    ground = ground_make()
    data = table_make(ground, score=scores)

    with pytest.raises(Forbidden):
        judge(ground, data, actor=actor_make(role, ground.team))


def test_another_team_does_not_know_of_the_table():
    ground = ground_make()
    data = table_make(ground, score=scores)

    with pytest.raises(NotFound):
        judge(ground, data, actor=actor_make(Role.DATA_SCIENTIST, team_make()))


def test_the_database_keeps_what_was_brought_as_it_is():
    ground = ground_make()
    version = judge(ground, table_make(ground, score=scores)).model_version

    for change in ({"brought_columns": {"column": "age"}}, {"manifest": [{"path": "x"}]}, {"brought_on": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ModelVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.create(
            model=version.model,
            team=version.team,
            number=9,
            content_digest="9" * 64,
            brought_on=version.brought_on,
            brought_columns={"column": "score"},
            manifest=[{"path": "model.txt", "sha256": "0" * 64, "size": 1}],
        )


def test_what_a_table_offers_comes_with_the_likely_columns_first():
    stage: Stage = stage_make()
    data = table_make(stage.ground, zeta=others, score=scores)
    agreed = problems.version_current(stage.ground.problem)
    assert agreed is not None

    offers = selectors.answer_offers(data, agreed)
    versions, live = selectors.against_list(stage.ground.scientist, data, stage.ground.problem, "BINARY")

    assert [(one.name, one.fits) for one in offers] == [
        ("score", True),
        ("zeta", True),
        ("age", False),
        ("checks", False),
    ]
    assert {one.pk for one in versions} == {stage.live.pk, stage.candidate.pk}
    assert live == stage.live.pk
