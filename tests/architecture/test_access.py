"""Each route of the API and of MLflow's for each role: what the tables beside this file say, on the demo's things."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Grant, Team, User
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import invitation_create, token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.code.tests.factories import bundle_row, environment_row
from apps.compute.models import ComputeTarget, TargetTest
from apps.core.actors import Actor, Role
from apps.datasets.models import Upload
from apps.deployments.models import BatchScore
from apps.deployments.services import batch_score_launch
from apps.evaluations.models import Export
from apps.evaluations.services import TABLE_FILE, export_make, proposal_save, table_judge
from apps.experiments.models import Artifact, Experiment, Lesson, Run, SavedView
from apps.experiments.services import (
    artifact_store,
    evaluation_dataset_create,
    experiment_archive,
    experiment_create,
    logged_model_create,
)
from apps.experiments.tests.factories import run_make
from apps.jobs.models import Worker
from apps.mlflow_api.tests.spans import request_of, span_of
from apps.registry.models import Model, ModelAlias
from apps.registry.services import Brought
from apps.schedules.services import schedule_create
from apps.stores.models import StorageBackend, StorageMove, StorageTest
from apps.stores.selectors import backend_own
from apps.sweeps.services import sweep_create
from apps.traces.contracts import AssessmentDraft
from apps.traces.services import assessment_create
from apps.traces.tests.factories import trace_make
from apps.training.services import code_launch, template_save
from apps.webhooks.models import Delivery, Webhook
from tests.architecture.test_routes import routes_all
from tests.snapshot import row_one

pytestmark = pytest.mark.django_db

_THING = re.compile(r"\{(\w+)\}")
ROLES = ("viewer", "scientist", "owner", "operator", "admin", "auditor")
LET_IN = 200
API = "api/v1/"


def _table(name: str) -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(Path(__file__).with_name(name).read_text())


OURS = _table("api_access.toml")
MLFLOW = _table("mlflow_access.toml")
# {noun: (where its addresses begin, its lines)}
TABLE = {noun: (API, lines) for noun, lines in OURS.items()}
TABLE |= {f"mlflow {noun}": ("", lines) for noun, lines in MLFLOW.items()}

# The things that the table names, each by a query for what an address or a body calls it.
THINGS = {
    "team": "SELECT id FROM accounts_team WHERE name = 'Pretrial services'",
    "problem": "SELECT id FROM problems_problem",
    "problem_version": "SELECT id FROM problems_problemversion ORDER BY number DESC",
    "behaviour_test": "SELECT test_id FROM problems_behaviourversion WHERE NOT critical",
    "dataset": "SELECT id FROM datasets_dataset",
    "dataset_version": "SELECT id FROM datasets_datasetversion",
    "job": "SELECT id FROM jobs_job WHERE kind = 'train'",
    "launch": "SELECT id FROM training_launch",
    "experiment": "SELECT id FROM experiments_experiment",
    "run": "SELECT run_id FROM registry_modelversion WHERE number = 3",
    "other_run": "SELECT run_id FROM registry_modelversion WHERE number = 2",
    "metric": "SELECT m.key FROM experiments_metric m JOIN registry_modelversion v USING (run_id) WHERE v.number = 3",
    "model": "SELECT id FROM registry_model",
    "model_version": "SELECT id FROM registry_modelversion WHERE number = 3",
    "evaluation": "SELECT id FROM evaluations_evaluation",
    "open_request": "SELECT id FROM reviews_approvalrequest WHERE state = 'OPEN'",
    "approved_request": "SELECT id FROM reviews_approvalrequest WHERE state = 'APPROVED'",
    "deployment": "SELECT id FROM deployments_deployment",
    "sealed_model": "SELECT replace(id::text, '-', '') FROM experiments_loggedmodel WHERE sealed_at > created_at",
    "owner_notice": "SELECT n.id FROM notices_notice n JOIN accounts_user u ON u.id = user_id WHERE username = 'owner'",
    "owner_entry": "SELECT id FROM audit_auditevent WHERE action = 'approval.approve'",
    "scientist_entry": "SELECT id FROM audit_auditevent WHERE action = 'training.launch'",
}


@dataclass(frozen=True)
class World:
    """Who calls, and the things that they ask for by name."""

    callers: dict[str, Client]
    things: dict[str, str]

    def answer(self, caller: str, begin: str, line: str, rule: dict[str, Any]) -> Any:
        """What the caller is answered; whatever that did is undone."""
        method, _, path = line.partition(" ")
        path = re.sub(_THING, lambda match: quote(self.things[match[1]], safe=""), path)
        body, kind = rule.get("body", {}), rule.get("kind", "application/octet-stream")
        if body == "{spans}":
            body = request_of(span_of())
        elif isinstance(body, dict):
            body, kind = json.dumps(body), "application/json"
            body = re.sub(_THING, lambda match: self.things[match[1]], body)
        with transaction.atomic():
            sent = {} if method == "GET" else {"data": body, "content_type": kind}
            headers = {name: self.things[thing] for name, thing in rule.get("headers", {}).items()}
            response = self.callers[caller].generic(method, f"/{begin}{path}", headers=headers, **sent)
            transaction.set_rollback(True)
        return response


@pytest.fixture
def world(demo: None) -> World:
    """The demo with a person of every role, signed in."""
    system, team = Actor.system("a test"), Team.objects.get(name="Pretrial services")
    people = {name: User.objects.get(username=name) for name in ("scientist", "owner", "admin")}
    people |= {
        "viewer": user_make(role=Role.VIEWER, team=team),
        "operator": user_make(role=Role.OPERATOR, team=team),
        "auditor": user_make(role=Role.AUDITOR),
        "outsider": user_make(),
        "narrow": user_make(),
    }
    elsewhere = team_make()
    for role in Role:
        Grant.objects.create(user=people["outsider"], team=elsewhere, role=role)
        Grant.objects.create(user=people["narrow"], team=team, role=role)
    callers = {"nobody": Client()}
    for name, user in people.items():
        callers[name] = Client()
        if name != "narrow":
            callers[name].force_login(user)
    _, secret = token_create(actor=system, user=people["narrow"], name="t", scopes=["predict"], days=1)
    callers["narrow"] = Client(headers={"Authorization": f"Bearer {secret}"})
    return World(callers, _things(system, team, people))


def _things(system: Actor, team: Team, people: dict[str, User]) -> dict[str, str]:
    things = {name: str(row_one(f"{query} LIMIT 1")) for name, query in THINGS.items()}
    viewer = people["viewer"]
    alias = ModelAlias.objects.create(model_id=things["model"], version_id=things["model_version"], name="newest")
    token, _ = token_create(actor=system, user=viewer, name="t", scopes=["read"], days=1)
    session = UserSession.objects.create(user=viewer, ip="127.0.0.1", user_agent="x", session_key="k" * 32)
    invitation = invitation_create(actor=system, email="late@example.org", team=team, role=Role.VIEWER)
    upload = Upload.objects.create(
        team=team, dataset_id=things["dataset"], filename="a.csv", size=3, expires_at=timezone.now() + timedelta(1)
    )
    stored = Artifact.objects.filter(path="MLmodel").first()
    assert stored is not None
    experiment = Experiment.objects.get(pk=things["experiment"])
    Experiment.objects.filter(pk=experiment.pk).update(tags={"kept": "1"})
    open_run = run_make(system, experiment)
    Run.objects.filter(pk=open_run.pk).update(tags={"kept": "1"})
    Artifact.objects.create(run=open_run, path="notes.txt", sha256=stored.sha256, size=stored.size)
    trace = trace_make(system, experiment, tags={"kept": "1"})
    team_view = SavedView.objects.create(team=team, experiment_id=things["experiment"], name="Best first")
    webhook = Webhook.objects.create(
        team=team, name="hook", url="https://example.org/", events=["model_version.created"]
    )
    target = ComputeTarget.objects.create(name="cluster", kind="ray", address="http://127.0.0.1:9", state="DRAINED")
    store = StorageBackend.objects.create(name="bucket", kind="S3", location="models", state="READ_ONLY")
    missed = Delivery.objects.create(webhook=webhook, event="model_version.created", body="{}", state="FAILED")
    run = Run.objects.get(pk=things["run"])
    scientist = actor_of_user(people["scientist"])
    logged = logged_model_create(
        actor=scientist, experiment_number=experiment.number, name="new", source_run_id=open_run.pk, tags={"kept": "1"}
    )
    put_away = experiment_create(actor=scientist, team_id=team.pk, name="Put away")
    experiment_archive(actor=scientist, experiment_id=put_away.pk)
    questions = evaluation_dataset_create(actor=scientist, team_id=team.pk, name="Asked", tags={"kept": "1"})
    judged = assessment_create(actor=scientist, trace_id=trace.pk, draft=AssessmentDraft("right", "FEEDBACK", True))
    Lesson.objects.create(run=run, team_id=run.team_id, effect="HELPED", text="Noted.", updated_at=timezone.now())
    export, _ = export_make(actor=scientist, evaluation_id=things["evaluation"], format="PDF")
    Export.objects.filter(pk=export.pk).update(state="READY", sha256=stored.sha256, size=stored.size)
    batch = batch_score_launch(
        actor=scientist, deployment_id=things["deployment"], dataset_version_id=things["dataset_version"]
    )
    file = {"sha256": stored.sha256, "size": stored.size, "scored": 1, "refused": 0}
    BatchScore.objects.filter(pk=batch.pk).update(state="COMPLETE", **file)
    bundle = bundle_row(team, stored)
    environment = environment_row(team)
    proposal = proposal_save(actor=scientist, evaluation_id=things["evaluation"], threshold=0.4, reason="So.")
    artifact_store(actor=system, run_id=open_run.pk, path=TABLE_FILE, chunks=[b'{"columns": ["a"], "data": [[1]]}'])
    table = table_judge(
        actor=scientist, run_id=open_run.pk, problem_id=things["problem"], brought=Brought("Notebook", "outputs")
    )
    made = {
        "evaluation_table": table.pk,
        "export": export.pk,
        "batch_score": batch.pk,
        "proposal": proposal.pk,
        "bundle": bundle.pk,
        "environment": environment.pk,
        "code_launch": code_launch(actor=scientist, bundle_id=bundle.pk).pk,
        "sweep": sweep_create(
            actor=scientist,
            bundle_id=bundle.pk,
            entry="train.py:train",
            method="RANDOM",
            space={"rate": {"low": 0.1, "high": 1}},
            objectives=[{"metric": "loss", "direction": "MINIMISE"}],
        ).pk,
        "template": template_save(actor=scientist, bundle_id=bundle.pk, name="Weekly").pk,
        "trace": trace.pk,
        "webhook": webhook.pk,
        "worker": Worker.objects.create(name="here:1:1.00", version="1", seen_at=timezone.now()).pk,
        "drained_worker": Worker.objects.create(
            name="here:2:1.00", version="1", seen_at=timezone.now(), drained_at=timezone.now()
        ).pk,
        "store": store.pk,
        "store_test": StorageTest.objects.create(backend=store, state="PASSED").pk,
        "store_move": StorageMove.objects.create(team=team, source=backend_own(), target=store).pk,
        "target": target.pk,
        "target_test": TargetTest.objects.create(target=target, state="PASSED").pk,
        "delivery": missed.pk,
        "alias": alias.name,
        "person": viewer.pk,
        "grant": Grant.objects.get(user=viewer).pk,
        "invitation": invitation.pk,
        "upload": upload.pk,
        "open_run": open_run.pk,
        "team_view": team_view.pk,
        "viewer_token": token.pk,
        "viewer_session": session.pk,
    }
    made["schedule"] = schedule_create(
        actor=scientist, name="Nightly", trigger="CRON", cron="0 2 * * *", act="TEMPLATE", template_id=made["template"]
    ).pk
    mlflow = {
        "number": experiment.number,
        "sealed_model": f"m-{things['sealed_model']}",
        "archived_number": put_away.number,
        "experiment_name": experiment.name,
        "open_run_hex": open_run.pk.hex,
        "model_name": Model.objects.get(pk=things["model"]).name,
        "logged_model": f"m-{logged.pk.hex}",
        "trace_key": trace.key,
        "assessment": f"a-{judged.pk.hex}",
        "evaluation_dataset": f"d-{questions.pk.hex}",
        "person_name": viewer.username,
        "workspace": team.slug,
        "workspace_role": f"{team.slug}:{Role.VIEWER}",
    }
    words = {
        "artifact": "notes.txt",
        "file": "MLmodel",
        "kind": "registry.modelversion",
        "sha256": "0" * 64,
        "word": "x",
    }
    return things | {name: str(one) for name, one in (made | mlflow).items()} | words


def _expected(rule: dict[str, Any]) -> dict[str, int]:
    """{caller: status}, LET_IN for those who are."""
    who = rule["who"]
    named = set(ROLES if who in ("team", "anyone") else who.split())
    assert named <= set(ROLES), f"no such role: {named - set(ROLES)}"
    found = {role: LET_IN if role in named else rule.get("refused", 403) for role in ROLES}
    outside = LET_IN if who == "anyone" else rule.get("outside", 404)
    return found | {"outsider": outside, "narrow": rule.get("narrow", outside), "nobody": 401}


def _shape(path: str) -> str:
    """An address without what differs from thing to thing."""
    return re.sub(r"<[^>]+>|\{\w+\}", "{}", path.partition("?")[0])


def _named(begin: str) -> set[str]:
    lines = [line.partition(" ") for start, lines in TABLE.values() if start == begin for line in lines]
    return {f"{method} {_shape(path)}" for method, _, path in lines}


def test_the_table_names_every_route_and_method_once():
    routes = {
        f"{method} {_shape(route.pattern.removeprefix(API))}"
        for route in routes_all()
        if route.pattern.startswith(API)
        for method in route.methods
    }

    assert routes - _named(API) == set()
    assert _named(API) - routes == set()


def test_the_table_names_every_call_of_mlflow_once_and_its_twins_are_the_same_functions():
    views = {route.pattern: route for route in routes_all() if route.is_mlflow and "<rest>" not in route.pattern}
    twins = {pattern for pattern in views if pattern.removeprefix("ajax-") != pattern and pattern[5:] in views}
    routes = {f"{m} {_shape(p)}" for p, route in views.items() if p not in twins for m in route.methods}
    shapes = {re.sub(r"\{\}/\{\}/artifacts/[^ ]*$", "{}", one).replace("/tags/kept", "/tags/{}") for one in _named("")}

    assert [pattern for pattern in twins if views[pattern].view is not views[pattern[5:]].view] == []
    assert routes - shapes == set()
    assert shapes - routes == set()


@pytest.mark.parametrize("noun", TABLE)
def test_every_role_gets_what_the_table_says(noun, world):
    wrong = []

    begin, lines = TABLE[noun]
    for line, rule in lines.items():
        for caller, status in _expected(rule).items():
            answer = world.answer(caller, begin, line, rule)
            refused = answer.status_code in (401, 403, 404)
            if (answer.status_code if refused else LET_IN) != status:
                wrong.append(
                    f"{line}: {caller} is answered {answer.status_code}, not {status}: {answer.content[:300]!r}"
                )

    assert not wrong, "\n" + "\n".join(wrong)
