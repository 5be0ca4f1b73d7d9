"""Files that do not say what serving needs: what a person states of them, and what data and problem say."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.audit.models import AuditEvent
from apps.core.errors import Conflict
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import dataset_make, version_sealed
from apps.evaluations import services as evaluations
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make
from apps.problems.tests.factories import people, problem_accepted
from apps.registry import selectors, services
from apps.registry.models import Model, ModelVersion
from apps.registry.tests.factories import model_make
from workers.inspection.tests import lightgbm_files, onnx_files
from workers.inspection.tests.skops_files import skops

pytestmark = pytest.mark.django_db
COLUMNS = {"inputs": [{"name": "age", "datatype": "INT64"}, {"name": "checks", "datatype": "FP64", "required": False}]}


class Upload:
    """A data scientist with a model of an accepted problem, who registers files."""

    def __init__(self) -> None:
        self.team, self.actor, owner = people()
        problem, _ = problem_accepted(self.actor, owner, self.team)
        self.problem = problem
        self.model: Model = model_make(self.actor, self.team, problem_id=problem.pk)
        self.experiment = experiment_make(self.actor, self.team)
        _, secret = token_create(
            actor=self.actor, user=User.objects.get(pk=self.actor.id), name="test", scopes=["read", "write"], days=1
        )
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def log(self, files: dict[str, bytes]) -> Any:
        run = run_make(self.actor, self.experiment, code={"commit": "c" * 40})
        for path, content in files.items():
            artifact_make(self.actor, run, f"model/{path}", content)
        return run

    def data(self) -> DatasetVersion:
        return version_sealed(self.actor, dataset_make(self.actor, self.team, self.problem))

    def send(self, run: Any, **body: Any) -> Any:
        return self.client.post(
            f"/api/v1/models/{self.model.pk}/versions", {"run_id": str(run.pk), **body}, content_type="application/json"
        )


@pytest.fixture
def upload(db) -> Upload:
    return Upload()


def test_files_without_columns_are_asked_for_them_at_the_field(upload: Upload):
    run = upload.log({"model.skops": skops("bare")})

    asked = upload.send(run)
    given = upload.send(run, signature=COLUMNS)

    assert asked.status_code == 400
    assert "which columns" in asked.json()["errors"]["signature"][0]
    assert given.status_code == 201
    assert [(one["name"], one["datatype"], one["required"]) for one in given.json()["signature"]["inputs"]] == [
        ("age", "INT64", True),
        ("checks", "FP64", False),
    ]
    assert ModelVersion.objects.count() == 1


def test_the_same_files_with_another_signature_are_another_version(upload: Upload):
    run = upload.log({"model.skops": skops("twice")})

    first, again = upload.send(run, signature=COLUMNS).json(), upload.send(run, signature=COLUMNS).json()
    other = upload.send(run, signature={"inputs": COLUMNS["inputs"][:1]}).json()

    assert first["id"] == again["id"]
    assert (first["number"], other["number"]) == (1, 2)
    assert first["manifest"] == other["manifest"]
    assert first["content_digest"] != other["content_digest"]
    assert AuditEvent.objects.filter(action="version.register").count() == 2


@pytest.mark.parametrize(
    ("signature", "field"),
    [
        ({"inputs": []}, "signature"),
        ({"inputs": "age"}, "signature"),
        ({"inputs": [{"name": "age"}]}, "signature"),
        ({"inputs": [{"name": "age", "datatype": "PICKLE"}]}, "signature"),
        ({"inputs": [{"name": "", "datatype": "FP64"}]}, "signature"),
        ({"inputs": [{"name": "a\nb", "datatype": "FP64"}]}, "signature"),
        ({"inputs": [{"name": "a\x00", "datatype": "FP64"}]}, "signature"),
        ({"inputs": [{"name": "\ud800", "datatype": "FP64"}]}, "signature"),
        ({"inputs": [COLUMNS["inputs"][0]] * 2}, "signature"),
        ({"inputs": [{"name": f"c{n}", "datatype": "FP64"} for n in range(2001)]}, "signature"),
        ("x", "signature"),
    ],
)
def test_a_signature_that_is_none_is_refused_at_its_field(upload: Upload, signature: Any, field: str):
    answer = upload.send(upload.log({"model.skops": skops("none")}), signature=signature)

    assert answer.status_code == 400
    assert field in str(answer.json()["errors"])
    assert not ModelVersion.objects.exists()


def test_a_signature_must_name_what_the_model_reads(upload: Upload):
    run = upload.log({"model.txt": lightgbm_files.text()})

    answer = upload.send(run, signature=COLUMNS)

    assert answer.status_code == 400
    assert "“pressure”" in answer.json()["errors"]["signature"][0]


def test_columns_classes_threshold_and_lineage_follow_from_data_problem_and_pinned_packages(upload: Upload):
    data = upload.data()
    lock = b"# made by a tool\nlightgbm==4.6.0 \\\n    --hash=sha256:00\nnumpy[all]==2.1.0 ; python_version > '3'\n"
    unnamed = lightgbm_files.text(feature_names="Column_0 Column_1")
    run = upload.log({"model.txt": unnamed, "requirements.txt": lock})

    answer = upload.send(run, dataset_version_id=str(data.pk))

    assert answer.status_code == 201, answer.content
    version = ModelVersion.objects.get()
    features = [column["name"] for column in data.schema if column["role"] == "FEATURE"]
    assert [column["name"] for column in version.signature["inputs"]] == features
    assert version.environment == {
        "lock_digest": hashlib.sha256(lock).hexdigest(),
        "packages": {"lightgbm": "4.6.0", "numpy": "2.1.0"},
    }
    assert version.threshold is not None
    assert version.classes == ["No", "Yes"]
    assert selectors.lineage_missing(version) == []
    assert [row.dataset_version_id for row in version.run.inputs.all()] == [data.pk]
    assert upload.send(run, dataset_version_id=str(data.pk)).json()["id"] == str(version.pk)


@pytest.mark.parametrize(
    "lock", [b"lightgbm\n", b"lightgbm>=4\n", b"-r other.txt\n", b"", b"\xff\xfe", b"a==1\nb @ file:///x\n"]
)
def test_packages_that_are_not_all_pinned_are_no_environment(upload: Upload, lock: bytes):
    version = upload.send(upload.log({"model.skops": skops(lock), "requirements.txt": lock}), signature=COLUMNS)

    assert version.json()["environment"] == {}


def test_data_of_others_and_a_run_that_is_sealed_without_them(upload: Upload):
    stranger = Upload()
    theirs = stranger.data()
    run = upload.log({"model.skops": skops("sealed")})

    foreign = upload.send(run, dataset_version_id=str(theirs.pk))
    upload.send(run, signature=COLUMNS)
    late = upload.send(run, dataset_version_id=str(upload.data().pk))

    assert foreign.status_code == 404
    assert late.status_code == 409
    assert "sealed" in late.json()["detail"]


@pytest.mark.parametrize("classes", [["only"], ["a", "a"], ["a", "b", "c"], []])
def test_classes_that_do_not_fit_the_task(upload: Upload, classes: list[str]):
    answer = upload.send(upload.log({"model.skops": skops("c")}), signature=COLUMNS, classes=classes)

    assert answer.status_code == 400
    assert "classes" in answer.json()["errors"]


def test_a_version_that_came_without_columns_is_not_evaluated_and_says_what_to_do(upload: Upload):
    run = upload.log({"model.skops": skops("bare")})
    version = services.model_version_create(
        actor=upload.actor, model_id=upload.model.pk, run_id=run.pk, facts={}, trained_by_id=upload.actor.id
    )

    assert version.state == "SEALED"
    with pytest.raises(Conflict, match="register its files again with a signature"):
        evaluations.evaluation_launch(actor=upload.actor, model_version_id=version.pk)


def test_a_matrix_of_onnx_takes_its_columns_from_the_signature(upload: Upload):
    version = upload.send(upload.log({"model.onnx": onnx_files.linear()}), signature=COLUMNS)

    assert version.status_code == 201
    assert version.json()["format"] == "ONNX"
