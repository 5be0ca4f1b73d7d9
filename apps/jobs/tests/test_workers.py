"""Workers say that they live, are drained and resumed; a drained one takes nothing new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, NotFound
from apps.core.ids import id_new
from apps.jobs import selectors, services, tasks
from apps.jobs.models import Job, Worker
from apps.jobs.tests.factories import claim_make, job_make

pytestmark = pytest.mark.django_db


def test_a_worker_says_that_it_lives_and_how_far_its_clock_is_off():
    worker = services.worker_seen()
    again = services.worker_seen()

    assert again.pk == worker.pk
    assert worker.name == services.worker_name()
    assert abs(worker.clock_ahead) < 1
    (view,) = selectors.worker_list()
    assert view.lives
    assert view.holds == []


def test_a_drained_worker_finishes_what_it_holds_and_takes_nothing_new():
    operator = actor_make(Role.OPERATOR)
    worker = services.worker_seen()
    held, waiting = job_make(), job_make()
    claim, _ = claim_make(held)

    services.worker_drain(actor=operator, worker_id=worker.pk)

    assert services.attempt_claim(job_id=waiting.pk) is None
    assert Job.objects.get(pk=waiting.pk).state == "QUEUED"
    assert services.attempt_heartbeat(claim=claim) is False
    assert [job.pk for job in selectors.worker_list()[0].holds] == [held.pk]
    services.worker_resume(actor=operator, worker_id=worker.pk)
    assert services.attempt_claim(job_id=waiting.pk) is not None
    assert list(AuditEvent.objects.filter(action__startswith="worker.").values_list("action", flat=True)) == [
        "worker.drain",
        "worker.resume",
    ]


def test_draining_twice_and_a_worker_that_is_gone_are_told():
    operator = actor_make(Role.OPERATOR)
    worker = services.worker_seen()
    services.worker_drain(actor=operator, worker_id=worker.pk)

    with pytest.raises(Conflict):
        services.worker_drain(actor=operator, worker_id=worker.pk)
    services.worker_resume(actor=operator, worker_id=worker.pk)
    with pytest.raises(Conflict):
        services.worker_resume(actor=operator, worker_id=worker.pk)
    with pytest.raises(NotFound):
        services.worker_drain(actor=operator, worker_id=id_new())


def test_only_who_manages_targets_of_the_site_drains_a_worker():
    worker = services.worker_seen()
    for actor in (actor_make(Role.OPERATOR, team_make()), actor_make(Role.AUDITOR)):
        with pytest.raises(Forbidden, match="of the site"):
            services.worker_drain(actor=actor, worker_id=worker.pk)


def test_a_worker_that_is_silent_is_gone_and_forgotten_after_a_day():
    worker = services.worker_seen()
    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(minutes=1))
    assert not selectors.worker_list()[0].lives

    Worker.objects.filter(pk=worker.pk).update(seen_at=timezone.now() - timedelta(days=2))
    assert selectors.worker_list() == []
    tasks.directories_sweep()

    assert not Worker.objects.exists()


def test_the_repair_tells_that_beat_lives():
    assert selectors.beat_at() is None

    tasks.jobs_repair()

    assert selectors.beat_at() is not None
