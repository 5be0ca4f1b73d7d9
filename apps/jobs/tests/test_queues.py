"""Claims follow the order of work: priorities, shares of teams, and a queue of any length."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.compute.selectors import target_local
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs import services
from apps.jobs.models import Job, JobEvent, TargetUse
from apps.jobs.selectors.queues import _HEADS
from apps.jobs.services.queues import queue_next
from apps.jobs.tests.factories import claim_make, exited, job_make, running_make, scientist

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _places(settings):
    settings.JOB_SLOTS = 4


def started(job: Job) -> Job:
    """What a worker starts that hears of this job."""
    claim, _ = claim_make(job)
    return Job.objects.get(pk=claim.job_id)


def test_whichever_message_comes_first_the_higher_priority_starts():
    actor, team = scientist()
    normal = job_make(actor, team)
    low = job_make(actor, team, priority="low")
    high = job_make(actor_make(Role.OPERATOR, team), team, priority="high")

    assert [started(low), started(low), started(low)] == [high, normal, low]
    assert services.attempt_claim(job_id=low.pk) is None


def test_a_team_that_used_less_goes_first_and_each_end_counts():
    busy, quiet = scientist(), scientist()
    _, claim, _ = running_make(actor=busy[0], team=busy[1])
    services.job_finish(claim=claim, status=exited(cpu_seconds=500.0))
    first = job_make(*busy)
    second = job_make(*quiet)

    assert TargetUse.objects.get(target=target_local(), team=busy[1]).seconds == pytest.approx(500)
    assert [started(first), started(first)] == [second, first]


def test_what_runs_now_counts_before_it_has_ended():
    busy, quiet = scientist(), scientist()
    running_make(actor=busy[0], team=busy[1])
    first = job_make(*busy)
    second = job_make(*quiet)

    assert queue_next(target_local().pk) == second.pk
    assert started(first) == second


def test_use_fades_by_half_each_day():
    actor, team = scientist()
    _, claim, _ = running_make(actor=actor, team=team)
    services.job_finish(claim=claim, status=exited(cpu_seconds=400.0))
    TargetUse.objects.update(at=timezone.now() - timedelta(days=2))
    _, claim, _ = running_make(actor=actor, team=team)
    services.job_finish(claim=claim, status=exited(cpu_seconds=100.0))

    assert TargetUse.objects.get().seconds == pytest.approx(200, rel=0.01)


def test_a_job_that_has_waited_long_is_no_longer_behind_the_others():
    actor, team = scientist()
    old = job_make(actor, team, priority="low")
    Job.objects.filter(pk=old.pk).update(queued_at=timezone.now() - timedelta(hours=8, minutes=1))
    high = job_make(actor_make(Role.OPERATOR, team), team, priority="high")

    assert started(high) == old


def test_the_highest_priority_takes_the_right_to_give_it():
    actor, team = scientist()

    with pytest.raises(Forbidden, match="product owner or an operator"):
        job_make(actor, team, priority="high")
    with pytest.raises(Invalid) as refused:
        job_make(actor, team, priority="urgent")
    assert "priority" in refused.value.fields


def test_a_waiting_job_is_raised_by_who_may_and_lowered_by_who_runs_it():
    actor, team = scientist()
    owner = actor_make(Role.PRODUCT_OWNER, team)
    first, second = job_make(actor, team), job_make(actor, team)

    services.job_prioritise(actor=owner, job_id=second.pk, priority="high")
    services.job_prioritise(actor=owner, job_id=second.pk, priority="high")
    services.job_prioritise(actor=actor, job_id=first.pk, priority="low")

    assert queue_next(target_local().pk) == second.pk
    with pytest.raises(Forbidden):
        services.job_prioritise(actor=actor, job_id=second.pk, priority="low")
    assert AuditEvent.objects.filter(action="job.prioritise").count() == 2
    assert JobEvent.objects.filter(job=second, kind="priority").count() == 1


def test_priorities_of_strangers_of_started_jobs_and_unknown_ones_are_refused():
    job, _, _ = running_make()
    owner = actor_make(Role.PRODUCT_OWNER, job.team)

    with pytest.raises(NotFound):
        services.job_prioritise(actor=actor_make(Role.OPERATOR, team_make()), job_id=job.pk, priority="low")
    with pytest.raises(Conflict):
        services.job_prioritise(actor=owner, job_id=job.pk, priority="high")
    with pytest.raises(Invalid):
        services.job_prioritise(actor=owner, job_id=job.pk, priority="first")


def test_a_retry_by_somebody_without_the_right_is_of_normal_priority():
    actor, team = scientist()
    high = job_make(actor_make(Role.OPERATOR, team), team, priority="high")
    claim, _ = claim_make(high)
    services.attempt_started(claim=claim, handle="/nowhere/1")
    services.job_finish(claim=claim, status=exited(1))

    again = services.job_retry(actor=actor, job_id=high.pk)

    assert again.get_priority_display() == "normal"


def test_a_claim_reads_a_few_rows_of_a_queue_of_ten_thousand():
    actor, team = scientist()
    first = job_make(actor, team)
    teams = [team_make() for _ in range(4)]
    target, now = target_local(), timezone.now()
    Job.objects.bulk_create(
        Job(
            team=teams[number % 4],
            number=number + 10,
            kind="probe",
            title="flood",
            target=target,
            priority=number % 3,
            queued_at=now - timedelta(seconds=number % 1000),
        )
        for number in range(10_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + _HEADS, {"target": target.pk})
        plan = cursor.fetchone()[0][0]["Plan"]

    def scans(node):
        if node.get("Relation Name") == "jobs_job":
            yield node
        for below in node.get("Plans", []):
            yield from scans(below)

    found = list(scans(plan))
    assert {node.get("Index Name") for node in found} == {"jobs_queue"}
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in found) <= 4 * 3 + 2
    claim, _ = claim_make(first)
    assert Job.objects.get(pk=claim.job_id).state == "STARTING"
