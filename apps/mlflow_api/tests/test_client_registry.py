"""The real MLflow client registers, names, copies, loads and deletes models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import Person, person_make
from apps.mlflow_api.tests.registry_calls import files_make
from apps.registry import contracts
from apps.registry.models import Model, ModelVersion
from workers.inspection.tests.skops_files import skops

pytestmark = pytest.mark.django_db(transaction=True)
mlflow = pytest.importorskip("mlflow")
# Named, so that the client does not start a process of its own to find out.
REQUIREMENTS = ["scikit-learn"]
MakeClient = Callable[[str], Any]


def trained(seed: int = 0) -> tuple[Any, Any]:
    """A small fitted model and rows for it."""
    import numpy
    from sklearn.linear_model import LogisticRegression

    rows = numpy.random.default_rng(seed).normal(size=(40, 2))
    return LogisticRegression().fit(rows, rows[:, 0] + 0.1 * rows[:, 1] > 0), rows


def model_log(person: Person, name: str = "model", seed: int = 0, **options: Any) -> Any:
    """What a training script does: log a fitted model in a run of its own."""
    model, _ = trained(seed)
    mlflow.set_experiment(person.experiment.name)
    with mlflow.start_run():
        mlflow.log_param("seed", seed)
        info = mlflow.sklearn.log_model(
            model, name=name, serialization_format="skops", pip_requirements=REQUIREMENTS, **options
        )
        mlflow.log_metric("late", 1.0)
    return info


def test_a_script_registers_labels_and_loads_its_model(mlflow_client: MakeClient):
    person = person_make()
    client = mlflow_client(person.token)
    model, rows = trained()

    info = model_log(person)
    version = mlflow.register_model(info.model_uri, "fees", tags={"team": "a"})
    client.set_registered_model_alias("fees", "champion", version.version)
    client.set_model_version_tag("fees", version.version, "checked", "yes")
    client.update_model_version("fees", version.version, description="The first")
    client.update_registered_model("fees", description="What it costs")
    loaded = mlflow.pyfunc.load_model("models:/fees@champion")
    by_number = mlflow.sklearn.load_model("models:/fees/1")
    held = client.get_model_version_by_alias("fees", "champion")

    assert (loaded.predict(rows) == model.predict(rows)).all()
    assert (by_number.predict(rows) == model.predict(rows)).all()
    assert (held.version, held.status, held.description) == ("1", "READY", "The first")
    assert held.tags == {"team": "a", "checked": "yes"}
    assert held.aliases == ["champion"]
    assert held.run_id == info.run_id
    assert client.get_registered_model("fees").aliases == {"champion": "1"}
    stored = ModelVersion.objects.get()
    assert (stored.state, stored.format, stored.model.problem_id) == ("SEALED", "SKOPS", person.experiment.problem_id)
    assert stored.run is not None
    assert stored.run.sealed_at is not None


def test_a_script_registers_while_it_logs_and_again(mlflow_client: MakeClient):
    person = person_make()
    client = mlflow_client(person.token)

    for seed in (0, 1):
        model_log(person, seed=seed, registered_model_name="fees")
    names = [row.version for row in client.get_latest_versions("fees")]

    assert names == ["2"]
    assert list(ModelVersion.objects.order_by("number").values_list("number", "state")) == [
        (1, "SEALED"),
        (2, "SEALED"),
    ]
    assert Model.objects.get().created_by_id == person.user.pk


def test_a_version_of_a_runs_files_and_of_a_model_without_a_run(mlflow_client: MakeClient, tmp_path: Path):
    person = person_make()
    client = mlflow_client(person.token)
    run = files_make(person, "deep/model")
    client.create_registered_model("fees", tags={"domain": "fees"}, description="What it costs")
    (tmp_path / "model.skops").write_bytes(skops("beside"))

    of_run = client.create_model_version("fees", f"runs:/{run.pk.hex}/deep/model", run.pk.hex)
    logged = client.create_logged_model(str(person.experiment.number), name="beside")
    client.log_model_artifact(logged.model_id, str(tmp_path / "model.skops"))
    client.finalize_logged_model(logged.model_id, "READY")
    beside = mlflow.register_model(f"models:/{logged.model_id}", "fees")
    folder = mlflow.artifacts.download_artifacts("models:/fees/1", dst_path=str(tmp_path / "there"))

    assert (of_run.version, of_run.run_id) == ("1", run.pk.hex)
    assert (beside.version, beside.run_id or None) == ("2", None)
    assert sorted(file.name for file in Path(folder).iterdir() if file.name != "registered_model_meta") == [
        "MLmodel",
        "model.skops",
    ]


def test_a_version_is_copied_staged_and_deleted(mlflow_client: MakeClient, monkeypatch):
    from mlflow.exceptions import MlflowException

    person = person_make()
    client = mlflow_client(person.token)
    _, rows = trained()
    model_log(person, registered_model_name="fees")

    copied = client.copy_model_version("models:/fees/1", "fees-prod")
    staged = client.transition_model_version_stage("fees-prod", copied.version, "Staging")
    with pytest.raises(MlflowException, match="request its approval") as refused:
        client.transition_model_version_stage("fees-prod", copied.version, "Production", True)
    with pytest.raises(MlflowException) as reserved:
        client.set_registered_model_alias("fees-prod", "production", copied.version)
    live = ModelVersion.objects.get(model__name="fees-prod")
    with monkeypatch.context() as patched:
        patched.setattr(contracts, "_live_lookup", [lambda pks: {live.model_id: live.pk}])
        production = mlflow.pyfunc.load_model("models:/fees-prod/Production")
    client.rename_registered_model("fees", "costs")
    client.delete_model_version("costs", "1")
    client.delete_registered_model("costs")
    with pytest.raises(MlflowException) as gone:
        client.get_registered_model("costs")

    assert (copied.name, copied.version, staged.current_stage) == ("fees-prod", "1", "Staging")
    assert refused.value.error_code == reserved.value.error_code == "RESOURCE_CONFLICT"
    assert len(production.predict(rows)) == len(rows)
    assert gone.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert list(ModelVersion.objects.order_by("id").values_list("state", flat=True)) == ["ARCHIVED", "SEALED"]


def test_a_pickled_model_is_registered_and_loaded_from_its_run_alone(mlflow_client: MakeClient):
    from mlflow.exceptions import MlflowException

    person = person_make()
    mlflow_client(person.token)
    model, rows = trained()
    mlflow.set_experiment(person.experiment.name)

    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="cloudpickle",
            pip_requirements=REQUIREMENTS,
            registered_model_name="risky",
        )
    with pytest.raises(MlflowException, match="quarantined") as refused:
        mlflow.pyfunc.load_model("models:/risky/1")
    own = mlflow.pyfunc.load_model(f"runs:/{info.run_id}/model")

    assert refused.value.error_code == "RESOURCE_CONFLICT"
    assert ModelVersion.objects.get().state == "QUARANTINED"
    assert len(own.predict(rows)) == len(rows)


def test_another_teams_models_do_not_exist_for_a_client(mlflow_client: MakeClient):
    from mlflow.exceptions import MlflowException

    person, stranger = person_make(), person_make()
    viewer = person_make(Role.VIEWER, person.team)
    client = mlflow_client(person.token)
    run = files_make(person)
    client.create_registered_model("fees")
    client.create_model_version("fees", f"runs:/{run.pk.hex}/model", run.pk.hex)

    with pytest.raises(MlflowException) as foreign:
        mlflow_client(stranger.token).get_model_version("fees", "1")
    with pytest.raises(MlflowException) as refused:
        mlflow_client(viewer.token).set_registered_model_alias("fees", "champion", "1")

    assert foreign.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert refused.value.error_code == "PERMISSION_DENIED"
