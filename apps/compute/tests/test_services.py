"""Targets: made, changed, drained, removed; who may; and that a secret never comes out."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.compute import selectors, services
from apps.compute.models import ComputeTarget
from apps.compute.tests.factories import healthy_make, local, operator_make, target_make
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, job_make, scientist

pytestmark = pytest.mark.django_db
SECRET = "ray-token-that-nobody-sees"


def test_every_installation_has_this_machine_and_jobs_run_there():
    job = job_make()

    assert (local().name, local().state) == ("local", "HEALTHY")
    assert (job.target_id, job.executor) == (local().pk, "local")


def test_this_machine_is_made_again_where_its_row_is_missing():
    ComputeTarget.objects.all().delete()

    assert selectors.target_local().pk == selectors.target_local().pk


def test_a_new_target_takes_no_job_before_it_is_tested():
    actor, team = scientist()
    target = target_make()

    with pytest.raises(Conflict, match="not tested yet"):
        job_make(actor, team, target_id=target.pk)

    assert Job.objects.count() == 0


def test_a_job_carries_its_target_with_its_limits_and_a_retry_goes_there_too():
    actor, team = scientist()
    target = healthy_make(limits={"wall_seconds": 120, "cores": 4})

    job = job_make(actor, team, target_id=target.pk, limits={"cores": 2})
    jobs.job_end(actor=actor, job=Job.objects.get(pk=job.pk), to="FAILED", cause="x")
    again = jobs.job_retry(actor=actor, job_id=job.pk)

    assert (job.target_id, job.executor) == (target.pk, "ray")
    assert (jobs.limits_of(job).wall_seconds, jobs.limits_of(job).cores) == (120, 2)
    assert again.target_id == target.pk


def test_a_target_of_chosen_teams_does_not_exist_for_others():
    actor, team = scientist()
    here, target = local(), healthy_make(all_teams=False, team_ids=[team_make().pk])

    with pytest.raises(NotFound):
        selectors.target_get(actor, target.pk)
    with pytest.raises(Invalid) as refused:
        job_make(actor, team, target_id=target.pk)
    assert "target_id" in refused.value.fields
    assert selectors.target_choices(team.pk) == [here]


def test_a_drained_target_says_so_takes_nothing_and_comes_back():
    actor, team = scientist()
    operator, target = operator_make(), healthy_make()
    waiting = job_make(actor, team, target_id=target.pk)

    services.target_drain(actor=operator, target_id=target.pk, reason="New disks.")

    assert jobs.attempt_claim(job_id=waiting.pk) is None
    with pytest.raises(Conflict, match="drained"):
        job_make(actor, team, target_id=target.pk)
    assert services.target_resume(actor=operator, target_id=target.pk).state == "HEALTHY"
    assert jobs.attempt_claim(job_id=waiting.pk) is not None


def test_this_machine_drained_refuses_jobs_with_the_reason():
    services.target_drain(actor=operator_make(), target_id=local().pk, reason="Upgrade.")

    with pytest.raises(Conflict, match="Target local is drained"):
        job_make()


def test_a_degraded_target_keeps_its_jobs_waiting():
    actor, team = scientist()
    target = healthy_make()
    job = job_make(actor, team, target_id=target.pk)
    ComputeTarget.objects.filter(pk=target.pk).update(state="DEGRADED")

    assert jobs.attempt_claim(job_id=job.pk) is None
    assert Job.objects.get(pk=job.pk).state == "QUEUED"


def test_a_target_runs_as_many_jobs_as_it_says_whatever_this_machine_runs(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    target = healthy_make(slots=2)
    mine = [job_make(actor, team) for _ in range(2)]
    there = [job_make(actor, team, target_id=target.pk) for _ in range(3)]

    claimed = [jobs.attempt_claim(job_id=job.pk) is not None for job in (*mine, *there)]

    assert claimed == [True, False, True, True, False]


def test_a_worker_watches_no_more_jobs_than_it_has_threads_for(settings):
    settings.JOB_WATCHES = 2
    actor, team = scientist()
    target = healthy_make(slots=50)
    there = [job_make(actor, team, target_id=target.pk) for _ in range(3)]

    assert [jobs.attempt_claim(job_id=job.pk) is not None for job in there] == [True, True, False]


def test_jobs_of_a_full_target_hold_up_nobody_elses(settings, django_capture_on_commit_callbacks):
    actor, team = scientist()
    target = healthy_make(slots=1)
    for job in [job_make(actor, team, target_id=target.pk) for _ in range(3)]:
        jobs.attempt_claim(job_id=job.pk)
    job_make(actor, team)
    Job.objects.update(queued_at="2020-01-01T00:00:00Z")

    assert jobs.jobs_offer() == 1


def test_the_handle_of_an_attempt_elsewhere_is_known_before_it_starts():
    actor, team = scientist()
    job = job_make(actor, team, target_id=healthy_make().pk)

    claim_make(job)

    assert job.attempts.get().handle == f"fairway-{job.pk}-1"


def test_a_target_with_jobs_is_not_removed_and_without_them_its_secret_goes():
    actor, team = scientist()
    operator, target = operator_make(), healthy_make(secret=SECRET)
    job = job_make(actor, team, target_id=target.pk)
    with pytest.raises(Conflict, match="drain it first"):
        services.target_remove(actor=operator, target_id=target.pk)
    services.target_drain(actor=operator, target_id=target.pk)
    with pytest.raises(Conflict, match="1 wait for it"):
        services.target_remove(actor=operator, target_id=target.pk)

    jobs.job_cancel(actor=actor, job_id=job.pk)
    services.target_remove(actor=operator, target_id=target.pk)

    target.refresh_from_db()
    assert (target.state, target.secret) == ("REMOVED", "")
    with pytest.raises(NotFound):
        selectors.target_get(operator, target.pk)
    target_make()  # the name is free again


def test_this_machine_is_not_removed():
    services.target_drain(actor=operator_make(), target_id=local().pk)

    with pytest.raises(Conflict, match="cannot be removed"):
        services.target_remove(actor=operator_make(), target_id=local().pk)


@pytest.mark.parametrize(
    ("before", "to"),
    [(b, t) for b in services.MOVES for t in ComputeTarget.State.values if t not in services.MOVES[b]],
)
def test_moves_outside_the_table_are_refused(before, to):
    target = target_make()
    target.state = before

    with pytest.raises(Conflict):
        services.target_transition(actor=operator_make(), target=target, to=to)


def test_a_secret_is_stored_closed_and_is_in_no_trail():
    target = target_make(secret=SECRET)
    services.target_update(actor=operator_make(), target_id=target.pk, secret=SECRET + "-2")

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM compute_computetarget t")
        stored = " ".join(row[0] for row in cursor.fetchall())
    told = json.dumps(list(AuditEvent.objects.values("before", "after", "reason", "object_label")))
    assert SECRET not in stored
    assert SECRET not in told
    assert "replaced" in told
    assert SECRET not in repr(services.executor_of(target))


def test_another_address_or_secret_has_to_be_tested_again():
    target = healthy_make(secret=SECRET)
    operator = operator_make()

    kept = services.target_update(actor=operator, target_id=target.pk, description="In the cellar.")
    changed = services.target_update(actor=operator, target_id=target.pk, address="http://127.0.0.1:10")

    assert (kept.state, changed.state, changed.tested_at) == ("HEALTHY", "UNTESTED", None)


def test_a_stale_change_is_refused():
    target, operator = target_make(), operator_make()
    services.target_update(actor=operator, target_id=target.pk, description="one", row_version=1)

    with pytest.raises(Conflict) as refused:
        services.target_update(actor=operator, target_id=target.pk, description="two", row_version=1)

    assert refused.value.code == "stale"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../x"),
        ("name", "a" * 64),
        ("name", 7),
        ("address", ""),
        ("address", "ftp://head"),
        ("address", "http://user:pw@head"),
        ("address", "http://head:99999"),
        ("address", "http://[::1"),
        ("address", "http://head/?x=1"),
        ("reach_url", "javascript:alert(1)"),
        ("secret", "a\nb"),
        ("secret", "x" * 5000),
        ("cores", 0),
        ("cores", True),
        ("gpus", -1),
        ("slots", 10**6),
        ("memory_bytes", 2**63),
        ("price_minor", -1),
        ("currency", "euros"),
        ("labels", {"a b": "c"}),
        ("labels", {f"k{n}": "v" for n in range(31)}),
        ("labels", ["x"]),
        ("limits", {"lease_seconds": 1}),
        ("limits", {"wall_seconds": 0}),
        ("limits", {"wall_seconds": 2**70}),
        ("kind", "moon"),
        ("kind", "local"),
        ("all_teams", False),
        ("state", "HEALTHY"),
        ("description", "x" * 1001),
        ("description", "a\0b"),
    ],
)
def test_what_is_not_right_is_refused_at_its_field(field, value):
    with pytest.raises(Invalid) as refused:
        target_make(**{field: value})

    assert set(refused.value.fields) == {"team_ids" if field == "all_teams" else field}


def test_a_price_has_a_currency_and_a_name_is_taken_once():
    with pytest.raises(Invalid) as refused:
        target_make(price_minor=100)
    assert "currency" in refused.value.fields
    target_make()
    with pytest.raises(Conflict) as taken:
        target_make()
    assert "name" in taken.value.fields


def test_only_who_manages_targets_of_the_site_changes_them():
    team = team_make()
    target = target_make()
    for actor in (actor_make(Role.OPERATOR, team), actor_make(Role.DATA_SCIENTIST, team), actor_make(Role.AUDITOR)):
        with pytest.raises(Forbidden, match="of the site"):
            services.target_create(actor=actor, name="mine", kind="ray", address="http://127.0.0.1:9")
        for act in (services.target_drain, services.target_remove, services.target_test, services.target_resume):
            with pytest.raises(Forbidden):
                act(actor=actor, target_id=target.pk)
        with pytest.raises(Forbidden):
            services.target_update(actor=actor, target_id=target.pk, name="mine")
