"""Forecasts noted at launch, told before it, and held against what happened; where a job stands in its queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.compute.models import ComputeTarget
from apps.compute.selectors import target_local
from apps.core.actors import Role
from apps.core.errors import Forbidden, NotFound
from apps.jobs import selectors, services
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited, job_make, running_make, scientist

pytestmark = pytest.mark.django_db


def browser_of(actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def history_make(actor, team, count: int, *, seconds=lambda number: 100 + number, **fields) -> None:
    """Ended jobs that waited 5 s and ran `seconds(number)` with 1 GB at the peak."""
    for number in range(count):
        _, claim, _ = running_make(actor=actor, team=team, **fields)
        services.job_finish(claim=claim, status=exited(peak_rss_bytes=10**9))
        start = timezone.now() - timedelta(days=1)
        Job.objects.filter(pk=claim.job_id).update(
            created_at=start - timedelta(seconds=5),
            started_at=start,
            ended_at=start + timedelta(seconds=seconds(number)),
        )


def choice(actor, team, **fields):
    asked = {"team_id": team.pk, "kind": "probe", "signature": "probe", "size": 0, **fields}
    return selectors.forecast_choices(actor, **asked)[0]


def test_a_launch_is_forecast_from_earlier_jobs_of_its_signature_and_team_alone():
    actor, team = scientist()
    history_make(actor, team, 9)
    history_make(*scientist(), 2)

    told = choice(actor, team)
    other = choice(actor, team, signature="recipe:ridge")

    assert (told.forecast.run.low, told.forecast.run.mid, told.forecast.run.high) == (100, 104, 108)
    assert told.forecast.run.stated
    assert told.forecast.memory.mid == 10**9
    assert told.forecast.wait.mid == pytest.approx(5, abs=0.1)
    assert told.ends_in == pytest.approx(109, abs=0.2)
    assert other.forecast.run is None
    assert "nothing is known" in other.forecast.basis


def test_cost_is_the_time_at_the_price_of_the_target():
    actor, team = scientist()
    ComputeTarget.objects.filter(pk=target_local().pk).update(price_minor=3600, currency="EUR")
    history_make(actor, team, 3)

    told = choice(actor, team).forecast

    assert told.cost.mid == pytest.approx(101)
    assert told.currency == "EUR"


def test_a_job_keeps_what_was_forecast_and_coverage_counts_what_held():
    actor, team = scientist()
    history_make(actor, team, 9)
    history_make(actor, team, 4, seconds=lambda number: 104 if number else 5000)

    held = {one.what: one for one in selectors.coverage(actor)}
    strangers = selectors.coverage(scientist()[0])

    assert (held["run"].hits, held["run"].n) == (3, 4)
    assert "3" not in selectors.coverage_words(strangers)
    assert "Of the last 4 stated intervals for the run time, 75% held" in selectors.coverage_words([*held.values()])


def test_a_forecast_is_for_who_may_launch_in_the_team():
    actor, team = scientist()

    with pytest.raises(NotFound):
        choice(actor, team_make())
    with pytest.raises(Forbidden, match="data scientist or an operator"):
        choice(actor_make(Role.VIEWER, team), team)


def test_what_if_says_the_number_in_the_queue_for_each_priority(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    operator = actor_make(Role.OPERATOR, team)
    history_make(actor, team, 2)
    running_make(actor=actor, team=team)
    for _ in range(3):
        job_make(actor, team)

    normal, high = choice(actor, team), choice(operator, team, priority="high")

    assert (normal.position, normal.waiting) == (4, 4)
    assert (high.position, high.starts_in < normal.starts_in) == (1, True)


def test_a_job_says_where_it_stands_when_it_starts_and_why_it_waits(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    history_make(actor, team, 3)
    ahead = job_make(actor, team)

    first = selectors.standing_of(ahead)
    claim, _ = claim_make(ahead)
    services.attempt_started(claim=claim, handle="/nowhere/1")
    behind = [job_make(actor, team) for _ in range(2)]
    high = job_make(actor_make(Role.OPERATOR, team), team, priority="high")
    standing = selectors.standing_of(behind[1])

    assert first.why == "Waits for a free worker."
    assert (standing.position, standing.waiting) == (3, 3)
    assert standing.why == (
        "Number 3 of 3: the one place of local is taken, and 1 of a higher priority and 1 older of the same team "
        "start before it."
    )
    # What runs now and two jobs of the median come first.
    assert timedelta(seconds=250) < standing.start - timezone.now() <= timedelta(seconds=303)
    assert selectors.standing_of(high).why.startswith("Is next: the one place of local is taken")


def test_without_history_the_start_is_not_known(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    running_make(actor=actor, team=team)
    job = job_make(actor, team)

    assert selectors.standing_of(job).start is None


def test_the_page_shows_the_place_and_try_first_for_who_may(settings):
    settings.JOB_SLOTS = 1
    actor, team = scientist()
    running_make(actor=actor, team=team)
    job_make(actor, team)
    job = job_make(actor, team)
    page = reverse("job-detail", args=[job.pk])

    mine = browser_of(actor).get(page).content.decode()
    owners = browser_of(actor_make(Role.PRODUCT_OWNER, team))
    theirs = owners.get(page).content.decode()
    owners.post(reverse("job-prioritise", args=[job.pk]), {"priority": "high"})

    assert "2 of 2" in mine
    assert "Try first" not in mine
    assert "Try first" in theirs
    assert Job.objects.get(pk=job.pk).get_priority_display() == "high"


@pytest.mark.parametrize("query", ["", "team=x", "team={team}&size=-1&priority=%00&signature=%00&target_id=x"])
def test_the_forecast_of_any_question_is_an_answer(query):
    actor, team = scientist()

    answer = browser_of(actor).get(reverse("job-forecast") + "?" + query.format(team=team.pk))

    assert answer.status_code == (200 if "{team}" in query else 404)


def test_a_job_of_before_there_were_forecasts_shows_its_times():
    job, _, _ = running_make()
    Job.objects.filter(pk=job.pk).update(forecast=None)
    JobAttempt.objects.update(cpu_seconds=None)

    page = browser_of(actor_make(Role.VIEWER, job.team)).get(reverse("job-detail", args=[job.pk])).content.decode()

    assert "Running for" in page
