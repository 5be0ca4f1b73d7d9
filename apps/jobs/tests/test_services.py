from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from apps.accounts.models import RunToken
from apps.accounts.selectors import actor_of_secret
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs import selectors, services
from apps.jobs.models import Job, JobAttempt, JobEvent, LogChunk
from apps.jobs.services.attempts import worker_gone, worker_name
from apps.jobs.tests.factories import (
    claim_make,
    exited,
    job_make,
    lines_make,
    probe_kind,
    running_make,
    scientist,
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


def test_a_queued_job_is_numbered_audited_and_offered_after_commit(django_capture_on_commit_callbacks):
    actor, team = scientist()

    with django_capture_on_commit_callbacks() as callbacks:
        first = job_make(actor, team)
        second = job_make(actor, team)

    assert (first.number, second.number) == (1, 2)
    assert first.state == Job.State.QUEUED
    assert AuditEvent.objects.filter(object_id=str(first.pk), action="job.queued", actor_id=actor.id).count() == 1
    assert callbacks  # the message to the workers waits for the commit


def test_queueing_refuses_strangers_viewers_and_nonsense():
    actor, team = scientist()
    viewer = actor_make(Role.VIEWER, team)

    with pytest.raises(NotFound):
        job_make(actor, team_make())
    with pytest.raises(Forbidden):
        job_make(viewer, team)
    with pytest.raises(Invalid):
        job_make(actor, team, kind="no such kind")
    with pytest.raises(Invalid):
        job_make(actor, team, limits={"wall_seconds": 0})
    with pytest.raises(Invalid):
        job_make(actor, team, limits={"wings": 2})
    with pytest.raises(Invalid):
        job_make(actor, team, files=[{"sha256": "x"}])


def test_the_same_idempotency_key_is_the_same_job():
    actor, team = scientist()

    one = job_make(actor, team, idempotency_key="launch-7")
    two = job_make(actor, team, idempotency_key="launch-7")
    other = job_make(actor, team)

    assert one.pk == two.pk != other.pk
    assert other.number == 2


def test_states_move_only_along_the_table():
    job = job_make()

    with pytest.raises(Conflict), transaction.atomic():
        services.job_transition(actor=Actor.system(), job=services.job_lock(job.pk), to=Job.State.SUCCEEDED)

    for state in ("SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"):
        assert services.MOVES[state] == frozenset()


def test_a_claim_is_taken_once_and_gives_a_token_of_its_attempt():
    job = job_make(run_id=uuid.uuid4())

    claim, secret = claim_make(job)

    assert services.attempt_claim(job_id=job.pk) is None
    found = actor_of_secret(secret)
    assert found is not None
    assert (found[0].attempt_id, found[0].job_id, found[0].run_id) == (claim.attempt_id, job.pk, job.run_id)
    job.refresh_from_db()
    assert (job.state, job.attempt_number) == (Job.State.STARTING, 1)


def test_a_full_machine_leaves_the_job_in_the_queue(settings):
    settings.JOB_SLOTS = 1
    running_make()
    waiting = job_make()

    assert services.attempt_claim(job_id=waiting.pk) is None

    waiting.refresh_from_db()
    assert waiting.state == Job.State.QUEUED


def test_log_lines_are_stored_once_however_often_they_are_sent():
    job, claim, _ = running_make()
    lines = lines_make("one", "two", "three")

    services.job_log_append(claim=claim, lines=lines[:2])
    offset = services.job_log_append(claim=claim, lines=lines)
    again = services.job_log_append(claim=claim, lines=lines)

    assert offset == again == 30
    assert [line.text for line in selectors.log_lines(job)] == ["one", "two", "three"]
    assert [line.number for line in selectors.log_lines(job, after=1)] == [2, 3]
    assert [line.text for line in selectors.log_lines(job, after=1, limit=1)] == ["two"]
    job.refresh_from_db()
    assert job.line_count == 3


def test_the_sequence_of_a_job_has_no_gap_and_no_double():
    job, claim, _ = running_make()

    services.job_log_append(claim=claim, lines=lines_make("a"))
    services.usage_append(claim=claim, status=JobStatus(JobState.RUNNING, rss_bytes=5), cpu_share=0.5)
    services.job_log_append(claim=claim, lines=lines_make("a", "b"))
    services.job_finish(claim=claim, status=exited())

    _, rows = selectors.job_replay(job.pk, 0)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["kind"] for row in rows] == ["state", "state", "state", "log", "usage", "log", "state"]
    seq, rest = selectors.job_replay(job.pk, 5)
    assert (seq, len(rest)) == (7, 2)
    assert selectors.job_replay(job.pk, 7) == (7, [])


def test_stored_lines_and_events_cannot_be_changed_or_deleted():
    job, claim, _ = running_make()
    services.job_log_append(claim=claim, lines=lines_make("kept"))

    with pytest.raises(IntegrityError), transaction.atomic():
        LogChunk.objects.filter(job=job).update(lines=[])
    with pytest.raises(IntegrityError), transaction.atomic():
        JobEvent.objects.filter(job=job).delete()


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


def test_cancel_ends_a_queued_job_at_once_and_tells_a_running_one():
    actor, team = scientist()
    queued = job_make(actor, team)
    running, claim, _ = running_make(actor=actor, team=team)

    services.job_cancel(actor=actor, job_id=queued.pk, reason="not needed")
    services.job_cancel(actor=actor, job_id=running.pk)

    queued.refresh_from_db()
    assert (queued.state, queued.cause) == (Job.State.CANCELLED, f"Cancelled by {actor.label}: not needed")
    assert services.attempt_heartbeat(claim=claim) is True
    services.job_finish(claim=claim, status=exited(0))
    running.refresh_from_db()
    assert running.state == Job.State.CANCELLED
    with pytest.raises(Conflict):
        services.job_cancel(actor=actor, job_id=running.pk)


def test_cancel_and_retry_are_for_those_who_may_run_jobs_in_the_team():
    actor, team = scientist()
    job = job_make(actor, team)
    stranger, _ = scientist()

    for verb in (services.job_cancel, services.job_retry):
        with pytest.raises(NotFound):
            verb(actor=stranger, job_id=job.pk)
        with pytest.raises(Forbidden):
            verb(actor=actor_make(Role.VIEWER, team), job_id=job.pk)


def test_retry_makes_a_new_job_that_knows_the_old_one():
    probe_kind(on_retry=lambda actor, old, new: setattr(new, "run_id", uuid.UUID(int=7)))
    actor, team = scientist()
    old = job_make(actor, team, program="x", subject=team)
    with pytest.raises(Conflict):
        services.job_retry(actor=actor, job_id=old.pk)
    services.job_cancel(actor=actor, job_id=old.pk)

    new = services.job_retry(actor=actor, job_id=old.pk)
    again = services.job_retry(actor=actor, job_id=old.pk)

    assert new.pk == again.pk
    new.refresh_from_db()
    assert (new.retry_of_id, new.spec, new.subject_id, new.number) == (old.pk, {"program": "x"}, team.pk, 2)
    assert new.run_id == uuid.UUID(int=7)


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


def test_a_long_log_is_paged_tailed_and_searched():
    job, claim, _ = running_make()
    for part in range(6):
        texts = [f"line {part * 100 + i}" for i in range(1, 101)]
        services.job_log_append(claim=claim, lines=lines_make(*texts, start=part * 1000))
    job.refresh_from_db()

    tail = selectors.log_tail(job, 150)
    found = selectors.log_find(job, "LINE 317")

    assert (len(tail), tail[0].number, tail[-1].text) == (150, 451, "line 600")
    assert [line.number for line in found] == [317]
    assert selectors.log_find(job, 'no "such" line') == []


def test_jobs_of_other_teams_do_not_exist():
    job = job_make()
    stranger, _ = scientist()

    with pytest.raises(NotFound):
        selectors.job_get(stranger, job.pk)
    assert not selectors.job_list(stranger).exists()
    assert selectors.running_count(stranger) == 0


def side_by_side(functions) -> None:
    """Run the functions in threads of their own; the first fault is raised here."""

    def run(function) -> None:
        try:
            function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(run, function) for function in functions]:
            future.result()


@pytest.mark.django_db(transaction=True)
def test_parallel_claims_and_appends_keep_one_attempt_and_one_sequence():
    job = job_make()
    claims = []

    side_by_side([lambda: claims.append(services.attempt_claim(job_id=job.pk))] * 8)
    (won,) = [entry for entry in claims if entry is not None]
    lines = lines_make(*[str(i) for i in range(40)])
    side_by_side([partial(services.job_log_append, claim=won[0], lines=lines[:upto]) for upto in range(5, 41, 5)])

    assert [line.text for line in selectors.log_lines(job)] == [str(i) for i in range(40)]


@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_launches_number_without_gap():
    actor, team = scientist()

    side_by_side([partial(job_make, actor, team)] * 50)

    assert sorted(Job.objects.values_list("number", flat=True)) == list(range(1, 51))
