from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.core.actors import Actor
from apps.schedules import services
from apps.schedules.models import Schedule, ScheduleRun
from apps.training.models import Launch
from apps.training.tests.factories import Ground, ground_make, launch_make

pytestmark = pytest.mark.django_db


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.get(pk=actor.id))
    return client


def form_of(launch: Launch, **fields: Any) -> dict[str, Any]:
    return {
        "run": str(launch.run_id),
        "name": "Nightly",
        "act": "TRAINING",
        "launch_id": str(launch.pk),
        "trigger": "CRON",
        "cron": "0 2 * * *",
        "zone": "Europe/Berlin",
        "missed": "SKIP",
        "overlap": "SKIP",
        **fields,
    }


def made(ground: Ground) -> Schedule:
    launch = launch_make(ground)
    return services.schedule_create(
        actor=ground.scientist, name="Nightly", trigger="CRON", cron="0 2 * * *", act="TRAINING", launch_id=launch.pk
    )


def test_the_form_says_the_next_times_and_makes_a_schedule():
    ground = ground_make()
    client, launch = client_of(ground.scientist), launch_make(ground)
    shown = client.get("/schedules/create/", {"run": launch.run_id}).content.decode()
    times = client.get("/schedules/times/", {"cron": "30 4 1 1 *", "zone": "Europe/Berlin"}).content.decode()
    assert "Next five times" in shown
    assert times.count("<time") == 5
    assert "04:30" in times

    answer = client.post("/schedules/create/", form_of(launch))

    schedule = Schedule.objects.get()
    assert answer.headers["Location"] == f"/schedules/{schedule.pk}/"
    assert (schedule.cron, schedule.zone, schedule.launch_id) == ("0 2 * * *", "Europe/Berlin", launch.pk)
    page = client.get(f"/schedules/{schedule.pk}/").content.decode()
    assert "Europe/Berlin" in page
    assert "It has not run yet" in page
    assert "Nightly" in client.get("/schedules/").content.decode()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"cron": "99 * * * *"}, "is no minute"),
        ({"cron": ""}, "Give five fields"),
        ({"trigger": "DATA"}, "Choose a dataset."),
        ({"act": "MOON"}, "Select a valid choice"),
        ({"act": "SWEEP"}, "Choose a sweep."),
    ],
)
def test_what_makes_no_sense_is_said_in_the_form(fields, told):
    ground = ground_make()

    answer = client_of(ground.scientist).post("/schedules/create/", form_of(launch_make(ground), **fields))

    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert client_of(ground.scientist).get("/schedules/times/", {"cron": "\x00"}).status_code == 200


def test_buttons_pause_resume_start_and_remove():
    ground = ground_make()
    client, schedule = client_of(ground.scientist), made(ground)

    for act, state in (("pause", "PAUSED"), ("resume", "ACTIVE"), ("start", "ACTIVE"), ("take", "ACTIVE")):
        assert client.post(f"/schedules/{schedule.pk}/{act}/").status_code == 302
        schedule.refresh_from_db()
        assert schedule.state == state
    services.schedules_tick()
    run = ScheduleRun.objects.get()
    assert "asked for by" in client.get(f"/schedules/{schedule.pk}/").content.decode()
    assert "Begun by" in client.get(f"/jobs/{run.job_id}/").content.decode()
    assert "Begun by" in client.get(f"/runs/{run.run_id}/").content.decode()
    assert client.post(f"/schedules/{schedule.pk}/remove/").headers["Location"] == "/schedules/"
    assert client.get(f"/schedules/{schedule.pk}/").status_code == 404


def test_a_stranger_gets_none_and_who_only_looks_no_button():
    ground, other = ground_make(), ground_make()
    schedule = made(ground)

    assert client_of(other.scientist).get(f"/schedules/{schedule.pk}/").status_code == 404
    assert "Run once now" not in client_of(ground.owner).get(f"/schedules/{schedule.pk}/").content.decode()
    assert client_of(ground.owner).post(f"/schedules/{schedule.pk}/pause/").status_code == 403
    assert "You may not create a schedule here" in client_of(ground.owner).get("/schedules/create/").content.decode()


def test_the_api_does_the_same():
    ground = ground_make()
    client, launch = client_of(ground.scientist), launch_make(ground)
    body = {"name": "Nightly", "trigger": "CRON", "cron": "0 2 * * *", "act": "TRAINING", "launch_id": str(launch.pk)}

    answer = client.post("/api/v1/schedules", body, content_type="application/json")
    again = client.post("/api/v1/schedules", body, content_type="application/json")
    wrong = client.post("/api/v1/schedules", {**body, "cron": "x"}, content_type="application/json")

    assert (answer.status_code, again.status_code, wrong.status_code) == (201, 409, 400)
    assert "cron" in str(wrong.json())
    pk = answer.json()["id"]
    assert client.post(f"/api/v1/schedules/{pk}/pause").json()["state"] == "PAUSED"
    assert client.post(f"/api/v1/schedules/{pk}/start").status_code == 201
    assert client.get(f"/api/v1/schedules/{pk}/runs").json()["results"][0]["state"] == "WAITING"
    assert len(client.get("/api/v1/schedules/times", {"cron": "0 2 * * *"}).json()["times"]) == 5
    assert client.get("/api/v1/schedules/times", {"cron": "0 2 * * *", "zone": "x"}).status_code == 400
    assert client.delete(f"/api/v1/schedules/{pk}").status_code == 204


def test_a_schedule_is_edited_on_its_page_and_keeps_its_state():
    ground = ground_make()
    schedule = made(ground)
    services.schedule_pause(actor=ground.scientist, schedule_id=schedule.pk)
    schedule.refresh_from_db()
    client, url = client_of(ground.scientist), f"/schedules/{schedule.pk}/edit/"
    shown = client.get(url).content.decode()
    assert 'value="0 2 * * *"' in shown
    assert f'name="row_version" value="{schedule.row_version}"' in shown
    fields = form_of(schedule.launch, name="Weekly", cron="30 4 * * 1", row_version=str(schedule.row_version))

    answer = client.post(url, fields)

    assert answer.headers["Location"] == f"/schedules/{schedule.pk}/"
    schedule.refresh_from_db()
    assert (schedule.name, schedule.cron, schedule.state) == ("Weekly", "30 4 * * 1", "PAUSED")
    stale = client.post(url, {**fields, "name": "Monthly"})
    assert stale.status_code == 409
    assert "Somebody changed this schedule" in stale.content.decode()
    wrong = client.post(url, {**fields, "row_version": str(schedule.row_version), "cron": "nonsense"})
    assert wrong.status_code == 422
    assert f"/schedules/{schedule.pk}/edit/" in client.get(f"/schedules/{schedule.pk}/").content.decode()


def test_the_form_of_one_that_waits_for_a_change_has_no_fault_in_its_times():
    ground = ground_make()
    launch = launch_make(ground)
    schedule = services.schedule_create(
        actor=ground.scientist,
        name="On data",
        trigger="DATA",
        dataset_id=ground.version.dataset_id,
        act="TRAINING",
        launch_id=launch.pk,
    )

    shown = client_of(ground.scientist).get(f"/schedules/{schedule.pk}/edit/").content.decode()

    assert "Give five fields" not in shown
    assert 'value="0 2 * * *"' in shown


def test_who_may_not_keep_schedules_edits_none():
    ground = ground_make()
    schedule = made(ground)
    client = client_of(ground.owner)

    assert "You may not edit this schedule" in client.get(f"/schedules/{schedule.pk}/edit/").content.decode()
    assert client.post(f"/schedules/{schedule.pk}/edit/", form_of(schedule.launch)).status_code == 403
