from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import IntegrityError, connections, transaction

from apps.accounts.selectors import actor_of_secret
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs import selectors, services
from apps.jobs.models import Job, JobEvent, LogChunk
from apps.jobs.tests.factories import (
    claim_make,
    exited,
    job_make,
    lines_make,
    probe_kind,
    running_make,
    scientist,
)
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain_kind(settings, tmp_path):
    settings.FAIRWAY_HOME = tmp_path
    settings.JOB_SLOTS = 50
    probe_kind()


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


def test_cancel_ends_a_queued_job_at_once_and_tells_a_running_one():
    actor, team = scientist()
    running, claim, _ = running_make(actor=actor, team=team)
    queued = job_make(actor, team)

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


def test_a_long_log_is_paged_tailed_and_searched():
    job, claim, _ = running_make()
    for part in range(6):
        texts = [f"line {part * 100 + i}" for i in range(1, 101)]
        services.job_log_append(claim=claim, lines=lines_make(*texts, start=part * 1000))
    job.refresh_from_db()

    tail = selectors.log_tail(job, 150)
    found = list(selectors.log_lines(job, text="LINE 317"))

    assert (len(tail), tail[0].number, tail[-1].text) == (150, 451, "line 600")
    assert [line.number for line in found] == [317]
    assert list(selectors.log_lines(job, text='no "such" line')) == []


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
