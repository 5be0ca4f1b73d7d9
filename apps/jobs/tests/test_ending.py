from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import RunToken
from apps.accounts.selectors import actor_of_secret
from apps.core.errors import Invalid
from apps.jobs import selectors, services
from apps.jobs.models import Job, JobAttempt, JobEvent
from apps.jobs.services.attempts import worker_gone, worker_name
from apps.jobs.tests.factories import (
    claim_make,
    exited,
    job_make,
    lines_make,
    probe_kind,
    running_make,
)
from apps.notices.models import Notice
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain_kind(settings, tmp_path):
    settings.FAIRWAY_HOME = tmp_path
    settings.JOB_SLOTS = 50
    probe_kind()


def told(job: Job) -> list[str]:
    return [event.data["state"] for event in JobEvent.objects.filter(job=job, kind="state").order_by("seq")]


def test_success_hands_the_result_to_the_room_above_and_ends_the_token():
    seen = []
    made = {"label": "Made it", "url": "/x"}
    files = {"a.txt": {"sha256": "0", "size": 1}}
    probe_kind(on_finish=lambda job, result, outputs: seen.append((result, outputs)) or made)
    job, claim, secret = running_make()
    JobAttempt.objects.filter(pk=claim.attempt_id).update(result={"n": 1}, outputs=files)

    services.job_finish(claim=claim, status=exited())

    job.refresh_from_db()
    assert (job.state, job.progress, job.result["label"]) == (Job.State.SUCCEEDED, 1.0, "Made it")
    assert seen == [({"n": 1}, files)]
    assert actor_of_secret(secret) is None
    assert RunToken.objects.get(attempt_id=claim.attempt_id).revoked_at is not None
    assert Notice.objects.get(user_id=job.created_by_id).url == f"/jobs/{job.pk}/"


@pytest.mark.parametrize("error", [Invalid("The file has no rows."), KeyError("columns"), RuntimeError("odd")])
def test_a_result_that_the_room_above_refuses_fails_the_job_and_undoes_its_rows(error):
    failed = []

    def refuse(job, result, outputs):
        job_make()
        raise error

    probe_kind(on_finish=refuse, on_fail=lambda job, cause: failed.append((job.state, cause)))
    job, claim, _ = running_make()

    services.job_finish(claim=claim, status=exited())

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert str(error.args[0]) in job.cause
    assert failed == [("FAILED", job.cause)]
    assert Job.objects.count() == 1


def test_a_fault_in_on_fail_does_not_keep_the_job_from_ending():
    probe_kind(on_fail=lambda job, cause: 1 / 0)
    job, claim, _ = running_make()

    services.job_finish(claim=claim, status=exited(1))

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert JobEvent.objects.filter(job=job, kind="fault").exists()


def test_the_programs_own_failure_is_final_and_says_what_it_told():
    job, claim, _ = running_make()
    JobAttempt.objects.filter(pk=claim.attempt_id).update(
        result={"error": {"code": "ragged", "message": "A row has too few fields.", "line": 7, "column": None}}
    )

    services.job_finish(claim=claim, status=exited(65))

    job.refresh_from_db()
    assert (job.state, job.cause) == (Job.State.FAILED, "A row has too few fields. (line 7)")


@pytest.mark.parametrize(
    ("status", "to"),
    [
        (exited(0, cause="Time: the job ran for its limit of 5 s."), "TIMED_OUT"),
        (JobStatus(JobState.EXITED, signal=9, cause="Processor time: the job used its limit of 5 s."), "TIMED_OUT"),
        (JobStatus(JobState.EXITED, signal=9, cause="Memory: the job used 9 MiB, its limit is 5 MiB."), "FAILED"),
        (JobStatus(JobState.EXITED, signal=11, cause="ended by signal 11"), "FAILED"),
        (exited(3), "FAILED"),
    ],
)
def test_limits_and_own_failures_are_not_repeated(status, to):
    job, claim, _ = running_make()

    services.job_finish(claim=claim, status=status)

    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (to, 1)


def test_a_lost_attempt_is_repeated_with_its_reason_up_to_the_most():
    restarted = []
    probe_kind(on_restart=lambda job, reason: restarted.append(reason))
    job = job_make(max_attempts=2)
    lost = JobStatus(JobState.EXITED, signal=9, cause="The job's process was ended from outside by signal 9.")

    claim, secret = claim_make(job)
    services.attempt_started(claim=claim, handle="/nowhere/1")
    services.job_finish(claim=claim, status=lost)
    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.QUEUED, 1)
    assert actor_of_secret(secret) is None
    assert "ended from outside" in restarted[0]

    claim, _ = claim_make(job)
    assert claim.number == 2
    services.job_finish(claim=claim, status=lost)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "attempt 2 of 2" in job.cause
    assert [a.state for a in selectors.attempt_list(job)] == ["LOST", "LOST"]
    assert told(job) == ["QUEUED", "STARTING", "RUNNING", "QUEUED", "STARTING", "FAILED"]


def test_only_the_holder_of_the_lease_writes():
    job, old, _ = running_make()
    new = services.attempt_adopt(attempt_id=old.attempt_id, lease=old.lease)
    assert new is not None

    assert services.attempt_adopt(attempt_id=old.attempt_id, lease=old.lease) is None
    for write in (
        lambda: services.job_log_append(claim=old, lines=lines_make("late")),
        lambda: services.attempt_heartbeat(claim=old),
        lambda: services.cancel_wanted(claim=old),
        lambda: services.job_finish(claim=old, status=exited()),
    ):
        with pytest.raises(services.LeaseLost):
            write()
    services.job_finish(claim=new, status=exited())
    with pytest.raises(services.LeaseLost):
        services.job_finish(claim=new, status=exited(1))
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED


def test_orphans_are_found_by_a_stale_heartbeat_or_a_dead_worker():
    _, fresh, _ = running_make()
    _, stale, _ = running_make()
    _, dead, _ = running_make()
    past = timezone.now() - timedelta(seconds=60)
    JobAttempt.objects.filter(pk=stale.attempt_id).update(heartbeat_at=past)
    host = worker_name().rsplit(":", 2)[0]
    JobAttempt.objects.filter(pk=dead.attempt_id).update(worker=f"{host}:999999999:1.00")

    orphans = {attempt.pk for attempt in services.attempts_orphaned()}

    assert orphans == {stale.attempt_id, dead.attempt_id}
    assert not worker_gone(worker_name())
    assert not worker_gone("elsewhere:1:2.00")
    assert fresh.attempt_id not in orphans
