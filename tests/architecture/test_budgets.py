"""Every page asks the database at most as often as its line in `query_budgets.toml` allows, however long its lists are.

The walk over the resolver finds the pages, so a new one fails here until it has a line. Data are the demo's with a
hundred more runs and jobs; each page is asked by an administrator, the owner and the scientist, and the most counts.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.selectors import actor_of_user
from apps.code.models import Environment
from apps.code.tests.factories import bundle_row, environment_row
from apps.core.actors import Actor
from apps.datasets.models import DatasetVersion
from apps.deployments.models import BatchScore, Deployment
from apps.deployments.services import batch_score_launch
from apps.experiments import services as experiments
from apps.experiments.models import Artifact, Experiment
from apps.schedules.models import ScheduleRun
from apps.schedules.services import schedule_create
from apps.sweeps.models import Trial
from apps.sweeps.services import sweep_create
from apps.traces.tests.factories import trace_make
from apps.training.models import CodeLaunch
from apps.training.services import code_launch, template_save
from apps.webhooks.models import Delivery, Webhook
from bench._rows import jobs_add, runs_add
from tests.architecture.pages import address, pages_all
from tests.architecture.test_routes import Route
from workers.contracts.scoring import RowRefused, ScoreResult

BUDGETS: dict[str, int] = tomllib.loads(Path(__file__).with_name("query_budgets.toml").read_text())["queries"]
MOST = 15


def signed_in(username: str) -> Client:
    client = Client()
    user = get_user_model().objects.get(username=username)
    client.force_login(user)
    return client


def measure(route: Route, clients: list[Client]) -> int | None:
    """The most queries that anybody's page took; None when nobody gets a page there."""
    where, most = address(route), None
    for client in clients if where else []:
        with CaptureQueriesContext(
            connection,
        ) as found:
            answer = client.get(where)
        assert answer.status_code < 500, where
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            most = max(most or 0, len(found))
    return most


def batch_make(scientist: Actor) -> None:
    """A batch score with a hundred refused rows, as it stands once its job has ended."""
    deployment = Deployment.objects.get()
    data = DatasetVersion.objects.filter(state="SEALED").first()
    assert data is not None
    batch = batch_score_launch(actor=scientist, deployment_id=deployment.pk, dataset_version_id=data.pk)
    why = tuple(RowRefused(row, "age", "It has no value.") for row in range(100))
    found = ScoreResult(9, 100, why, 1.0, (("No", 4), ("Yes", 5)), "probability:Yes", (0.0, 0.5, 1.0), (4, 5))
    facts = {"scored": 9, "refused": 100, "seconds": 1.0, "size": 9, "csv_size": 9, "completed_at": timezone.now()}
    BatchScore.objects.filter(pk=batch.pk).update(state="COMPLETE", result=found.to_json(), **facts)


def outside_make(experiment: Experiment) -> None:
    """What a client or an operator makes and the demo has none of: evaluation datasets, webhooks, code."""
    actor, team = Actor.system("a test"), experiment.team
    for number in range(3):
        dataset = experiments.evaluation_dataset_create(
            actor=actor, team_id=team.pk, name=f"questions {number}", experiments=[experiment], tags={"stage": "draft"}
        )
        drafts = [experiments.RecordDraft(inputs={"question": f"number {n}"}, tags={"n": str(n)}) for n in range(100)]
        experiments.evaluation_records_upsert(actor=actor, dataset_id=dataset.pk, drafts=drafts)
        event = "model_version.created"
        hook = Webhook.objects.create(team=team, name=f"hook {number}", url="https://example.org/", events=[event])
        told = {"event": event, "body": "{}", "attempts": 1, "attempted_at": timezone.now()}
        for state in ("SENT", "FAILED", "QUEUED"):
            Delivery.objects.create(webhook=hook, state=state, **told)
    scientist = actor_of_user(get_user_model().objects.get(username="scientist"))
    batch_make(scientist)
    stored = Artifact.objects.order_by("sha256").distinct("sha256")[:3]
    for number, artifact in enumerate(stored):
        bundle = bundle_row(team, artifact)
        environment_row(team, str(number))
        template_save(actor=scientist, bundle_id=bundle.pk, name=f"template {number}")
        for _ in range(30):
            code_launch(actor=scientist, bundle_id=bundle.pk)
    aims = [{"metric": "loss", "direction": "MINIMISE"}, {"metric": "cost", "direction": "MINIMISE"}]
    sweep = sweep_create(
        actor=scientist,
        bundle_id=bundle.pk,
        entry="train.py:train",
        method="RANDOM",
        space={"rate": {"low": 0.1, "high": 1}},
        objectives=aims,
    )
    launches = list(CodeLaunch.objects.filter(bundle=bundle).order_by("pk"))
    Trial.objects.bulk_create(
        Trial(
            sweep=sweep,
            number=number,
            state="DONE",
            params={"rate": number / 30},
            values=[number / 30, 1 - number / 30],
            within=True,
            run_id=one.run_id,
            job_id=one.job_id,
            ended_at=timezone.now(),
        )
        for number, one in enumerate(launches, 1)
    )
    for number in range(3):
        schedule = schedule_create(
            actor=scientist, name=f"weekly {number}", trigger="CRON", cron="0 3 * * 1", act="SWEEP", sweep_id=sweep.pk
        )
    ScheduleRun.objects.bulk_create(
        ScheduleRun(
            schedule=schedule,
            key=f"due:{number}",
            state="LAUNCHED",
            cause=f"due {number}",
            due_at=timezone.now(),
            job_id=one.job_id,
            run_id=one.run_id,
        )
        for number, one in enumerate(launches)
    )
    environment = Environment.objects.order_by("-pk").first()
    CodeLaunch.objects.filter(bundle=bundle).update(environment=environment)


@pytest.fixture
def measured(demo: None) -> dict[str, int]:
    """Queries per page name."""
    with connection.cursor() as cursor:
        runs_add(cursor, 100)
        jobs_add(cursor, 100)
    experiment = Experiment.objects.order_by("-pk").first()
    assert experiment is not None
    for spans in (3, 300):
        trace_make(Actor.system("a test"), experiment, spans=spans)
    outside_make(experiment)
    clients = [signed_in(name) for name in ("admin", "owner", "scientist")]
    routes = pages_all()
    for route in routes.values():
        measure(route, clients[:1])  # what is loaded once per process is no query of a page
    found = {name: measure(route, clients) for name, route in routes.items()}
    return {name: count for name, count in found.items() if count is not None}


def test_every_page_keeps_to_its_budget(measured):
    missing = sorted(set(measured) - set(BUDGETS))
    gone = sorted(set(BUDGETS) - set(measured))
    over = {
        name: (count, BUDGETS.get(name, MOST)) for name, count in measured.items() if count > BUDGETS.get(name, MOST)
    }

    assert not over, f"queries, budget: {over}"
    assert not missing, f"pages without a line: { {name: measured[name] for name in missing} }"
    assert not gone, f"lines without a page: {gone}"


def test_no_budget_is_above_what_was_promised():
    assert {name: count for name, count in BUDGETS.items() if count > MOST} == {}
