"""Quotas of teams: who sets them, what is refused, what waits, and what is counted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core import blob_references
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs import contracts, selectors, services
from apps.jobs.models import Job, TeamQuota, UseDay
from apps.jobs.services.queues import queue_next
from apps.jobs.tests.factories import claim_make, exited, job_make, running_make, scientist

pytestmark = pytest.mark.django_db


def admin():
    return actor_make(Role.ADMINISTRATOR)


def use_make(team, *, cpu_hours: float = 0.0, gpu_hours: float = 0.0, days_ago: int = 0) -> None:
    day = (timezone.now() - timedelta(days=days_ago)).date()
    UseDay.objects.create(team=team, day=day, cpu_seconds=cpu_hours * 3600, gpu_seconds=gpu_hours * 3600)


def test_a_launch_over_the_hours_is_refused_with_who_can_raise_it():
    actor, team = scientist()
    services.quota_set(actor=admin(), team_id=team.pk, cpu_hours=10)
    use_make(team, cpu_hours=9)
    job_make(actor, team)
    use_make(team, cpu_hours=1, days_ago=1)

    with pytest.raises(
        Conflict, match=r"10\.0 of its 10 CPU hours.*An administrator of the site can raise it"
    ) as refused:
        job_make(actor, team)

    assert refused.value.code == "over_quota"
    job_make()


def test_hours_come_back_after_thirty_days():
    actor, team = scientist()
    services.quota_set(actor=admin(), team_id=team.pk, cpu_hours=10, gpu_hours=1)
    use_make(team, cpu_hours=99, gpu_hours=9, days_ago=30)

    assert job_make(actor, team).state == "QUEUED"


def test_a_team_without_gpu_hours_may_ask_for_no_gpu():
    actor, team = scientist()
    services.quota_set(actor=admin(), team_id=team.pk, gpu_hours=0)

    with pytest.raises(Conflict, match="has no GPU hours"):
        job_make(actor, team, limits={"gpus": 1})
    assert job_make(actor, team).state == "QUEUED"


def test_attempts_count_for_the_day_on_which_they_end_and_while_they_run():
    actor, team = scientist()
    _, claim, _ = running_make(actor=actor, team=team)
    services.job_finish(claim=claim, status=exited(cpu_seconds=7200.0))
    _, claim, _ = running_make(actor=actor, team=team)
    Job.objects.get(pk=claim.job_id).attempts.update(cpu_seconds=3600.0)

    used = selectors.quota_get(actor, team.pk).used

    assert (used.cpu_hours, used.jobs) == (pytest.approx(3), 1)


def test_storage_over_quota_refuses_launches():
    actor, team = scientist()
    services.quota_set(actor=admin(), team_id=team.pk, storage_bytes=0)

    with pytest.raises(Conflict, match="Purge what is not needed"):
        job_make(actor, team)
    assert blob_references.team_totals(frozenset({team.pk})) == {}


def test_more_jobs_at_once_wait_say_why_and_hold_up_nobody(settings):
    settings.JOB_SLOTS = 4
    actor, team = scientist()
    services.quota_set(actor=admin(), team_id=team.pk, jobs_at_once=1)
    _, claim, _ = running_make(actor=actor, team=team)
    waits = job_make(actor, team)
    other = job_make()

    first, _ = claim_make(waits)

    assert first.job_id == other.pk
    assert services.attempt_claim(job_id=waits.pk) is None
    assert "runs as many jobs at once as its quota lets it" in selectors.standing_of(waits).why
    services.job_finish(claim=claim, status=exited())
    assert queue_next(waits.target_id) == waits.pk


def test_a_team_of_more_weight_goes_first_for_the_same_use(settings):
    settings.JOB_SLOTS = 4
    light, heavy = scientist(), scientist()
    services.quota_set(actor=admin(), team_id=heavy[1].pk, weight=3)
    for who in (light, heavy):
        _, claim, _ = running_make(actor=who[0], team=who[1])
        services.job_finish(claim=claim, status=exited(cpu_seconds=100.0))
    first = job_make(*light)
    second = job_make(*heavy)

    assert queue_next(first.target_id) == second.pk


def test_quotas_are_set_by_administrators_of_the_site_alone_and_audited():
    actor, team = scientist()
    head = admin()
    set_ = services.quota_set(actor=head, team_id=team.pk, cpu_hours=5)
    services.quota_set(actor=head, team_id=team.pk, cpu_hours=5)

    for who in (actor, actor_make(Role.OPERATOR), actor_make(Role.ADMINISTRATOR, team)):
        with pytest.raises(Forbidden, match="an administrator of the site"):
            services.quota_set(actor=who, team_id=team.pk)
    with pytest.raises(NotFound):
        services.quota_set(actor=scientist()[0], team_id=team.pk)
    with pytest.raises(Conflict):
        services.quota_set(actor=head, team_id=team.pk, row_version=set_.row_version - 1, cpu_hours=6)
    with pytest.raises(Invalid):
        services.quota_set(actor=head, team_id=team.pk, weight=0)
    event = AuditEvent.objects.get(action="quota.set")
    assert (event.before["cpu_hours"], event.after["cpu_hours"]) == (None, 5)


def test_who_waits_for_a_decision_may_lower_a_quota_and_not_raise_it(monkeypatch):
    head, team = admin(), team_make()
    services.quota_set(actor=head, team_id=team.pk, cpu_hours=5, weight=2)
    monkeypatch.setitem(contracts._quota_guards, "a test", lambda actor, team_id: "You wait for a decision.")

    for more in ({"cpu_hours": 6, "weight": 2}, {"weight": 2}, {"cpu_hours": 5, "weight": 3}):
        with pytest.raises(Forbidden, match="You wait for a decision"):
            services.quota_set(actor=head, team_id=team.pk, **more)
    assert services.quota_set(actor=head, team_id=team.pk, cpu_hours=4).cpu_hours == 4


def test_the_page_shows_what_is_used_and_sets_it():
    _, team = scientist()
    client = Client()
    client.force_login(User.objects.get(pk=admin().id))
    page = reverse("quota-edit", args=[team.pk])

    wrong = client.post(page, {"row_version": 1, "weight": "0"})
    done = client.post(page, {"row_version": 1, "weight": 2, "cpu_hours": 7, "storage": 3})
    stale = client.post(page, {"row_version": 1, "weight": 2})
    listed = client.get(reverse("quota-list")).content.decode()

    assert (wrong.status_code, done.status_code, stale.status_code) == (422, 302, 409)
    quota = TeamQuota.objects.get()
    assert (quota.weight, quota.cpu_hours, quota.storage_bytes) == (2, 7, 3 * 1024**3)
    assert "of 7" in re.sub(r"<[^>]*>", "", listed)
    assert "How often forecasts held" in listed


def test_the_page_is_forbidden_to_others_with_who_can():
    actor, team = scientist()
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))

    for page in (reverse("quota-list"), reverse("quota-edit", args=[team.pk])):
        answer = client.get(page)
        assert answer.status_code == 403
        assert "an administrator of the site" in answer.content.decode()
