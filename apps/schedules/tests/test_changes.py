"""What begins after a change of code, of data that a template reads, of a problem; and evaluations."""

from __future__ import annotations

from typing import Any

import pytest

from apps.code.tests.factories import bundle_make
from apps.datasets.tests.factories import csv_bytes, rows_make, version_sealed
from apps.problems import services as problem_services
from apps.problems.selectors import version_open
from apps.schedules import services
from apps.schedules.models import Schedule, ScheduleRun
from apps.training.models import CodeLaunch
from apps.training.services import template_save
from apps.training.tests.factories import Ground, ground_make, job_end_well, launch_make

pytestmark = pytest.mark.django_db

READS = """
from typing import Annotated

def train(data: Annotated[str, "dataset"], rate: float = 0.1):
    print(rate)
"""
PLAIN = "def train(rate: float = {rate}):\n    print(rate)\n"


def made(ground: Ground, **fields: Any) -> Schedule:
    return services.schedule_create(actor=ground.scientist, **{"name": "On change", **fields})


def run_of(schedule: Schedule) -> ScheduleRun:
    return ScheduleRun.objects.select_related("job").get(schedule=schedule)


def test_other_code_of_the_same_name_is_run_once_as_the_template_says():
    ground = ground_make()
    old = bundle_make(ground.scientist, ground.team, PLAIN.format(rate=0.1))
    template = template_save(actor=ground.scientist, bundle_id=old.pk, name="Weekly", entry="train.py:train")
    schedule = made(ground, trigger="CODE", bundle_name=old.name, act="TEMPLATE", template_id=template.pk)
    services.schedules_tick()
    assert not ScheduleRun.objects.exists()

    new = bundle_make(ground.scientist, ground.team, PLAIN.format(rate=0.5))
    services.schedules_tick()
    services.schedules_tick()

    run = run_of(schedule)
    assert (run.state, run.cause) == ("LAUNCHED", f"code {new}")
    launch = CodeLaunch.objects.get(job_id=run.job_id)
    # The template's values, on the code that changed.
    assert (launch.bundle_id, launch.params) == (new.pk, {"rate": 0.1})


def test_an_accepted_version_of_a_problem_trains_again():
    ground = ground_make()
    launch = launch_make(ground)
    schedule = made(ground, trigger="PROBLEM", problem_id=ground.problem.pk, act="TRAINING", launch_id=launch.pk)
    services.schedules_tick()
    assert not ScheduleRun.objects.exists()

    problem_services.problem_version_new(actor=ground.scientist, problem_id=ground.problem.pk, reason="Costs rose.")
    draft = version_open(ground.problem)
    assert draft is not None
    services.schedules_tick()
    assert not ScheduleRun.objects.exists()
    problem_services.problem_submit(actor=ground.scientist, version_id=draft.pk)
    problem_services.problem_accept(actor=ground.owner, version_id=draft.pk)
    services.schedules_tick()

    run = run_of(schedule)
    assert (run.state, run.change_id) == ("LAUNCHED", draft.pk)
    assert "version 2 of the problem" in run.cause


def test_the_newest_version_of_a_model_is_evaluated():
    ground = ground_make()
    launch = launch_make(ground)
    job_end_well(launch)
    schedule = made(ground, trigger="CRON", cron="0 2 * * *", act="EVALUATION", model_id=launch.model_id)

    services.schedule_now(actor=ground.scientist, schedule_id=schedule.pk)
    services.schedules_tick()

    run = run_of(schedule)
    assert (run.state, run.note) == ("LAUNCHED", "")
    assert run.job is not None
    assert run.job.kind == "evaluate"


def test_versions_that_were_sealed_while_it_was_paused_run_once_if_it_says_so():
    ground = ground_make()
    launch = launch_make(ground)
    schedule = made(
        ground, trigger="DATA", dataset_id=ground.version.dataset_id, act="TRAINING", launch_id=launch.pk, missed="ONCE"
    )
    services.schedule_pause(actor=ground.scientist, schedule_id=schedule.pk)
    for rows in (250, 260):
        newest = version_sealed(ground.scientist, ground.version.dataset, csv_bytes(rows_make(rows)))
    services.schedules_tick()
    assert not ScheduleRun.objects.exists()

    services.schedule_resume(actor=ground.scientist, schedule_id=schedule.pk)
    services.schedules_tick()

    assert run_of(schedule).change_id == newest.pk


def test_a_template_reads_the_version_that_changed():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, READS)
    params = {"data": str(ground.version.pk)}
    template = template_save(
        actor=ground.scientist, bundle_id=bundle.pk, name="Weekly", entry="train.py:train", params=params
    )
    schedule = made(
        ground, trigger="DATA", dataset_id=ground.version.dataset_id, act="TEMPLATE", template_id=template.pk
    )

    newest = version_sealed(ground.scientist, ground.version.dataset, csv_bytes(rows_make(250)))
    services.schedules_tick()

    assert CodeLaunch.objects.get(job_id=run_of(schedule).job_id).params["data"] == str(newest.pk)
