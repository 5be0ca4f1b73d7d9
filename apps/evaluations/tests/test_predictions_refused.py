"""Predictions made elsewhere that cannot be judged: each fault at its field, and nothing is left behind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets import services as data_services
from apps.datasets.tests.factories import HEADER, dataset_make, rows_make, version_sealed
from apps.evaluations import selectors, services
from apps.evaluations.tests.factories import stage_make
from apps.evaluations.tests.predictions import MANY, NAME, judge, scores, table_make
from apps.problems.tests.factories import problem_accepted
from apps.registry.models import Model, ModelVersion
from apps.registry.services import Brought
from apps.training.tests.factories import Ground, ground_make

pytestmark = pytest.mark.django_db


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
