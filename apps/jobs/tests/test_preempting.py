"""Pre-emption: what gives up its place, for whom, and that nothing of it counts against the job."""

from __future__ import annotations

import pytest

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Invalid
from apps.jobs import services
from apps.jobs.models import Job, JobAttempt
from apps.jobs.services.preempting import PREEMPT_MOST
from apps.jobs.tests.factories import claim_make, exited, job_make, probe_kind, scientist
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db

STOPPED = JobStatus(JobState.EXITED, signal=15)


@pytest.fixture(autouse=True)
def _one_place(settings):
    settings.JOB_SLOTS = 1
    probe_kind(restartable=True)
    yield
    probe_kind()


def running(actor, team, **fields):
    """A running job that is low and restartable unless said; (job, its claim)."""
    job = job_make(actor, team, **{"priority": "low", "restartable": True, **fields})
    claim, _ = claim_make(job)
    services.attempt_started(claim=claim, handle="/nowhere/1")
    return job, claim


def high_make(team):
    """A queued job of the highest priority, of which a worker has heard."""
    job = job_make(actor_make(Role.OPERATOR, team), team, priority="high")
    assert services.attempt_claim(job_id=job.pk) is None
    return job


def test_a_high_job_takes_the_place_of_a_low_restartable_one_which_is_begun_again():
    actor, team = scientist()
    low, claim = running(actor, team, max_attempts=1)
    queued = Job.objects.get(pk=low.pk).queued_at
    high = high_make(team)

    assert services.cancel_wanted(claim=claim) is True
    services.job_finish(claim=claim, status=STOPPED)

    low.refresh_from_db()
    attempt = low.attempts.get()
    assert (low.state, low.preemptions, low.attempts_most, low.queued_at) == ("QUEUED", 1, 2, queued)
    assert attempt.cause == (
        f"Ended for job {high.number} of the highest priority, and begun again once there is a place."
    )
    assert AuditEvent.objects.filter(action="job.preempt").count() == 1
    taken, _ = claim_make(low)
    assert taken.job_id == high.pk
    services.attempt_started(claim=taken, handle="/nowhere/2")
    services.job_finish(claim=taken, status=exited())
    again, _ = claim_make(low)
    assert (again.job_id, again.number) == (low.pk, 2)
    services.attempt_started(claim=again, handle="/nowhere/3")
    assert services.job_finish(claim=again, status=exited()).state == "SUCCEEDED"


@pytest.mark.parametrize("fields", [{"restartable": False}, {"priority": "normal"}])
def test_what_is_not_low_or_not_restartable_keeps_its_place(fields):
    actor, team = scientist()
    _, claim = running(actor, team, **fields)

    high_make(team)

    assert services.cancel_wanted(claim=claim) is False


def test_a_normal_job_takes_nobodys_place():
    actor, team = scientist()
    _, claim = running(actor, team)
    normal = job_make(actor, team)

    assert services.attempt_claim(job_id=normal.pk) is None
    assert services.cancel_wanted(claim=claim) is False


def test_no_more_give_way_than_high_jobs_wait_and_the_last_begun_goes_first(settings):
    settings.JOB_SLOTS = 2
    actor, team = scientist()
    _, old = running(actor, team)
    _, young = running(actor, team)

    first = high_make(team)
    assert services.attempt_claim(job_id=first.pk) is None

    assert (services.cancel_wanted(claim=old), services.cancel_wanted(claim=young)) == (False, True)
    high_make(team)
    assert services.cancel_wanted(claim=old) is True


def test_a_job_that_gave_way_often_runs_to_its_end():
    actor, team = scientist()
    low, claim = running(actor, team)
    Job.objects.filter(pk=low.pk).update(preemptions=PREEMPT_MOST)

    high_make(team)

    assert services.cancel_wanted(claim=claim) is False


def test_the_job_of_another_team_is_not_named():
    actor, team = scientist()
    low, _ = running(actor, team)

    high_make(team_make())

    assert JobAttempt.objects.get(job=low).preempt_text.startswith("Ended for a job of the highest priority")


def test_one_that_ends_well_before_it_is_stopped_has_ended_well():
    actor, team = scientist()
    _, claim = running(actor, team)
    high_make(team)

    assert services.job_finish(claim=claim, status=exited()).state == "SUCCEEDED"


def test_a_cancel_wins_over_giving_way():
    actor, team = scientist()
    low, claim = running(actor, team)
    high_make(team)
    services.job_cancel(actor=actor, job_id=low.pk)

    assert services.job_finish(claim=claim, status=STOPPED).state == "CANCELLED"


def test_a_kind_that_cannot_be_begun_again_takes_no_such_job():
    probe_kind()

    with pytest.raises(Invalid) as refused:
        job_make(restartable=True)
    assert "restartable" in refused.value.fields


def test_a_lost_message_is_made_good_by_the_repair(django_capture_on_commit_callbacks):
    actor, team = scientist()
    running(actor, team)
    job_make(actor_make(Role.OPERATOR, team), team, priority="high")
    Job.objects.filter(state="QUEUED").update(queued_at="2020-01-01T00:00:00Z")

    assert services.jobs_offer() == 1
