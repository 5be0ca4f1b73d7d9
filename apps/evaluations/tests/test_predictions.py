"""Predictions made elsewhere: registered without files, judged on their own rows, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.core.errors import Invalid
from apps.evaluations import selectors, services
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import Stage, evaluation_end, report_make, stage_make, version_trained
from apps.evaluations.tests.predictions import MANY, NAME, NUMBER, judge, others, scores, table_make
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.lineage import selectors as lineage
from apps.problems import selectors as problems
from apps.registry.models import Model, ModelVersion
from apps.registry.services import Brought
from apps.registry.tests.factories import SIGNATURE
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db


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
