"""What tests of the registry's calls share."""

from __future__ import annotations

import itertools
from typing import Any

from apps.experiments import services as experiments
from apps.experiments.models import LoggedModel, Run
from apps.experiments.tests.factories import artifact_make
from apps.mlflow_api.tests.conftest import Caller, Person
from workers.inspection.tests.skops_files import skops

_count = itertools.count(1)
PICKLE = b"\x80\x04K\x01."


def files_make(person: Person, path: str = "model", *, run: Run | None = None, content: bytes | None = None) -> Run:
    """The person's run with a model's files below the path, of bytes of their own."""
    run = run or person.run
    artifact_make(person.actor, run, f"{path}/MLmodel", b"flavors: {}\n")
    artifact_make(person.actor, run, f"{path}/model.skops", skops(f"r{next(_count)}") if content is None else content)
    return run


def logged_make(person: Person, *, run: Run | None = None, ready: bool = True, name: str = "model") -> LoggedModel:
    """A model that a client logged, in a run or beside any."""
    logged = experiments.logged_model_create(
        actor=person.actor,
        experiment_number=person.experiment.number,
        name=name,
        source_run_id=run.pk if run else None,
    )
    experiments.artifact_store(
        actor=person.actor, logged_model_id=logged.pk, path="model.skops", chunks=[skops(f"m{next(_count)}")]
    )
    if not ready:
        return logged
    return experiments.logged_model_finalize(
        actor=person.actor, logged_model_id=logged.pk, status=LoggedModel.Status.READY
    )


def model_make(caller: Caller, name: str = "fees") -> None:
    assert caller.post("registered-models/create", name=name)[0] == 200


def version_make(caller: Caller, person: Person, name: str = "fees", path: str = "", **body: Any) -> dict[str, Any]:
    """A version of fresh files of the person's run, as the call answers."""
    path = path or f"model{next(_count)}"
    run = files_make(person, path)
    status, made = caller.post("model-versions/create", name=name, source=f"runs:/{run.pk.hex}/{path}", **body)
    assert status == 200, made
    shape: dict[str, Any] = made["model_version"]
    return shape
