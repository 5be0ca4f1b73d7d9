"""Tests and checks of targets: real tiny jobs on this machine, an address where nobody answers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import team_make, user_make
from apps.compute import services, tasks
from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.tests.factories import healthy_make, local, operator_make, target_make, web
from apps.core.actors import Role
from apps.notices.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _home(settings, tmp_path):
    settings.FAIRWAY_HOME = tmp_path


def test_run(target: ComputeTarget) -> TargetTest:
    test = services.target_test(actor=operator_make(), target_id=target.pk)
    tasks.target_test_run(str(test.pk))
    test.refresh_from_db()
    return test


test_run.__test__ = False  # type: ignore[attr-defined]


def states(test: TargetTest) -> dict[str, str]:
    return {step["key"]: step["state"] for step in test.steps}


def test_a_real_tiny_job_runs_on_this_machine_and_each_step_has_its_time(settings, tmp_path):
    with web() as address:
        settings.INTERNAL_URL = address

        test = test_run(local())

    assert test.state == "PASSED", test.verdict
    assert states(test) == {**dict.fromkeys(states(test), "PASSED"), "authenticate": "SKIPPED"}
    assert all(step["seconds"] is not None for step in test.steps if step["state"] == "PASSED")
    assert test.output[-1] == "line 50"
    assert "numpy" in next(step["text"] for step in test.steps if step["key"] == "packages")
    assert not list(tmp_path.glob("jobs/target-test-*"))


def test_a_target_that_cannot_reach_fairway_fails_there_with_what_to_do(settings):
    settings.INTERNAL_URL = "http://127.0.0.1:9"

    test = test_run(local())

    assert test.state == "FAILED"
    assert states(test)["callback"] == "FAILED"
    assert states(test)["exit"] == "WAITING"
    assert "http://127.0.0.1:9" in test.verdict
    assert "Enter the address" in test.verdict
    assert test.output[0].startswith("hello from")


def test_an_address_where_nobody_answers_fails_at_the_first_step():
    target = target_make()

    test = test_run(target)

    target.refresh_from_db()
    assert (test.state, target.state) == ("FAILED", "UNTESTED")
    assert states(test)["reach"] == "FAILED"
    assert test.verdict.startswith("Reach the address: Nobody answers at http://127.0.0.1:9")


def test_what_answers_and_is_no_ray_head_is_told_as_such():
    with web() as address:
        test = test_run(target_make(address=address))

    assert "is no Ray head" in test.verdict


def test_a_failed_test_takes_a_healthy_target_out_of_use_until_one_passes():
    target = healthy_make()

    test_run(target)

    target.refresh_from_db()
    assert (target.state, target.tested_at) == ("DEGRADED", None)
    assert target.state_reason.startswith("Its test failed at “Reach the address”")


def test_a_second_test_meanwhile_is_the_same_one_and_a_task_that_comes_twice_does_nothing():
    target, operator = target_make(), operator_make()
    first = services.target_test(actor=operator, target_id=target.pk)

    assert services.target_test(actor=operator, target_id=target.pk) == first
    tasks.target_test_run(str(first.pk))
    ended = TargetTest.objects.get(pk=first.pk).ended_at
    tasks.target_test_run(str(first.pk))
    assert TargetTest.objects.get(pk=first.pk).ended_at == ended


def test_a_test_whose_worker_is_gone_ends():
    test = services.target_test(actor=operator_make(), target_id=target_make().pk)
    TargetTest.objects.filter(pk=test.pk).update(updated_at=timezone.now() - timedelta(minutes=6))

    tasks.targets_check()

    test.refresh_from_db()
    assert test.state == "FAILED"
    assert "worker" in test.verdict


def test_a_target_that_stays_silent_is_degraded_and_people_are_told_once():
    team_make()
    person = user_make(role=Role.OPERATOR, team=None)
    target = healthy_make()

    for _ in range(4):
        tasks.target_check(str(target.pk))

    target.refresh_from_db()
    assert (target.state, target.failures) == ("DEGRADED", 4)
    (notice,) = Notice.objects.filter(user=person)
    assert notice.title == "Compute target cluster is degraded"
    assert notice.url == f"/admin/compute/{target.pk}/"


def test_one_silence_is_no_finding():
    target = healthy_make()

    tasks.target_check(str(target.pk))

    target.refresh_from_db()
    assert (target.state, target.failures) == ("HEALTHY", 1)


def test_a_degraded_target_that_answers_is_healthy_again_and_people_are_told():
    team_make()
    person = user_make(role=Role.OPERATOR, team=None)
    ComputeTarget.objects.filter(pk=local().pk).update(state="DEGRADED")

    tasks.target_check(str(local().pk))

    assert local().state == "HEALTHY"
    assert Notice.objects.get(user=person).title == "Compute target local answers again"


def test_a_full_disk_of_this_machine_degrades_it(settings, tmp_path):
    (tmp_path / "jobs").write_text("no folder")

    for _ in range(2):
        tasks.target_check(str(local().pk))

    assert local().state == "DEGRADED"
    assert "cannot be written" in local().state_reason


def test_drained_and_untested_targets_are_left_in_peace():
    here, target = local(), target_make()

    assert services.target_check(target.pk) is None
    assert services.targets_due() == [here.pk]
