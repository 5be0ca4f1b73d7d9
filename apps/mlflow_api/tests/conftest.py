"""A store of its own for each test, and the client's environment kept out of the way."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Grant, Team, User
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import run_token_issue, token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role
from apps.experiments.models import Experiment, Run
from apps.experiments.tests.factories import experiment_make, run_make
from apps.registry import contracts

ROOT = "/api/2.0/mlflow/"
ROOT_3 = "/api/3.0/mlflow/"


@pytest.fixture(autouse=True)
def store(settings, tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "blobs": backend, "default": backend}
    return folder


@dataclass
class Person:
    """Somebody with a team, a token and a run."""

    user: User
    actor: Actor
    team: Team
    token: str
    experiment: Experiment
    run: Run

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def path(self, file: str = "") -> str:
        """The proxied path of a file of the run."""
        return f"/api/2.0/mlflow-artifacts/artifacts/{self.experiment.number}/{self.run.pk.hex}/artifacts/{file}"


def person_make(
    role: Role = Role.DATA_SCIENTIST, team: Team | None = None, scopes: tuple[str, ...] = ("read", "write")
):
    team = team or team_make()
    user = user_make(role=role, team=team)
    actor = actor_of_user(user)
    _, token = token_create(actor=actor, user=user, name="notebook", scopes=scopes, days=1)
    writer = actor if role == Role.DATA_SCIENTIST else actor_of_user(user_make(role=Role.DATA_SCIENTIST, team=team))
    experiment = experiment_make(writer, team)
    return Person(user, actor, team, token, experiment, run_make(writer, experiment))


@pytest.fixture
def person(db) -> Person:
    return person_make()


@pytest.fixture
def stranger(db) -> Person:
    return person_make()


def administrator_headers(*further: Role) -> dict[str, str]:
    """A token of an administrator of the whole site who belongs to no team; with further roles on the site."""
    user = user_make(role=Role.ADMINISTRATOR)
    Grant.objects.bulk_create(Grant(user=user, role=role.value) for role in further)
    _, token = token_create(actor=actor_of_user(user), user=user, name="s", scopes=["read", "write", "admin"], days=1)
    return {"Authorization": f"Bearer {token}"}


def attempt_token(person: Person, run: Run | None = None) -> str:
    """The token of a job attempt that writes this run."""
    return run_token_issue(
        team_id=person.team.pk,
        job_id=uuid.uuid4(),
        attempt_id=uuid.uuid4(),
        run_id=(run or person.run).pk,
        label="job 1",
        minutes=5,
    )


@pytest.fixture
def mlflow_client(live_server, monkeypatch) -> Iterator[object]:
    """The real client against a live server; `mlflow_client(token)` gives one for a token."""
    import mlflow

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

    def make(token: str) -> mlflow.MlflowClient:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        mlflow.set_tracking_uri(live_server.url)
        return mlflow.MlflowClient(live_server.url)

    yield make
    mlflow.set_tracking_uri(before)


class Caller:
    """Calls of one person's script: (status, body)."""

    def __init__(self, person: Person | dict[str, str], root: str = ROOT) -> None:
        self.client = Client(headers=person if isinstance(person, dict) else person.headers)
        self.root = root

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = getattr(self.client, method)(self.root + path, body, content_type="application/json")
        return answer.status_code, answer.json() if answer.content else {}

    def post(self, path: str, /, **body: Any) -> tuple[int, dict[str, Any]]:
        return self._sent("post", path, body)

    def patch(self, path: str, /, **body: Any) -> tuple[int, dict[str, Any]]:
        return self._sent("patch", path, body)

    def delete(self, path: str, /, **body: Any) -> tuple[int, dict[str, Any]]:
        return self._sent("delete", path, body)

    def get(self, path: str, /, **query: Any) -> tuple[int, dict[str, Any]]:
        answer = self.client.get(self.root + path, query)
        return answer.status_code, json.loads(answer.getvalue())


@pytest.fixture
def caller(person: Person) -> Caller:
    return Caller(person)


@pytest.fixture
def fees(caller: Caller) -> None:
    """The registered model of this name."""
    assert caller.post("registered-models/create", name="fees")[0] == 200


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """`live[model id] = version id` makes a version live."""
    held: dict[Any, Any] = {}
    monkeypatch.setattr(contracts, "_live_lookup", [lambda pks: held])
    return held
