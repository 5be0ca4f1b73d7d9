"""`import_mlflow`: what comes, that it comes once, that it is compared, and what happens half-way."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from apps.audit.models import AuditEvent
from apps.core.models import StoredBlob
from apps.experiments.models import Artifact, Experiment, LoggedModel, Metric, Run, RunInput, RunModel
from apps.mlflow_api.importing.copying import Copier
from apps.mlflow_api.importing.folder import FolderSource
from apps.mlflow_api.importing.report import Report
from apps.mlflow_api.tests.conftest import Person, person_make
from apps.mlflow_api.tests.importing_sources import Folder, database_make, file_store, folder_make, imported
from apps.registry.models import ModelAlias, ModelVersion

pytest.importorskip("mlflow")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Folder:
    """A folder that tests copy before they change it."""
    return folder_make(tmp_path_factory.mktemp("source") / "mlruns")


@pytest.fixture
def source(made: Folder, tmp_path: Path) -> Folder:
    root = tmp_path / "mlruns"
    shutil.copytree(made.root, root)
    return Folder(root, made.client, made.ids)


def _rows() -> dict[str, int]:
    kinds = (Experiment, Run, Metric, Artifact, LoggedModel, RunInput, RunModel, ModelVersion, ModelAlias)
    return {kind.__name__: kind.objects.count() for kind in kinds}


def test_a_folder_comes_with_all_that_it_holds(source: Folder, person: Person, tmp_path: Path):
    result = imported(source.root, person, tmp_path)

    assert not result.failed, result.said
    run = Run.objects.get(pk=source.ids["first"])
    assert (run.name, run.status, run.user_name, run.notes) == ("first", "FAILED", "ann", "worth a look")
    assert run.started_at.timestamp() == 1_700_000_000
    assert run.ended_at is not None
    assert run.ended_at.timestamp() == 1_700_000_009
    assert run.params == {"depth": "4", "opt/kind": "adam"}
    assert run.code == {"commit": "a" * 40}
    losses = Metric.objects.filter(run=run, key="loss").order_by("step")
    assert list(losses.values_list("value", flat=True)) == [1 / (step + 1) for step in range(250)]
    nan, largest = Metric.objects.filter(run=run, key="odd/one").order_by("step").values_list("value", flat=True)
    assert math.isnan(nan)
    assert largest == 1.7976931348623157e308
    external = RunInput.objects.get(run=run).external or {}
    assert (external["name"], external["digest"]) == ("cases", "abc123")
    assert external["tags"] == {"mlflow.data.context": "training"}
    paths = Artifact.objects.filter(run=run).order_by("path").values_list("path", flat=True)
    assert list(paths) == ["model/MLmodel", "model/data.bin", "notes.txt"]
    logged = LoggedModel.objects.get(pk=source.ids["net"].removeprefix("m-"))
    assert (logged.name, logged.status, logged.params) == ("net", "LOGGED_MODEL_READY", {"layers": "2"})
    assert RunModel.objects.get(run=run).step == 3
    experiment = Experiment.objects.get(name="fees")
    assert experiment.tags["goal"] == "less"
    assert experiment.created_by_id == person.user.pk
    assert Run.objects.get(pk=source.ids["thrown"]).deleted_at is not None
    old = Experiment.objects.get(name="old")
    assert old.archived_at is not None
    assert Run.objects.get(pk=source.ids["ancient"]).deleted_at == old.archived_at
    assert all(there == here for kind, (there, here) in result.counts.items() if kind not in ("versions", "aliases"))
    assert result.counts["measurements"] == (252, 252)
    assert result.counts["files"] == (5, 5)


def test_the_registry_keeps_numbers_aliases_and_stages(source: Folder, person: Person, tmp_path: Path):
    result = imported(source.root, person, tmp_path)

    versions = {v.number: v for v in ModelVersion.objects.filter(model__name="Fees").select_related("model")}
    assert sorted(versions) == [2, 3]
    assert versions[2].model.description == "What cases cost"
    assert versions[2].model.tags["owner"] == "ann"
    assert (versions[2].stage, versions[2].tags["kind"]) == ("Staging", "net")
    assert versions[2].logged_model_id == LoggedModel.objects.get().pk
    assert (versions[3].stage, versions[3].tags["fairway.import.stage"]) == ("None", "Production")
    assert {file["path"] for file in versions[3].manifest} == {"MLmodel", "data.bin"}
    aliases = ModelAlias.objects.values_list("name", "version__number")
    assert dict(aliases) == {"champion": 2, "again": 3}
    assert "stands for both" in result.left["version Fees version 5"]
    assert "s3://elsewhere/model" in result.left["version Fees version 4"]
    assert "did not come" in result.left["alias lost of Fees"]
    assert "deployment" in result.left["stage Fees version 3"]
    assert result.counts["versions"] == (4, 3)


def test_an_import_is_one_entry_of_the_audit_trail_for_each_experiment(source: Folder, person: Person, tmp_path: Path):
    imported(source.root, person, tmp_path)

    entries = AuditEvent.objects.filter(action="experiment.import")
    assert sorted(entries.values_list("object_label", flat=True)) == ["Default", "fees", "old"]
    assert all(entry.actor_id == person.user.pk for entry in entries)
    assert entries.first().after["source"] == source.root.as_uri()
    # One was begun by the fixture.
    assert AuditEvent.objects.filter(action="run.create").count() == 1


def test_a_second_import_writes_nothing(source: Folder, person: Person, tmp_path: Path):
    imported(source.root, person, tmp_path)
    held, entries = _rows(), AuditEvent.objects.count()

    again = imported(source.root, person, tmp_path)

    assert not again.failed
    assert again.report["written"].get("runs", 0) == 0
    assert again.report["written"].get("files", 0) == 0
    assert _rows() == held
    # The version that stands for two is registered and answered with once more.
    assert AuditEvent.objects.count() == entries


def test_what_came_since_comes_with_the_next_import(source: Folder, person: Person, tmp_path: Path):
    with file_store(source.root) as client:
        run_id = client.create_run(source.ids["fees"], run_name="going on").info.run_id
        client.log_metric(run_id, "loss", 0.5, timestamp=1, step=1)
        imported(source.root, person, tmp_path)
        client.log_metric(run_id, "loss", 0.4, timestamp=2, step=2)
        client.set_terminated(run_id)
        later = client.create_run(source.ids["fees"], run_name="later").info.run_id
    (source.run_place("first") / "artifacts" / "late.txt").write_text("late")
    entries = AuditEvent.objects.filter(action="experiment.import").count()

    result = imported(source.root, person, tmp_path)

    run = Run.objects.get(pk=run_id)
    assert run.status == "FINISHED"
    assert Metric.objects.filter(run=run).count() == 2
    assert Run.objects.get(pk=later).name == "later"
    assert AuditEvent.objects.filter(action="experiment.import").count() == entries + 1
    # A version cites that run: its files stand.
    assert "sealed" in result.left[f"file late.txt of {source.ids['first']}"]


class _Stopped(Exception):
    """Somebody ends the command."""


class _StoppingSource(FolderSource):
    """Ends in the midst of the history of the run that has one."""

    def history(self, run):
        for count, point in enumerate(super().history(run)):
            if count == 200:
                raise _Stopped
            yield point


def test_an_import_that_is_ended_half_way_goes_on(source: Folder, person: Person, tmp_path: Path):
    report = Report(source="", team="")
    stopping = _StoppingSource(source.root, report.leave)
    copier = Copier(actor=person.actor, team_id=person.team.pk, source=stopping, report=report, say=lambda text: None)
    with pytest.raises(_Stopped):
        copier.copy(then=lambda: None)
    half = Run.objects.filter(pk=source.ids["first"]).exists(), Metric.objects.count()

    result = imported(source.root, person, tmp_path)

    assert half == (False, 0)
    assert not result.failed
    assert result.counts["measurements"] == (252, 252)
    assert result.counts["runs"] == (3, 3)
    assert Experiment.objects.filter(name__startswith="fees").count() == 1


def test_bytes_that_are_not_the_same_any_more_are_found(source: Folder, person: Person, tmp_path: Path, store: Path):
    imported(source.root, person, tmp_path)
    there = source.run_place("first") / "artifacts" / "model" / "data.bin"
    there.write_bytes(bytes(reversed(there.read_bytes())))
    kept = Artifact.objects.get(run=source.ids["thrown"], path="notes.txt")
    (store / "blobs" / kept.sha256[:2] / kept.sha256[2:4] / kept.sha256).write_bytes(b"As it was")

    result = imported(source.root, person, tmp_path)

    differs = {note["name"]: note["why"] for note in result.report["differs"]}
    assert "not what the source is" in result.failed
    assert "not those that came" in differs[f"model/data.bin of {source.ids['first']}"]
    assert "damaged" in differs[f"notes.txt of {source.ids['thrown']}"]
    assert StoredBlob.objects.filter(pk=kept.sha256).exists()


def test_names_and_ids_that_are_taken_lead_to_others(source: Folder, person: Person, stranger: Person, tmp_path: Path):
    imported(source.root, stranger, tmp_path)
    Experiment.objects.filter(pk=person.experiment.pk).update(name="FEES")

    result = imported(source.root, person, tmp_path)

    assert not result.failed, result.said
    experiment = Experiment.objects.get(team=person.team, name=f"fees (imported {source.ids['fees']})")
    run = Run.objects.get(experiment=experiment, name="first")
    assert run.pk.hex != source.ids["first"]
    assert run.tags["fairway.import.run_id"] == source.ids["first"]
    assert result.counts["measurements"] == (252, 252)
    assert _rows() == (held := _rows())
    assert imported(source.root, person, tmp_path).report["written"].get("runs", 0) == 0
    assert _rows() == held


def test_a_copy_of_a_folder_does_not_bring_the_teams_own_runs_twice(source: Folder, person: Person, tmp_path: Path):
    imported(source.root, person, tmp_path)
    moved = tmp_path / "moved"
    source.root.rename(moved)

    result = imported(moved, person, tmp_path)

    assert Run.objects.filter(name="first").count() == 1
    assert "already" in result.left[f"run {source.ids['first']}"]


def test_who_may_not_run_jobs_imports_nothing(source: Folder, person: Person, tmp_path: Path):
    viewer = person_make(role="VIEWER", team=person.team)

    result = imported(source.root, viewer, tmp_path)
    outside = imported(source.root, Person(**{**vars(viewer), "team": person_make().team}), tmp_path)

    assert "job.run" in result.failed
    assert "belongs to no team" in outside.failed
    assert not Run.objects.filter(pk=source.ids["first"]).exists()


def test_a_database_comes_with_the_files_beside_it(person: Person, tmp_path: Path):
    run_id, model_id = "5" * 32, "m-" + "6" * 32
    file = database_make(tmp_path, run_id, model_id)

    result = imported(f"sqlite:///{file}", person, tmp_path)

    assert not result.failed, result.said
    run = Run.objects.get(pk=run_id)
    assert (run.name, run.user_name, run.notes, run.params) == ("first", "ann", "worth a look", {"depth": "4"})
    assert Metric.objects.filter(run=run, key="loss").count() == 2
    auc = Metric.objects.get(run=run, key="auc")
    assert (auc.model_id, auc.dataset_name) == (LoggedModel.objects.get().pk, "cases")
    assert Artifact.objects.filter(run=run).values_list("path", flat=True).get() == "weights.bin"
    assert RunModel.objects.get(run=run).step == 7
    version = ModelVersion.objects.get(model__name="Fees")
    assert version.number == 3
    assert dict(ModelAlias.objects.values_list("name", "version__number")) == {"champion": 3}
    assert (RunInput.objects.get(run=run).external or {})["digest"] == "abc123"
    assert result.left["traces 2"] == "An import does not know them."
    assert result.counts["files"] == (2, 2)


@pytest.mark.parametrize(
    ("source_uri", "said"),
    [
        ("nowhere", "There is no folder"),
        ("sqlite:///nowhere.db", "There is no file"),
        ("sqlite:///{folder}/text.db", "no SQLite database"),
        ("postgresql://host/base", "start MLflow's server"),
        ("http://127.0.0.1:9", "does not answer"),
    ],
)
def test_a_source_that_is_none_is_a_sentence(source_uri: str, said: str, person: Person, tmp_path: Path):
    (tmp_path / "text.db").write_text("no database" * 100)

    result = imported(source_uri.format(folder=tmp_path), person, tmp_path)

    assert said in result.failed
