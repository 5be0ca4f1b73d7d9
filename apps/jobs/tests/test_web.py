from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_secret
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.jobs import contracts, services
from apps.jobs.contracts import Fact, JobPanel
from apps.jobs.tests.factories import exited, job_make, lines_make, probe_kind, running_make, scientist
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kind(settings):
    settings.JOB_SLOTS = 50
    probe_kind()


def browser(actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def test_strangers_are_led_to_the_sign_in_page():
    job = job_make()

    for path in ("/jobs/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/log.txt"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_the_list_shows_only_jobs_of_the_own_teams_and_filters():
    actor, team = scientist()
    job_make(actor, team, title="grow a forest")
    services.job_cancel(actor=actor, job_id=job_make(actor, team, title="cut a tree").pk)
    job_make(title="somebody else's")
    client = browser(actor)

    all_jobs = text_of(client.get("/jobs/"))
    cancelled = text_of(client.get("/jobs/?state=CANCELLED"))

    assert "grow a forest" in all_jobs
    assert "cut a tree" in all_jobs
    assert "somebody else" not in all_jobs
    assert "cut a tree" in cancelled
    assert "grow a forest" not in cancelled
    assert "Probe" in all_jobs


def test_a_job_of_another_team_is_not_found():
    actor, _ = scientist()

    assert browser(actor).get(f"/jobs/{job_make().pk}/").status_code == 404


def test_a_running_job_shows_its_log_progress_and_how_to_stop_it():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team, title="grow a forest")
    services.job_log_append(claim=claim, lines=lines_make("first line", "warning: <b>thin</b>"))
    for cpu in (0.5, 0.75):
        services.usage_append(
            claim=claim, status=JobStatus(JobState.RUNNING, rss_bytes=2**27, cpu_seconds=3), cpu_share=cpu
        )

    page = text_of(browser(actor).get(f"/jobs/{job.pk}/"))

    assert f"Job {job.number}: grow a forest" in page
    assert "first line" in page
    assert "warning: &lt;b&gt;thin&lt;/b&gt;" in page
    assert 'data-open="cancel-job"' in page
    assert f"/jobs/{job.pk}/cancel/" in page
    assert f'data-topic="job.{job.pk}"' in page
    assert 'data-after="6"' in page
    assert "128 MiB" in page
    assert "polyline" in page


def test_a_running_job_shows_steps_share_and_time_left():
    actor, team = scientist()
    job, _, secret = running_make(actor=actor, team=team)
    child, _ = actor_of_secret(secret) or (None, None)
    services.progress_report(actor=child, progress=services.Progress(None, "Epoch 2", 12, 100, 125.0))

    page = text_of(browser(actor).get(f"/jobs/{job.pk}/"))

    assert "Epoch 2" in page
    assert "12 of 100 steps, 12 % done, about 2 m" in page


def test_a_failed_job_says_why_and_what_to_do():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_log_append(claim=claim, lines=lines_make("ValueError: no such column"))
    services.job_finish(claim=claim, status=exited(1))

    page = text_of(browser(actor).get(f"/jobs/{job.pk}/"))

    assert "It failed." in page
    assert "exit code 1" in page
    assert "Correct the cause, then retry." in page
    assert page.count("ValueError: no such column") == 2
    assert f"/jobs/{job.pk}/retry/" in page
    assert 'data-open="cancel-job"' not in page


def test_a_lost_attempt_is_numbered_and_said_why():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause="The machine went away."))

    page = text_of(browser(actor).get(f"/jobs/{job.pk}/"))

    assert "Attempt 1 was lost, attempt 2 waits to start." in page
    assert "The machine went away." in page


def test_cancel_and_retry_are_two_posts():
    actor, team = scientist()
    job = job_make(actor, team)
    client = browser(actor)

    cancelled = client.post(f"/jobs/{job.pk}/cancel/", {"reason": "not needed"}, follow=True)
    retried = client.post(f"/jobs/{job.pk}/retry/", follow=True)

    assert f"Job {job.number} is cancelled." in text_of(cancelled)
    assert "not needed" in text_of(cancelled)
    assert f"Job {job.number + 1} is queued." in text_of(retried)
    assert f"job {job.number}</a>" in text_of(retried)


def test_a_viewer_sees_a_job_but_no_buttons():
    actor, team = scientist()
    job = job_make(actor, team)
    viewer = Client()
    viewer.force_login(user_make(role=Role.VIEWER, team=team))

    page = text_of(viewer.get(f"/jobs/{job.pk}/"))

    assert "Waits for a free worker." in page
    assert "Cancel job" not in page
    assert viewer.post(f"/jobs/{job.pk}/cancel/").status_code == 403


def test_the_log_can_be_searched_and_downloaded():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_log_append(claim=claim, lines=lines_make("alpha", "beta", "gamma"))
    client = browser(actor)

    found = text_of(client.get(f"/jobs/{job.pk}/?find=BET"))
    nothing = text_of(client.get(f"/jobs/{job.pk}/?find=zeta"))
    text = b"".join(client.get(f"/jobs/{job.pk}/log.txt").streaming_content).decode()

    assert "<span>beta</span>" in found
    assert "<span>alpha</span>" not in found
    assert "No line of the log has “zeta”." in nothing
    assert text.splitlines()[1:] == ["1\t0.000\talpha", "2\t0.000\tbeta", "3\t0.000\tgamma"]


def test_rooms_above_add_facts_and_panels(monkeypatch):
    probe_kind(facts=lambda actor, job: [Fact("Data", "Arrests 1", "/datasets/1")], subject_url=lambda job: "/thing")
    panels = [
        JobPanel("probe", "components/band.html", lambda actor, job: {"title": "Curves", "text": f"of {job.number}"}),
        JobPanel("probe", "components/band.html", lambda actor, job: None),
        JobPanel("other", "components/band.html", lambda actor, job: {"title": "Not mine"}),
    ]
    monkeypatch.setattr(contracts, "_panels", panels)
    actor, team = scientist()
    job = job_make(actor, team)

    page = text_of(browser(actor).get(f"/jobs/{job.pk}/"))

    assert "Arrests 1" in page
    assert 'href="/thing"' in page
    assert "Curves" in page
    assert f"of {job.number}" in page
    assert "Not mine" not in page


def test_the_job_page_and_the_list_keep_to_few_queries(django_assert_max_num_queries):
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    for number in range(20):
        services.job_log_append(claim=claim, lines=lines_make(f"line {number}", start=number * 10))
        job_make(actor, team)
    client = browser(actor)

    with django_assert_max_num_queries(15):
        client.get(f"/jobs/{job.pk}/")
    with django_assert_max_num_queries(15):
        client.get("/jobs/")
    with django_assert_max_num_queries(15):
        client.get(f"/jobs/{job.pk}/now/")
