"""The real MLflow client against a live server, over real connections and with real tokens."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from apps.experiments import services
from apps.experiments.models import Artifact, LoggedModel, Metric, Run
from apps.mlflow_api.tests.conftest import attempt_token, person_make

pytestmark = pytest.mark.django_db(transaction=True)
mlflow = pytest.importorskip("mlflow")


def test_the_client_reads_a_run_as_it_was_begun(mlflow_client):
    person = person_make()
    services.params_log(actor=person.actor, run_id=person.run.pk, params={"depth": "4"})

    run = mlflow_client(person.token).get_run(person.run.pk.hex)

    assert run.info.run_id == person.run.pk.hex
    assert run.info.status == "RUNNING"
    assert run.info.experiment_id == str(person.experiment.number)
    assert run.data.params == {"depth": "4"}
    assert run.data.tags["mlflow.runName"] == person.run.name


def test_the_client_logs_batches_tags_and_single_values(mlflow_client):
    from mlflow.entities import Metric as ClientMetric
    from mlflow.entities import Param, RunTag

    person = person_make()
    client = mlflow_client(person.token)
    now = int(time.time() * 1000)

    client.log_batch(
        person.run.pk.hex,
        metrics=[ClientMetric("loss", 0.5 - i / 100, now + i, i) for i in range(20)],
        params=[Param("trees", "200")],
        tags=[RunTag("origin", "notebook")],
    )
    client.log_metric(person.run.pk.hex, "auc", 0.8, step=3)
    client.log_metric(person.run.pk.hex, "odd", float("nan"))
    client.log_param(person.run.pk.hex, "depth", 4)
    client.set_tag(person.run.pk.hex, "stage", "try")
    client.set_terminated(person.run.pk.hex, "FINISHED")
    client.update_run(person.run.pk.hex, name="renamed")
    run = client.get_run(person.run.pk.hex)

    assert Metric.objects.filter(run=person.run, key="loss").count() == 20
    assert run.data.metrics["loss"] == pytest.approx(0.31)
    assert run.data.metrics["auc"] == 0.8
    assert run.data.metrics["odd"] != run.data.metrics["odd"]
    assert run.data.params == {"trees": "200", "depth": "4"}
    assert run.data.tags["origin"] == "notebook"
    assert run.data.tags["stage"] == "try"
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "renamed"
    assert run.info.end_time is not None


def test_files_go_up_are_listed_and_come_back_byte_for_byte(mlflow_client, tmp_path: Path):
    person = person_make()
    client = mlflow_client(person.token)
    content = bytes(range(256)) * 40
    report = tmp_path / "report with ünicode.html"
    report.write_bytes(b"<script>alert(1)</script>")
    (tmp_path / "weights.bin").write_bytes(content)

    client.log_artifact(person.run.pk.hex, str(tmp_path / "weights.bin"), artifact_path="model/deep")
    client.log_artifact(person.run.pk.hex, str(report))
    top = client.list_artifacts(person.run.pk.hex)
    deep = client.list_artifacts(person.run.pk.hex, "model/deep")
    back = client.download_artifacts(person.run.pk.hex, "model/deep/weights.bin", str(tmp_path))
    folder = client.download_artifacts(person.run.pk.hex, "model", str(tmp_path / "again"))

    assert [(f.path, f.is_dir) for f in top] == [("model", True), ("report with ünicode.html", False)]
    assert [(f.path, f.file_size) for f in deep] == [("model/deep/weights.bin", len(content))]
    assert Path(back).read_bytes() == content
    assert (Path(folder) / "deep" / "weights.bin").read_bytes() == content


def test_a_logged_model_is_announced_filled_and_finalized(mlflow_client, tmp_path: Path):
    person = person_make()
    client = mlflow_client(person.token)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "model.skops").write_bytes(b"skops")

    model = client.create_logged_model(
        experiment_id=str(person.experiment.number),
        name="model",
        source_run_id=person.run.pk.hex,
        params={"recipe": "ridge"},
    )
    client.log_model_artifacts(model.model_id, str(folder))
    client.set_logged_model_tags(model.model_id, {"team": "a"})
    ready = client.finalize_logged_model(model.model_id, "READY")
    held = client.get_logged_model(model.model_id)

    assert model.model_id.startswith("m-")
    assert str(ready.status) == "READY"
    assert held.tags["team"] == "a"
    assert held.params == {"recipe": "ridge"}
    stored = LoggedModel.objects.get(source_run=person.run)
    assert sorted(Artifact.objects.filter(logged_model=stored).values_list("path", flat=True)) == [
        "MLmodel",
        "model.skops",
    ]
    assert {f.path for f in client.list_logged_model_artifacts(model.model_id)} == {"MLmodel", "model.skops"}


def test_the_token_of_an_attempt_writes_its_own_run_and_no_other(mlflow_client):
    from mlflow.exceptions import MlflowException

    person = person_make()
    other = services.run_create(actor=person.actor, experiment=person.experiment.pk, name="other")
    client = mlflow_client(attempt_token(person))

    client.log_metric(person.run.pk.hex, "loss", 0.4)
    with pytest.raises(MlflowException) as refused:
        client.log_metric(other.pk.hex, "loss", 0.4)
    with pytest.raises(MlflowException) as unseen:
        client.get_run(other.pk.hex)

    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert unseen.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert not Metric.objects.filter(run=other).exists()


def test_a_sealed_run_takes_tags_but_no_measurement_and_no_file(mlflow_client, tmp_path: Path):
    from mlflow.exceptions import MlflowException

    person = person_make()
    services.run_seal(run_id=person.run.pk)
    client = mlflow_client(person.token)
    (tmp_path / "late.txt").write_text("late")

    with pytest.raises(MlflowException) as measured:
        client.log_metric(person.run.pk.hex, "loss", 0.4)
    with pytest.raises(Exception, match="409"):
        client.log_artifact(person.run.pk.hex, str(tmp_path / "late.txt"))
    client.set_tag(person.run.pk.hex, "reviewed", "yes")

    assert measured.value.error_code == "RESOURCE_CONFLICT"
    assert Run.objects.get(pk=person.run.pk).tags == {"reviewed": "yes"}
    assert not Artifact.objects.filter(run=person.run).exists()


def test_a_wrong_token_and_another_teams_run_are_told_apart(mlflow_client):
    from mlflow.exceptions import MlflowException

    person, stranger = person_make(), person_make()

    with pytest.raises(MlflowException) as foreign:
        mlflow_client(person.token).get_run(stranger.run.pk.hex)
    with pytest.raises(Exception, match="not valid") as unknown:
        mlflow_client("fwt_not-a-token").get_run(person.run.pk.hex)

    assert foreign.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert person.run.pk.hex not in str(unknown.value)


def test_the_client_searches_runs_and_experiments_page_by_page(mlflow_client):
    person = person_make()
    client = mlflow_client(person.token)
    number = str(person.experiment.number)
    for n in range(5):
        run = client.create_run(number, run_name=f"r{n}", start_time=1000 + n, tags={"team": f"t{n % 2}"})
        client.log_metric(run.info.run_id, "val loss", n / 10)
    odd = "metrics.`val loss` >= 0.1 and tags.team = 't1'"

    best = client.search_runs([number], order_by=["metrics.`val loss` ASC"], max_results=2)
    further = client.search_runs([number], order_by=["metrics.`val loss` ASC"], max_results=2, page_token=best.token)
    found = mlflow.search_runs([number], filter_string=odd, order_by=["start_time"], output_format="list")
    everywhere = mlflow.search_runs(search_all_experiments=True, output_format="list", max_results=50)
    experiments = client.search_experiments(filter_string=f"name = '{person.experiment.name}'")

    assert [run.info.run_name for run in best] == ["r0", "r1"]
    assert [run.info.run_name for run in further] == ["r2", "r3"]
    assert [run.info.run_name for run in found] == ["r1", "r3"]
    assert len(everywhere) == 6
    assert [experiment.experiment_id for experiment in experiments] == [number]


def test_what_fairway_leaves_out_says_so(mlflow_client):
    from mlflow.exceptions import MlflowException

    person = person_make()

    with pytest.raises(MlflowException) as left_out:
        mlflow_client(person.token).register_prompt("greeting", "Good day, {{name}}.")

    assert left_out.value.error_code == "NOT_IMPLEMENTED"


def test_a_logged_model_is_read_through_its_run(mlflow_client, tmp_path: Path):
    person, stranger = person_make(), person_make()
    client = mlflow_client(person.token)
    (tmp_path / "model.skops").write_bytes(b"skops")
    model = client.create_logged_model(str(person.experiment.number), name="model", source_run_id=person.run.pk.hex)
    client.log_model_artifact(model.model_id, str(tmp_path / "model.skops"))
    services.logged_model_create(actor=stranger.actor, experiment_number=stranger.experiment.number, name="model")

    folder = client.download_artifacts(person.run.pk.hex, "model", str(tmp_path / "there"))
    found = client.search_logged_models([str(person.experiment.number), str(stranger.experiment.number)])
    none = client.search_logged_models([str(person.experiment.number)], filter_string="name = 'other'")

    assert (Path(folder) / "model.skops").read_bytes() == b"skops"
    assert [m.model_id for m in found] == [model.model_id]
    assert list(none) == []
