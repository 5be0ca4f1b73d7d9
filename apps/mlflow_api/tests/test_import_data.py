"""`import_mlflow` and data: what is surely a version of the team becomes lineage, all else is told."""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path

import pytest

from apps.accounts.tests.factories import team_make
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.experiments.models import RunInput
from apps.lineage import selectors as lineage
from apps.mlflow_api.tests.conftest import Person, person_make
from apps.mlflow_api.tests.importing_sources import database_make, imported

pytestmark = pytest.mark.django_db(transaction=True)
RUN = uuid.uuid4().hex


def source_make(folder: Path, datasets: dict[str, tuple[str, object]], files: dict[str, bytes]) -> str:
    """The address of a database whose run read data: {name: (digest, source)}; and logged files."""
    file = database_make(folder, RUN, f"m-{uuid.uuid4().hex}")
    with sqlite3.connect(file) as base:
        for number, (name, (digest, source)) in enumerate(datasets.items(), 10):
            row = (f"d{number}", name, digest, "local", json.dumps(source), None, None)
            base.execute("INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            base.execute("INSERT INTO inputs VALUES (?, 'DATASET', ?, 'RUN', ?, 0)", (f"i{number}", f"d{number}", RUN))
    for path, content in files.items():
        place = folder / "mlartifacts" / "1" / RUN / "artifacts" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return f"sqlite:///{file}"


@pytest.fixture
def version(person: Person) -> DatasetVersion:
    return version_sealed(person.actor, dataset_make(person.actor, person.team))


def test_data_that_is_proven_to_be_a_version_is_lineage(
    person: Person, version: DatasetVersion, tmp_path: Path, settings
):
    logged = version_sealed(person.actor, dataset_make(person.actor, person.team), csv_bytes(rows_make(seed=1)))
    addressed = version_sealed(person.actor, dataset_make(person.actor, person.team), csv_bytes(rows_make(200)))
    given = tmp_path / "given"
    given.mkdir()
    (given / "cases.csv").write_bytes(csv_bytes())
    source = source_make(
        given,
        {
            "by digest": (version.content_digest[:36], {"uri": "s3://gone/cases.csv"}),
            "by copy": ("12345678", {"uri": f"runs:/{RUN}/data/cases.csv"}),
            "by address": (
                "1",
                {"url": f"{settings.PUBLIC_URL}/api/v1/dataset-versions/{addressed.pk}/file"},
            ),
            "by path": ("87654321", {"uri": str(given / "cases.csv")}),
            "changed copy": ("2", {"uri": f"mlflow-artifacts:/1/{RUN}/artifacts/data/other.csv"}),
            "climbing": ("3", {"uri": f"runs:/{RUN}/../../../given/cases.csv"}),
        },
        {"data/cases.csv": csv_bytes(rows_make(seed=1)), "data/other.csv": csv_bytes()[:-2] + b"x\n"},
    )

    result = imported(source, person, tmp_path)
    again = imported(source, person, tmp_path)

    assert not result.failed, result.said
    rows = {row.external["name"]: row for row in RunInput.objects.filter(run_id=RUN) if row.external}
    assert {name: row.dataset_version_id for name, row in rows.items() if row.dataset_version_id} == {
        "by digest": version.pk,
        "by copy": logged.pk,
        "by address": addressed.pk,
    }
    up = lineage.lineage_of(person.actor, "experiments.run", uuid.UUID(RUN)).upstream
    assert {edge.object.id for edge in up if edge.relation == "USED"} == {version.pk, logged.pk, addressed.pk}
    told = {name for name in result.left if name.startswith("data ")}
    assert told == {
        "data cases (abc123)",
        "data by path (87654321)",
        "data changed copy (2)",
        "data climbing (3)",
    }
    assert result.report["written"]["inputs that are versions of the team"] == 3
    assert "inputs that are versions of the team" not in again.report["written"]


def test_another_teams_version_is_not_matched(person: Person, tmp_path: Path):
    other = person_make(team=team_make())
    theirs = version_sealed(other.actor, dataset_make(other.actor, other.team))
    source = source_make(
        tmp_path,
        {"theirs": (theirs.content_digest[:36], {}), "copied": ("1", {"uri": f"runs:/{RUN}/c.csv"})},
        {"c.csv": csv_bytes()},
    )

    result = imported(source, person, tmp_path)

    assert not result.failed, result.said
    assert not RunInput.objects.filter(run_id=RUN, dataset_version__isnull=False).exists()
    assert f"data theirs ({theirs.content_digest[:36]})" in result.left
