"""The pages as a browser without script uses them: plain forms, plain links."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.core.registries import search_all, station_list, waiting_list
from apps.problems import selectors, services
from apps.problems.models import Problem
from apps.problems.tests.factories import problem_accepted, problem_draft

pytestmark = pytest.mark.django_db


def _people():
    team = team_make()
    scientist = user_make(role=Role.DATA_SCIENTIST, team=team)
    owner = user_make(role=Role.PRODUCT_OWNER, team=team)
    return team, scientist, owner


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


FILLED = {
    "name": "Release",
    "question": "Released or held?",
    "decision_served": "The officer decides.",
    "population": "Arrests in Toronto",
    "unit_of_prediction": "one arrest",
    "decision_mode": "ASSIST",
    "risk_class": "HIGH",
    "task": "BINARY",
    "target": "released",
    "positive_label": "Yes",
    "positive_word": "released",
    "negative_word": "held",
    "currency": "CAD",
    "cost_fp": "1,200",
    "cost_fn": "400.50",
    "label_delay_days": "0",
    "review_period_days": "365",
    "support_rows": "100",
    "support_positives": "15",
    "support_negatives": "15",
    "objectives-total": "2",
    "objectives-0-metric": "cost_per_100",
    "objectives-0-comparison": "LIVE",
    "objectives-0-scope": "OVERALL",
    "objectives-0-limit": "",
    "objectives-1-metric": "fnr",
    "objectives-1-comparison": "LIVE",
    "objectives-1-scope": "PROTECTED",
    "objectives-1-limit": "5",
    "objectives-1-critical": "on",
    "segments-total": "1",
    "segments-0-name": "Age",
    "segments-0-expression": "age",
    "segments-0-edges": "25, 35",
    "segments-0-labels": "under 25; 25 to 34; 35 and over",
    "segments-0-purpose": "PROTECTED",
}


def _begin(client: Client) -> Problem:
    answer = client.post("/problems/new/", {"name": "Release"})
    assert answer.status_code == 302
    return Problem.objects.get(name="Release")


def test_from_a_name_to_a_sealed_version_with_plain_forms():
    _team, scientist, owner = _people()
    science, product = client_of(scientist), client_of(owner)
    problem = _begin(science)
    form = science.get(f"/problems/{problem.pk}/edit/")
    assert form.status_code == 200
    version = selectors.version_open(problem)

    sent = science.post(
        f"/problems/{problem.pk}/edit/",
        {**FILLED, "owner": str(owner.pk), "row_version": version.row_version, "action": "submit"},
    )
    assert sent.status_code == 302, sent.content.decode()[:3000]
    version = selectors.version_open(problem)
    assert version.state == "IN_REVIEW"
    assert version.error_costs == {"currency": "CAD", "false_positive": 120_000, "false_negative": 40_050}
    assert [(o.name, o.limit) for o in selectors.objective_list(version)] == [
        ("Cost per 100", 0.0),
        ("False negative rate, any protected", 0.05),
    ]

    page = science.get(f"/problems/{problem.pk}/").content.decode()
    assert "Accept version 1" not in page
    assert f"{owner} can accept it" in page
    page = product.get(f"/problems/{problem.pk}/").content.decode()
    assert "Accept version 1" in page
    assert product.post(f"/problems/{problem.pk}/accept/").status_code == 302
    page = product.get(f"/problems/{problem.pk}/").content.decode()
    assert "accepted" in page
    assert "0.750" in page
    assert "live + 5.0 points" in page
    assert "C$ 1 200" in page.replace("\u202f", " ")


def test_rows_are_added_and_removed_without_script_and_nothing_is_lost():
    _, scientist, _owner = _people()
    client = client_of(scientist)
    problem = _begin(client)
    url = f"/problems/{problem.pk}/edit/"

    more = client.post(url, {**FILLED, "action": "add_segment"}).content.decode()
    assert 'name="segments-1-name"' in more
    assert "Released or held?" in more
    assert 'name="segments-total" value="2"' in more
    fewer = client.post(url, {**FILLED, "action": "remove_objective_0"}).content.decode()
    assert 'name="objectives-total" value="1"' in fewer
    assert 'name="objectives-1-metric"' not in fewer
    usual = client.post(url, {**FILLED, "action": "suggest"}).content.decode()
    assert 'name="objectives-total" value="4"' in usual
    number = client.post(url, {**FILLED, "task": "REGRESSION", "action": "refresh"}).content.decode()
    assert 'name="cost_unit"' in number
    assert "Root mean squared error" in number
    assert selectors.version_open(problem).question == "", "none of this saves"


def test_faults_stand_at_their_fields_and_the_form_keeps_its_content():
    _, scientist, _ = _people()
    client = client_of(scientist)
    problem = _begin(client)

    answer = client.post(
        f"/problems/{problem.pk}/edit/",
        {
            **FILLED,
            "action": "save",
            "cost_fp": "a lot",
            "segments-0-expression": "age >=",
            "objectives-1-limit": "five",
        },
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Write a number, such as 1200 or 99.50." in page
    assert "A number, such as 0.65 or 5." in page
    assert "a lot" in page
    answer = client.post(
        f"/problems/{problem.pk}/edit/", {**FILLED, "action": "save", "segments-0-expression": "age >="}
    )
    assert answer.status_code == 422
    assert 'id="id_segments-0-expression_error"' in answer.content.decode()


def test_a_draft_is_saved_and_what_is_missing_is_linked_to_its_field():
    _, scientist, owner = _people()
    client = client_of(scientist)
    problem = _begin(client)
    url = f"/problems/{problem.pk}/edit/"

    incomplete = {**FILLED, "owner": str(owner.pk), "population": "", "objectives-total": "0"}
    sent = client.post(url, {**incomplete, "action": "submit"})

    assert sent.status_code == 409
    page = sent.content.decode()
    assert "Saved, but not sent: 2 things missing" in page
    assert 'href="#id_population"' in page
    assert 'href="#h-objectives"' in page
    detail = client.get(f"/problems/{problem.pk}/").content.decode()
    assert "2 things missing before this draft can be sent" in detail
    assert f"/problems/{problem.pk}/edit/#id_population" in detail


def test_a_stale_form_shows_both_versions():
    _team, scientist, owner = _people()
    client = client_of(scientist)
    problem = _begin(client)
    version = selectors.version_open(problem)
    seen = version.row_version
    services.problem_version_edit(
        actor=actor_of_user(owner), version_id=version.pk, question="Theirs?", population="All"
    )

    answer = client.post(
        f"/problems/{problem.pk}/edit/",
        {**FILLED, "owner": str(owner.pk), "question": "Mine?", "row_version": seen, "action": "save"},
    )

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Theirs?" in page
    assert "Mine?" in page
    version.refresh_from_db()
    assert version.question == "Theirs?"
    assert f'name="row_version" value="{version.row_version}"' in page
    again = client.post(
        f"/problems/{problem.pk}/edit/",
        {**FILLED, "owner": str(owner.pk), "question": "Mine?", "row_version": version.row_version, "action": "save"},
    )
    assert again.status_code == 302


def test_a_new_version_needs_a_reason_and_segments_can_be_followed():
    team, scientist, owner = _people()
    problem, _ = problem_accepted(actor_of_user(scientist), actor_of_user(owner), team)
    client = client_of(scientist)

    segment = client.post(
        f"/problems/{problem.pk}/segments/",
        {"name": "Employed", "expression": "employed == 'Yes'", "purpose": "PERFORMANCE"},
    )
    assert segment.status_code == 302
    refused = client.post(f"/problems/{problem.pk}/segments/", {"name": "Age", "expression": "age > 9"})
    assert refused.status_code == 422
    assert "is protected and in force" in refused.content.decode()
    assert client.post(f"/problems/{problem.pk}/versions/new/", {"reason": ""}).status_code == 422
    begun = client.post(f"/problems/{problem.pk}/versions/new/", {"reason": "New law"})
    assert begun["Location"] == f"/problems/{problem.pk}/edit/"
    page = client.get(f"/problems/{problem.pk}/").content.decode()
    assert "A new version is being written." in page
    assert client.get(f"/problems/{problem.pk}/versions/2/").status_code == 200
    assert client.get(f"/problems/{problem.pk}/versions/3/").status_code == 404


def test_viewers_look_and_strangers_find_nothing():
    team, scientist, _owner = _people()
    problem, _ = problem_draft(actor_of_user(scientist), team)
    viewer = client_of(user_make(role=Role.VIEWER, team=team))
    stranger = client_of(user_make(role=Role.DATA_SCIENTIST, team=team_make()))

    page = viewer.get(f"/problems/{problem.pk}/").content.decode()
    assert "Change draft" not in page
    assert viewer.get("/problems/").status_code == 200
    assert viewer.get(f"/problems/{problem.pk}/edit/").status_code == 403
    assert viewer.post(f"/problems/{problem.pk}/archive/").status_code == 403
    assert viewer.get("/problems/new/").status_code == 403
    for path in ("", "edit/", "segments/", "versions/1/"):
        assert stranger.get(f"/problems/{problem.pk}/{path}").status_code == 404
    assert stranger.post(f"/problems/{problem.pk}/accept/").status_code == 404
    assert Client().get(f"/problems/{problem.pk}/").status_code == 302


def test_pages_stay_within_their_budget(django_assert_max_num_queries):
    team, scientist, owner = _people()
    problem, _ = problem_accepted(actor_of_user(scientist), actor_of_user(owner), team)
    draft, _ = problem_draft(actor_of_user(scientist), team)
    client = client_of(owner)
    for path in (
        "/problems/",
        f"/problems/{problem.pk}/segments/",
        f"/problems/{problem.pk}/",
        f"/problems/{draft.pk}/",
        f"/problems/{draft.pk}/edit/",
    ):
        client.get(path)
        with django_assert_max_num_queries(BUDGETS.get(path.split("/")[-2], 20)):
            assert client.get(path).status_code == 200, path


BUDGETS: dict[str, int] = {"problems": 12}


def test_the_room_answers_search_strip_and_inbox():
    team, scientist, owner = _people()
    science, product = actor_of_user(scientist), actor_of_user(owner)
    problem, version = problem_draft(science, team, name="Release of arrested people")

    station = station_list(science, problem.pk)[0]
    assert (station.key, station.state, station.here) == ("question", "draft", True)
    assert [hit.label for hit in search_all(science, "arrested") if hit.kind == "Problem"] == [problem.name]
    services.problem_submit(actor=science, version_id=version.pk)
    assert any(version.problem.name in item.title for item in waiting_list(product, team.pk))
    assert not any(version.problem.name in item.title for item in waiting_list(science, team.pk))
    assert station_list(product, problem.pk)[0].say == "Version 1 waits for your acceptance."


PROPOSED = "segment-name=Old+and+idle&segment-expression=%60age%60+%3E%3D+35&segment-purpose=PROTECTED"


def test_an_address_proposes_a_segment_that_the_draft_shows_and_does_not_save():
    team, scientist, _ = _people()
    problem, _ = problem_draft(actor_of_user(scientist), team)
    before = len(selectors.segments_of(selectors.version_open(problem)))

    page = client_of(scientist).get(f"/problems/{problem.pk}/edit/?{PROPOSED}").content.decode()

    assert f'name="segments-total" value="{before + 1}"' in page
    assert 'value="Old and idle"' in page
    assert "`age` &gt;= 35" in page
    assert len(selectors.segments_of(selectors.version_open(problem))) == before


def test_without_a_draft_a_new_version_is_offered_and_the_segment_is_filled_in_then():
    team, scientist, owner = _people()
    problem, _ = problem_accepted(actor_of_user(scientist), actor_of_user(owner), team)
    client = client_of(scientist)

    offered = client.get(f"/problems/{problem.pk}/edit/?{PROPOSED}")
    begun = client.post(offered["Location"], {"reason": "A group was found that does worse."})
    page = client.get(begun["Location"].partition("#")[0]).content.decode()

    assert offered["Location"].startswith(f"/problems/{problem.pk}/versions/new/?segment-name=")
    assert 'value="Old and idle"' in page


def test_a_proposal_of_nonsense_is_a_plain_draft():
    team, scientist, _ = _people()
    problem, _ = problem_draft(actor_of_user(scientist), team)
    client = client_of(scientist)

    for query in ("segment-name=x", "segment-expression=", "segment-expression=%00&segment-purpose=NONE"):
        assert client.get(f"/problems/{problem.pk}/edit/?{query}").status_code == 200
