"""The OpenAPI document is true: whatever it allows is answered as it says, for every role, on real things.

Each call runs in-process through the WSGI application on the demo's data and is undone afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.accounts.models import Team, User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import SCOPE_VERBS, Actor, Role
from controlplane.wsgi import application
from tests.architecture.test_routes import routes_all
from tests.snapshot import snapshot_load

pytestmark = pytest.mark.django_db

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ROLES = ("scientist", "owner", "admin", "operator", "viewer", "outsider", "session of admin", "nobody")
DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)

# The tables in which an id of a path or a field is looked up, by the word before `_id` or in the path.
TABLES = {
    "problems": "problems_problem",
    "problem": "problems_problem",
    "problem-versions": "problems_problemversion",
    "problem_version": "problems_problemversion",
    "datasets": "datasets_dataset",
    "uploads": "datasets_upload",
    "dataset-versions": "datasets_datasetversion",
    "dataset_version": "datasets_datasetversion",
    "jobs": "jobs_job",
    "experiments": "experiments_experiment",
    "runs": "experiments_run",
    "run": "experiments_run",
    "models": "registry_model",
    "versions": "registry_modelversion",
    "version": "registry_modelversion",
    "model_version": "registry_modelversion",
    "baseline_version": "registry_modelversion",
    "launches": "training_launch",
    "evaluations": "evaluations_evaluation",
    "evaluation": "evaluations_evaluation",
    "requests": "reviews_approvalrequest",
    "request": "reviews_approvalrequest",
    "deployments": "deployments_deployment",
    "people": "accounts_user",
    "owner": "accounts_user",
    "user": "accounts_user",
    "teams": "accounts_team",
    "team": "accounts_team",
    "grants": "accounts_grant",
    "invitations": "accounts_invitation",
    "tokens": "accounts_apitoken",
    "sessions": "usersessions_usersession",
    "notices": "notices_notice",
    "traces": "traces_trace",
    "webhooks": "webhooks_webhook",
    "storage-backends": "stores_storagebackend",
    "source": "stores_storagebackend",
    "audit": "audit_auditevent",
}


@dataclass(frozen=True)
class World:
    """Who calls, and the ids that exist."""

    headers: dict[str, dict[str, str]]
    ids: dict[str, list[str]]

    def real(self, word: str, pick: int) -> str | None:
        """One id of that kind, when there is any."""
        found = self.ids.get(TABLES.get(word, ""), [])
        return found[pick % len(found)] if found else None


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, demo_snapshot: Path) -> Iterator[World]:
    """The demo with people of every role, in one transaction for all calls of this module."""
    # As Django's own test client does: the end of a request would close the connection with its transaction.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock(), transaction.atomic():
        snapshot_load(demo_snapshot)
        yield World(_headers(), _ids())
        transaction.set_rollback(True)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def _headers() -> dict[str, dict[str, str]]:
    team = Team.objects.get(name="Pretrial services")
    people = {name: User.objects.get(username=name) for name in ("scientist", "owner", "admin")}
    people |= {
        "operator": user_make(role=Role.OPERATOR, team=team),
        "viewer": user_make(role=Role.VIEWER, team=team),
        "outsider": user_make(role=Role.DATA_SCIENTIST, team=team_make()),
    }
    headers: dict[str, dict[str, str]] = {"nobody": {}}
    for name, user in people.items():
        _, secret = token_create(actor=Actor.system("a test"), user=user, name="t", scopes=list(SCOPE_VERBS), days=1)
        headers[name] = {"Authorization": f"Bearer {secret}"}
    client = Client()
    client.force_login(people["admin"])
    cookies: SimpleCookie = client.cookies
    csrf = _get_new_csrf_string()
    session = f"{settings.SESSION_COOKIE_NAME}={cookies[settings.SESSION_COOKIE_NAME].value}"
    headers["session of admin"] = {
        "Cookie": f"{session}; {settings.CSRF_COOKIE_NAME}={csrf}",
        "X-CSRFToken": csrf,
        "Origin": "http://localhost",
    }
    return headers


def _ids() -> dict[str, list[str]]:
    found = {}
    with connection.cursor() as cursor:
        for table in set(TABLES.values()):
            cursor.execute(f'SELECT id::text FROM "{table}" ORDER BY id DESC LIMIT 20')  # noqa: S608 - fixed names
            found[table] = [row[0] for row in cursor.fetchall()]
    return found


def _aim(case: schemathesis.Case, world: World, pick: int) -> None:
    """Point the ids of path, query and body at things that exist; bits of `pick` say which."""
    if pick % 4:
        for match in re.finditer(r"/([a-z-]+)/\{(\w+)\}", case.operation.path):
            value = world.real(match[1], pick // 4)
            if value is not None and match[2] in case.path_parameters:
                case.path_parameters[match[2]] = value
    for fields in (case.query, case.body):
        if isinstance(fields, dict) and pick % 3:
            for name in list(fields):
                value = world.real(name.removesuffix("_id"), pick // 3)
                if value is not None:
                    fields[name] = value


def _call(case: schemathesis.Case, world: World, who: str, pick: int) -> None:
    _aim(case, world, pick)
    with transaction.atomic():
        case.call_and_validate(headers={**world.headers[who], "Host": "localhost"}, checks=CHECKS)
        transaction.set_rollback(True)


def _schema(*, coverage: bool) -> Any:
    config = schemathesis.config.SchemathesisConfig()
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    schema.app = application
    schema.config.phases.coverage.enabled = coverage
    return schema


def _settings(examples: int) -> Callable[[Any], Any]:
    return hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


QUICK = _schema(coverage=False)
THOROUGH = _schema(coverage=True)


@QUICK.given(who=st.sampled_from(ROLES), pick=st.integers(0, 239))
@QUICK.parametrize()
@_settings(3)
def test_every_operation_answers_as_described(case, world, who, pick):
    _call(case, world, who, pick)


@pytest.mark.slow
@THOROUGH.given(who=st.sampled_from(ROLES), pick=st.integers(0, 239))
@THOROUGH.parametrize()
@_settings(30)
def test_every_operation_answers_as_described_at_length(case, world, who, pick):
    _call(case, world, who, pick)


def test_the_document_is_openapi_3_1_and_names_every_route():
    internal = ("/api/v1/attempt", "/api/v1/schema")
    described = {re.sub(r"\{\w+\}", "{}", path) for path in DOCUMENT["paths"]}
    routes = {
        "/" + re.sub(r"<[^>]+>", "{}", route.pattern)
        for route in routes_all()
        if route.is_api and not route.path.startswith(internal) and route.path.startswith("/api/v1/")
    }

    assert DOCUMENT["openapi"].startswith("3.1")
    assert routes - described == set()
    assert len(routes) > 80


def test_every_operation_has_a_name_and_says_what_it_does():
    operations = [op for methods in DOCUMENT["paths"].values() for op in methods.values() if isinstance(op, dict)]
    names = [op["operationId"] for op in operations]

    assert len(names) == len(set(names))
    assert [op["operationId"] for op in operations if not op.get("description")] == []


def test_the_document_is_served_and_read_under_the_content_policy():
    client = Client()
    client.force_login(user_make(role=Role.VIEWER, team=team_make()))

    served = client.get("/api/v1/schema", HTTP_ACCEPT="application/vnd.oai.openapi+json")
    docs = client.get("/api/docs")

    assert served.status_code == 200
    assert served.json()["paths"].keys() == DOCUMENT["paths"].keys()
    assert docs.status_code == 200
    assert "script-src 'self'" in docs.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", docs.text) == []
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", docs.text) == []
    for address in re.findall(r"<script[^>]*\bsrc=\"([^\"]+)\"", docs.text):
        assert address.startswith("/"), address
