"""The queue board, and the cancel of several jobs with its preview."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.compute.selectors import target_local
from apps.core.actors import Role
from apps.core.errors import Invalid
from apps.core.ids import id_new
from apps.jobs import selectors, services
from apps.jobs.models import Job
from apps.jobs.tests.factories import exited, job_make, running_make, scientist

pytestmark = pytest.mark.django_db


def browser_of(actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def test_the_board_lists_what_runs_and_waits_in_the_order_in_which_it_starts(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    running, _, _ = running_make(actor=actor, team=team)
    normal = job_make(actor, team)
    high = job_make(actor_make(Role.OPERATOR, team), team, priority="high")

    board = selectors.board_of(actor, target_local())

    assert [row.job.pk for row in board.running] == [running.pk]
    assert [(row.position, row.job.pk) for row in board.waiting] == [(1, high.pk), (2, normal.pk)]
    assert [(row.team, row.running, row.waiting) for row in board.shares] == [(team.name, 1, 2)]


def test_jobs_of_other_teams_hold_places_and_say_nothing_of_themselves(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    stranger, theirs = scientist()
    running_make(actor=stranger, team=theirs, title="Secret plan")
    job_make(stranger, theirs, title="Secret plan too")
    job_make(actor, team)

    board = selectors.board_of(actor, target_local())
    page = browser_of(actor).get(reverse("job-board")).content.decode()

    assert [row.job for row in board.running] == [None]
    assert {row.team for row in board.waiting} == {"another team", team.name}
    assert {row.team for row in board.shares} == {"other teams", team.name}
    assert "a job of another team" in page
    assert "Secret" not in page
    assert theirs.name not in page


def test_the_board_is_filtered_by_team_in_its_address():
    actor, team = scientist()
    job = job_make(actor, team)
    other = team_make()
    client = browser_of(actor)

    mine = client.get(reverse("job-board"), {"team": team.pk, "target": target_local().pk}).content.decode()
    odd = client.get(reverse("job-board"), {"team": other.pk, "target": "x"})

    assert reverse("job-detail", args=[job.pk]) in mine
    assert f"team={team.pk}" in mine
    assert odd.status_code == 200


def test_several_jobs_are_cancelled_by_one_act_each_audited_and_none_stops_the_others():
    actor, team = scientist()
    running, claim, _ = running_make(actor=actor, team=team)
    ended, other, _ = running_make(actor=actor, team=team)
    services.job_finish(claim=other, status=exited())
    waits = [job_make(actor, team) for _ in range(2)]
    ids = [ended.pk, running.pk, *(job.pk for job in waits)]

    told = services.cancel_preview(actor=actor, job_ids=ids)
    states = set(Job.objects.values_list("state", flat=True))
    done = services.jobs_cancel(actor=actor, job_ids=ids, reason="Wrong data.")

    assert [bool(fate.refused) for fate in told] == [False, True, False, False]
    assert states == {"RUNNING", "SUCCEEDED", "QUEUED"}
    assert [fate.happens for fate in done] == [fate.happens for fate in told]
    assert set(Job.objects.filter(pk__in=[job.pk for job in waits]).values_list("state", flat=True)) == {"CANCELLED"}
    assert services.attempt_heartbeat(claim=claim) is True
    assert AuditEvent.objects.filter(action="job.cancelled").count() == 2
    assert AuditEvent.objects.filter(action="job.cancel").count() == 1


def test_nothing_is_cancelled_when_one_of_them_cannot_be_seen():
    actor, team = scientist()
    mine, theirs = job_make(actor, team), job_make()

    for ids in ([], [mine.pk, theirs.pk], [mine.pk, id_new()], [id_new() for _ in range(201)]):
        with pytest.raises(Invalid) as refused:
            services.jobs_cancel(actor=actor, job_ids=ids)
        assert "ids" in refused.value.fields
    assert set(Job.objects.values_list("state", flat=True)) == {"QUEUED"}


def test_who_may_not_run_jobs_cancels_none_of_them():
    actor, team = scientist()
    job = job_make(actor, team)

    (fate,) = services.jobs_cancel(actor=actor_make(Role.VIEWER, team), job_ids=[job.pk])

    assert "a data scientist or an operator has it" in fate.refused
    assert Job.objects.get(pk=job.pk).state == "QUEUED"


def test_the_list_leads_to_a_preview_and_the_preview_cancels():
    actor, team = scientist()
    jobs = [job_make(actor, team) for _ in range(2)]
    client, page = browser_of(actor), reverse("jobs-cancel")
    chosen = {"selected": [str(job.pk) for job in jobs]}

    listed = client.get(reverse("job-list")).content.decode()
    preview = client.get(page, chosen).content.decode()
    empty = client.get(page, {"selected": ["x"]})
    wrong = client.post(page, {"selected": [str(id_new())]})
    done = client.post(page, {**chosen, "reason": "Wrong data."})

    assert f'formaction="{page}"' in listed
    assert "It is cancelled at once." in preview
    assert (empty.status_code, wrong.status_code, done.status_code) == (200, 422, 302)
    assert set(Job.objects.values_list("cancel_reason", flat=True)) == {"Wrong data."}


def test_scripts_read_queues_and_ask_before_they_cancel():
    actor, team = scientist()
    job = job_make(actor, team)
    client = browser_of(actor)

    queues = client.get("/api/v1/queues").json()
    queue = client.get(f"/api/v1/queues/{target_local().pk}").json()
    body = {"ids": [str(job.pk)], "preview": True}
    told = client.post("/api/v1/jobs/cancel", body, content_type="application/json").json()
    done = client.post("/api/v1/jobs/cancel", {**body, "preview": False}, content_type="application/json")
    standing = client.get(f"/api/v1/jobs/{job.pk}/queue").json()

    assert [(row["target"], row["waiting"]) for row in queues] == [("local", 1)]
    assert [(row["number"], row["position"]) for row in queue["waiting_jobs"]] == [(job.number, 1)]
    assert told[0]["happens"] == "It is cancelled at once."
    assert done.status_code == 200
    assert Job.objects.get(pk=job.pk).state == "CANCELLED"
    assert standing == {"position": None, "waiting": 0, "start": None, "why": ""}
