"""Home, search, the top bar's figures, and the progress of the installation's own work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.core.models import LongTask
from apps.core.progress import long_task, long_tasks_shown
from apps.problems import services
from apps.problems.tests.factories import people, problem_accepted, problem_draft

pytestmark = pytest.mark.django_db


def _client(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_team_without_a_problem_is_told_how_to_begin():
    team = team_make()
    client = _client(user_make(role=Role.DATA_SCIENTIST, team=team))

    page = client.get(reverse("home")).content.decode()

    assert "This team has no problem yet" in page
    assert reverse("problem-create") in page


def test_a_viewer_is_told_who_can_begin_and_gets_no_button():
    team = team_make()
    client = _client(user_make(role=Role.VIEWER, team=team))

    page = client.get(reverse("home")).content.decode()

    assert "A data scientist or a product owner registers it." in page
    assert f'href="{reverse("problem-create")}"' not in page


def test_a_person_without_a_team_gets_a_page():
    response = _client(user_make()).get(reverse("home"))

    assert response.status_code == 200


def test_search_finds_what_the_person_may_see_and_nothing_else():
    team, scientist, owner = people()
    problem_accepted(scientist, owner, team, name="Release of detainees")
    stranger = user_make(role=Role.DATA_SCIENTIST, team=team_make())
    member = user_make(role=Role.VIEWER, team=team)
    address = reverse("home-search")

    seen = _client(member).get(address, {"q": "detainees", "format": "json"}).json()["hits"]
    unseen = _client(stranger).get(address, {"q": "detainees", "format": "json"}).json()["hits"]

    assert [hit["label"] for hit in seen if hit["kind"] == "Problem"] == ["Release of detainees"]
    assert unseen == []


@pytest.mark.parametrize("text", ["\x00", "%", "a" * 5000, "'; drop table", "💧", "../../etc/passwd"])
def test_search_takes_any_text(text):
    client = _client(user_make(role=Role.DATA_SCIENTIST, team=team_make()))

    assert client.get(reverse("home-search"), {"q": text}).status_code == 200
    assert client.get(reverse("home-search"), {"q": text, "format": "json"}).status_code == 200


def test_the_palette_offers_only_commands_that_a_person_may_use():
    team = team_make()

    def labels(role):
        client = _client(user_make(role=role, team=team))
        found = client.get(reverse("home-search"), {"format": "json"}).json()["commands"]
        return {command["label"] for command in found}

    assert "Register a problem" in labels(Role.DATA_SCIENTIST)
    assert "Register a problem" not in labels(Role.VIEWER)


def test_a_waiting_acceptance_is_first_on_the_owners_home():

    team, scientist, _ = people()
    problem, version = problem_draft(scientist, team, name="Bail advice")
    services.problem_submit(actor=scientist, version_id=version.pk)
    owner = user_make(role=Role.PRODUCT_OWNER, team=team)

    page = _client(owner).get(reverse("home")).content.decode()

    assert "Accept version 1 of Bail advice" in page
    assert problem.name in page


def test_long_work_is_shown_while_it_runs_and_when_it_failed():
    seen = []

    def work() -> None:
        with long_task("demo", "The demo is being made") as progress:
            progress.say(0.4, "Training")
            seen.extend((task.state, task.fraction, task.text) for task in long_tasks_shown())
            raise RuntimeError("disk is full")

    with pytest.raises(RuntimeError, match="disk"):
        work()

    assert seen == [("RUNNING", 0.4, "Training")]
    (failed,) = long_tasks_shown()
    assert (failed.state, failed.text) == ("FAILED", "disk is full")


def test_work_that_fell_silent_counts_as_failed():
    LongTask.objects.create(key="demo", title="The demo is being made")
    LongTask.objects.update(updated_at=timezone.now() - timedelta(minutes=10))

    (task,) = long_tasks_shown()

    assert task.state == "FAILED"


def test_finished_work_is_not_shown():
    with long_task("demo", "The demo is being made"):
        pass

    assert long_tasks_shown() == []


def test_the_top_bar_counts_for_the_present_team():
    client = _client(user_make(role=Role.DATA_SCIENTIST, team=team_make()))

    assert client.get(reverse("home-summary")).json() == {"running_jobs": 0, "unread_notices": 0}
