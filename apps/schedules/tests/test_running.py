from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Grant
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets.tests.factories import csv_bytes, rows_make, version_sealed
from apps.jobs.models import Job
from apps.notices.models import Notice
from apps.schedules import selectors, services
from apps.schedules.models import Schedule, ScheduleRun
from apps.sweeps.tests.factories import sweep_make
from apps.training.models import Launch
from apps.training.tests.factories import Ground, ground_make, job_end_well, launch_make

pytestmark = pytest.mark.django_db


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


START = at("2026-06-01T12:00")


def schedule_make(ground: Ground, **fields: Any) -> Schedule:
    values: dict[str, Any] = {"name": "Nightly", "trigger": "CRON", "cron": "0 2 * * *", "zone": "Europe/Berlin"}
    if "act" not in fields:
        values |= {"act": "TRAINING", "launch_id": launch_make(ground).pk}
    return services.schedule_create(actor=ground.scientist, **{**values, "now": START, **fields})


def runs_of(schedule: Schedule) -> list[ScheduleRun]:
    return list(ScheduleRun.objects.filter(schedule=schedule).select_related("job", "run").order_by("due_at", "id"))


def test_it_launches_when_it_is_due_once_and_says_what_began_it():
    ground = ground_make()
    schedule = schedule_make(ground)
    services.schedules_tick(now=at("2026-06-01T23:59"))
    assert runs_of(schedule) == []

    services.schedules_tick(now=at("2026-06-02T00:00:03"))
    services.schedules_tick(now=at("2026-06-02T00:00:05"))

    (run,) = runs_of(schedule)
    assert (run.state, run.cause) == ("LAUNCHED", "due 02 Jun 2026 02:00 Europe/Berlin")
    assert run.job is not None
    assert run.job.created_by_id == ground.scientist.id
    assert selectors.run_of_job(ground.owner, run.job.pk) == run
    assert selectors.run_of_run(ground.owner, run.job.run_id) == run
    schedule.refresh_from_db()
    assert schedule.next_at == at("2026-06-03T00:00")


def test_missed_times_are_left_out_or_run_once_as_the_schedule_says():
    ground = ground_make()
    left_out = schedule_make(ground)
    once = schedule_make(ground, name="Once", missed="ONCE")

    services.schedules_tick(now=at("2026-06-05T10:00"))

    assert [(one.state, one.note) for one in runs_of(left_out)] == [
        ("SKIPPED", "Missed with 4 in all: nothing ran then.")
    ]
    (run,) = runs_of(once)
    assert (run.state, run.cause) == ("LAUNCHED", "due 05 Jun 2026 02:00 Europe/Berlin, run late for 4 missed")
    assert set(Schedule.objects.values_list("next_at", flat=True)) == {at("2026-06-06T00:00")}


def test_years_without_a_beat_are_one_line_and_no_flood():
    ground = ground_make()
    schedule = schedule_make(ground, cron="* * * * *", missed="ONCE")

    services.schedules_tick(now=START + timedelta(days=400))

    (run,) = runs_of(schedule)
    assert "more than 1000 missed" in run.cause


@pytest.mark.parametrize(("overlap", "second"), [("SKIP", "SKIPPED"), ("QUEUE", "WAITING")])
def test_while_the_one_before_runs_the_next_is_left_out_or_waits(overlap, second):
    ground = ground_make()
    schedule = schedule_make(ground, overlap=overlap)
    services.schedules_tick(now=at("2026-06-02T00:00"))

    services.schedules_tick(now=at("2026-06-03T00:00"))
    assert [one.state for one in runs_of(schedule)] == ["LAUNCHED", second]
    job_end_well(Launch.objects.get(job_id=runs_of(schedule)[0].job_id))
    services.schedules_tick(now=at("2026-06-03T00:01"))

    assert runs_of(schedule)[1].state == ("LAUNCHED" if overlap == "QUEUE" else "SKIPPED")


def test_each_new_version_of_data_is_one_run_on_it():
    ground = ground_make()
    schedule = schedule_make(ground, trigger="DATA", dataset_id=ground.version.dataset_id, overlap="QUEUE")
    services.schedules_tick(now=START)
    assert runs_of(schedule) == []

    second = version_sealed(ground.scientist, ground.version.dataset, csv_bytes(rows_make(250)))
    services.schedules_tick(now=START)
    services.schedules_tick(now=START)

    (run,) = runs_of(schedule)
    assert (run.state, run.cause) == ("LAUNCHED", f"version {second.number} of {ground.version.dataset}")
    assert run.cause_url == f"/datasets/versions/{second.pk}/" or str(second.pk) in run.cause_url
    assert Launch.objects.get(job_id=run.job_id).dataset_version_id == second.pk


def test_a_leavers_schedule_stops_says_so_and_is_taken_over():
    ground = ground_make()
    schedule = schedule_make(ground)
    from apps.accounts.tests.factories import actor_make

    other = actor_make(Role.DATA_SCIENTIST, ground.team)
    Grant.objects.filter(user_id=ground.scientist.id).delete()

    services.schedules_tick(now=at("2026-06-02T00:00"))
    services.schedules_tick(now=at("2026-06-03T00:00"))

    schedule.refresh_from_db()
    (run,) = runs_of(schedule)
    assert (schedule.state, run.state) == ("STOPPED", "FAILED")
    assert "may not run jobs in the team any more" in schedule.cause
    assert Notice.objects.filter(kind="schedule.stopped", user_id=other.id).count() == 1
    assert Launch.objects.filter(job__created_by_id=ground.scientist.id).count() == 1
    with pytest.raises(Conflict):
        services.schedule_resume(actor=other, schedule_id=schedule.pk)
    services.schedule_take(actor=other, schedule_id=schedule.pk, now=at("2026-06-03T10:00"))
    services.schedules_tick(now=at("2026-06-04T00:00"))
    assert runs_of(schedule)[-1].job.created_by_id == other.id


def test_what_cannot_be_launched_has_a_cause_and_the_owner_is_told_and_it_goes_on():
    ground = ground_make()
    schedule = schedule_make(ground)
    ground.problem.state = "SUSPENDED"
    ground.problem.save()

    services.schedules_tick(now=at("2026-06-02T00:00"))

    (run,) = runs_of(schedule)
    schedule.refresh_from_db()
    assert (run.state, schedule.state) == ("FAILED", "ACTIVE")
    assert "suspended" in run.note
    assert Notice.objects.filter(kind="schedule.failed", user_id=ground.scientist.id).exists()


def test_a_paused_one_runs_nothing_and_what_it_missed_goes_by_its_rule():
    ground = ground_make()
    schedule = schedule_make(ground, trigger="DATA", dataset_id=ground.version.dataset_id)
    services.schedule_pause(actor=ground.scientist, schedule_id=schedule.pk)
    version_sealed(ground.scientist, ground.version.dataset, csv_bytes(rows_make(250)))
    services.schedules_tick(now=START)

    services.schedule_resume(actor=ground.scientist, schedule_id=schedule.pk, now=START)
    services.schedules_tick(now=START)

    assert runs_of(schedule) == []


def test_a_sweep_is_begun_again_and_names_the_schedule():
    ground = ground_make()
    schedule = schedule_make(ground, act="SWEEP", sweep_id=sweep_make(ground).pk)

    services.schedules_tick(now=at("2026-06-02T00:00"))

    (run,) = runs_of(schedule)
    assert run.sweep is not None
    assert run.sweep.begun_by == "schedule Nightly, due 02 Jun 2026 02:00 Europe/Berlin"
    assert run.sweep.begun_url == f"/schedules/{schedule.pk}/"
    assert run.sweep.space == schedule.sweep.space


def test_run_once_now():
    ground = ground_make()
    schedule = schedule_make(ground)

    services.schedule_now(actor=ground.scientist, schedule_id=schedule.pk, now=START)
    services.schedules_tick(now=START)

    (run,) = runs_of(schedule)
    assert run.state == "LAUNCHED"
    assert run.cause.startswith("asked for by")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"trigger": "MOON"}, "trigger"),
        ({"trigger": "DATA"}, "dataset_id"),
        ({"trigger": "CODE"}, "bundle_name"),
        ({"missed": "TWICE"}, "missed"),
        ({"name": " "}, "name"),
        ({"act": "SWEEP"}, "sweep_id"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(fields, where):
    ground = ground_make()

    with pytest.raises(Invalid) as refusal:
        schedule_make(ground, **fields)

    assert where in refusal.value.fields


def test_strangers_see_none_and_viewers_change_none():
    ground, other = ground_make(), ground_make()
    schedule = schedule_make(ground)

    with pytest.raises(NotFound):
        services.schedule_pause(actor=other.scientist, schedule_id=schedule.pk)
    with pytest.raises(Forbidden):
        services.schedule_pause(actor=ground.owner, schedule_id=schedule.pk)
    with pytest.raises(NotFound):
        schedule_make(other, act="TRAINING", launch_id=schedule.launch_id)
    with pytest.raises(Conflict):
        schedule_make(ground)


@pytest.mark.django_db(transaction=True)
def test_one_time_is_one_run_under_workers_side_by_side():
    ground = ground_make()
    schedule = schedule_make(ground)
    before = Job.objects.count()
    faults: list[Exception] = []

    def tick() -> None:
        try:
            services.schedules_tick(now=at("2026-06-02T00:00"))
        except Exception as error:  # noqa: BLE001 - told by the thread that asked
            faults.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=tick) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    services.schedules_tick(now=at("2026-06-02T00:00"))

    assert faults == []
    assert [one.state for one in runs_of(schedule)] == ["LAUNCHED"]
    assert Job.objects.count() == before + 1
