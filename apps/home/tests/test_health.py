"""How the installation is: the verdict, what still works, and the worker that is drained in two clicks."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from apps.accounts.tests.factories import team_make, user_make
from apps.compute.selectors import target_local
from apps.core.actors import Role
from apps.core.models import LongTask
from apps.home.health import facts
from apps.jobs import services as jobs
from apps.jobs.models import Job, Pulse, Worker
from apps.jobs.tests.factories import job_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(user_make(role=Role.ADMINISTRATOR, team=None))
    return client


@pytest.fixture
def well() -> None:
    """A worker and beat that live."""
    jobs.worker_seen()
    jobs.beat_note()


def parts() -> dict[str, facts.Part]:
    return {part.key: part for part in facts.health_collect().parts}


def shown(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return " ".join(answer.content.decode().split())


def test_every_part_is_told_of_with_what_is_known(well, page):
    text = shown(page.get("/admin/health/"))

    for title in (
        *("Web", "Database", "Broker", "Live pages", "Gateway", "Stores", "Workers", "Beat", "Clocks", "Queues"),
        *("Compute targets", "Backup"),
    ):
        assert title in text
    assert "1 worker takes jobs." in text
    assert "None was made with this installation" in text
    assert "every 10s" in text


def test_what_is_down_is_the_verdict_with_what_still_works(well, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    settings.GATEWAY_INTERNAL_URL = "http://127.0.0.1:9"

    found = facts.health_collect()

    assert found.state == "DOWN"
    assert found.verdict.startswith("Down: broker and")
    assert "Pages work" in found.advice
    assert "callers of live models get no answer" in found.advice


def test_a_worker_and_beat_that_are_silent_are_down(well):
    Worker.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    Pulse.objects.update(at=timezone.now() - timedelta(minutes=2))

    found = parts()

    assert (found["workers"].state, found["beat"].state) == ("DOWN", "DOWN")
    assert "jobs wait" in found["workers"].works


def test_a_clock_that_jumped_is_seen(well):
    Worker.objects.update(clock_ahead=3 * 3600)

    found = parts()["clocks"]

    assert found.state == "DOWN"
    assert "One is 3\u202fh off" in found.text


def test_a_job_that_waits_for_long_is_named_with_the_reason(well):
    job = job_make()
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    target = target_local()
    type(target).objects.update(state="DRAINED")

    found = parts()

    assert found["queues"].state == "WARN"
    assert f"Job {job.number} has waited" in found["queues"].text
    assert "drained" in found["queues"].text
    assert found["targets"].text == "None takes jobs."


def test_a_degraded_target_and_an_old_backup_need_a_look(well):
    target = target_local()
    type(target).objects.update(state="DEGRADED", state_reason="The folder cannot be written.")
    LongTask.objects.create(key="backup", title="Backup", state="DONE")
    LongTask.objects.update(updated_at=timezone.now() - timedelta(days=30))

    found = parts()

    assert found["targets"].text == "local: The folder cannot be written."
    assert found["backup"].state == "WARN"


def test_a_store_that_is_away_is_told_and_the_page_still_comes(well, page, monkeypatch):
    from django.core.files.storage import storages

    def away(name: str) -> bool:
        raise OSError("away")

    monkeypatch.setattr(storages["blobs"], "exists", away)

    text = shown(page.get("/admin/health/"))

    assert "The store of files does not answer (OSError)" in text


def test_a_worker_is_drained_and_resumed_from_the_page(well, page):
    worker = Worker.objects.get()

    drained = shown(page.post(f"/admin/health/workers/{worker.pk}/drain/", follow=True))
    again = shown(page.post(f"/admin/health/workers/{worker.pk}/drain/", follow=True))
    resumed = shown(page.post(f"/admin/health/workers/{worker.pk}/resume/", follow=True))

    assert "Every worker is drained: no job starts." in drained
    assert "is drained already" in again
    assert "1 worker takes jobs." in resumed


def test_the_same_facts_for_scripts(well, page):
    told = page.get("/api/v1/health").json()

    assert [part["key"] for part in told["parts"]] == list(parts())
    assert told["workers"][0]["id"] == str(Worker.objects.get().pk)
    assert page.post(f"/api/v1/workers/{told['workers'][0]['id']}/drain").status_code == 204
    assert page.post(f"/api/v1/workers/{told['workers'][0]['id']}/drain").status_code == 409


def test_the_command_tells_the_same(well, capsys):
    with pytest.raises(SystemExit):  # no web process runs beside this test
        call_command("status", "--json")

    told = json.loads(capsys.readouterr().out)
    assert [part["key"] for part in told["health"]["parts"]] == list(parts())


def test_others_are_told_who_sees_it(page):
    for role, team in ((Role.DATA_SCIENTIST, team_make()), (Role.OPERATOR, team_make()), (Role.AUDITOR, None)):
        client = Client()
        client.force_login(user_make(role=role, team=team))
        for path in ("/admin/health/", "/admin/health/now/"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "of the whole site" in answer.content.decode()
