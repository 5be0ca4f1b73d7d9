"""Behaviour tests of a problem by JSON and by the page that writes them."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import user_make
from apps.core.actors import Actor, Role
from apps.problems import selectors, services
from apps.problems.tests.factories import AGE, COLOUR, PLAIN, behaviour_make, people, problem_accepted, problem_draft
from apps.problems.web.changes import changes_read, changes_write

pytestmark = pytest.mark.django_db


def _client(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def _api(user: User | Actor) -> APIClient:
    client = APIClient()
    client.force_login(user if isinstance(user, User) else User.objects.get(pk=user.id))
    return client


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_the_whole_way_by_json():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    client = _api(scientist)
    path = f"/api/v1/problems/{problem.pk}/behaviour-tests"

    made = client.post(path, {**AGE, "critical": True}, format="json", headers={"Idempotency-Key": "k"})
    again = client.post(path, {**AGE, "critical": True}, format="json", headers={"Idempotency-Key": "k"})
    listed = client.get(path).json()["results"]
    gone = client.patch(f"/api/v1/behaviour-tests/{made.json()['test_id']}", {"archived": True}, format="json")

    assert (made.status_code, again.json()) == (201, made.json())
    assert made.json()["definition"] == {name: AGE[name] for name in ("where", "change", "direction", "tolerance")}
    assert made.json()["before_first_model"] is True
    assert made.json()["says"].startswith("With age + 5, every row where age >= 18 must get no lower score by more")
    assert [row["id"] for row in listed] == [made.json()["id"]]
    assert gone.status_code == 200
    assert gone.json()["archived_at"] is not None


def test_json_refuses_strangers_viewers_and_garbage():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    version = behaviour_make(scientist, problem)
    path, one = f"/api/v1/problems/{problem.pk}/behaviour-tests", f"/api/v1/behaviour-tests/{version.test_id}"
    _, stranger, _ = people()
    viewer = _api(user_make(role=Role.VIEWER, team=team))

    assert viewer.get(path).status_code == 200
    assert viewer.post(path, AGE, format="json").status_code == 403
    assert viewer.patch(one, {"archived": True}, format="json").status_code == 403
    assert _api(stranger).get(path).status_code == 404
    assert _api(stranger).post(path, AGE, format="json").status_code == 404
    assert _api(stranger).patch(one, {"archived": True}, format="json").status_code == 404
    client = _api(scientist)
    for garbage in (
        {},
        {**AGE, "change": "age"},
        {**AGE, "change": [[1]]},
        {**AGE, "change": [{"column": "age", "to": {"a": [[[[[[[[[[1]]]]]]]]]]}}]},
        {**AGE, "why": "a\u0000b"},
        {**AGE, "least_share": "NaN"},
        {**PLAIN, "cases": [{"values": 3, "expect": {}}]},
        {**PLAIN, "expect": {"label": "Yes", "at_least": 1}},
    ):
        answer = client.post(path, json.dumps(garbage), content_type="application/json")
        assert answer.status_code == 400, garbage
    assert client.patch(one, {"archived": "perhaps"}, format="json").status_code == 400


# --- pages -----------------------------------------------------------------------------------------------------------


def test_the_problem_page_lists_the_tests_with_the_fact_about_readiness():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    client = _client(scientist)
    page = reverse("problem-detail", args=[problem.pk])

    before = client.get(page).content.decode()
    behaviour_make(scientist, problem, critical=True)
    after = client.get(page).content.decode()

    assert "No behaviour test is written yet." in before
    assert COLOUR["name"] in after
    assert "at least 99 % of the rows must keep the same answer" in after
    assert "The behaviour test was written before any model" in after


def test_the_form_writes_follows_and_archives_a_test():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    client = _client(scientist)
    page = reverse("problem-behaviour-list", args=[problem.pk])
    sent = {
        "kind": "INVARIANCE",
        "name": "Colour",
        "why": "Nobody is held for it.",
        "change": "colour: Black becomes White, White becomes Black\nage + 1",
        "compare": "LABEL",
        "tolerance": "",
        "where": "age >= 18",
        "least_percent": "99,5",
        "critical": "on",
    }

    bad = client.post(page, {**sent, "change": "colour"})
    worse = client.post(page, {**sent, "where": "age >", "least_percent": "99.5"})
    good = client.post(page, {**sent, "least_percent": "99.5"})

    assert bad.status_code == worse.status_code == 422
    assert "Line 1 is no change." in bad.content.decode()
    assert "A number, such as 0.01 or 95." in bad.content.decode()
    assert 'id="id_where_error"' in worse.content.decode()
    assert good.status_code == 302
    (version,) = selectors.behaviour_in_force(problem.pk)
    assert (version.critical, version.definition["least_share"]) == (True, 0.995)
    assert [one["column"] for one in version.definition["change"]] == ["colour", "age"]
    filled = client.get(f"{page}?test={version.test_id}").content.decode()
    assert "colour: Black becomes White, White becomes Black\nage + 1" in filled
    assert 'value="99.5"' in filled
    archive = reverse("problem-behaviour-archive", args=[problem.pk, version.test_id])
    assert client.post(archive).status_code == 302
    assert "archived" in client.get(page).content.decode()
    assert client.post(archive, {"archived": "0"}).status_code == 302
    assert len(selectors.behaviour_in_force(problem.pk)) == 1


def test_who_may_not_loosen_a_critical_test_is_offered_neither_change_nor_archive():
    team, scientist, owner = people()
    problem, _ = problem_accepted(scientist, owner, team)
    version = behaviour_make(scientist, problem, critical=True)
    page = reverse("problem-behaviour-list", args=[problem.pk])
    archive = reverse("problem-behaviour-archive", args=[problem.pk, version.test_id])
    sent = {"kind": "INVARIANCE", "name": COLOUR["name"], "why": "No.", "change": "age + 1", "least_percent": "1"}

    assert archive not in _client(scientist).get(page).content.decode()
    assert archive in _client(owner).get(page).content.decode()
    assert _client(scientist).post(archive).status_code == 403
    assert _client(scientist).post(page, sent).status_code == 403
    assert [one.pk for one in selectors.behaviour_in_force(problem.pk)] == [version.pk]


def test_rows_that_only_the_api_writes_stay_when_the_form_changes_the_rest():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    cases = [{"values": {"age": 60}, "expect": {"label": "Yes"}}]
    services.behaviour_save(
        actor=scientist, problem_id=problem.pk, name="Plain", kind="LEAST_FUNCTION", why="Known.", cases=cases
    )
    page = reverse("problem-behaviour-list", args=[problem.pk])
    sent = {"kind": "LEAST_FUNCTION", "name": "Plain", "why": "Known well.", "least_percent": "100"}

    answer = _client(scientist).post(page, sent)

    assert answer.status_code == 302
    (version,) = selectors.behaviour_in_force(problem.pk)
    assert (version.number, version.why, version.definition["cases"]) == (2, "Known well.", cases)


def test_pages_show_no_form_to_viewers_and_nothing_to_strangers():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    version = behaviour_make(scientist, problem)
    page = reverse("problem-behaviour-list", args=[problem.pk])
    archive = reverse("problem-behaviour-archive", args=[problem.pk, version.test_id])
    viewer, stranger = Client(), _client(people()[1])
    viewer.force_login(user_make(role=Role.VIEWER, team=team))

    assert "Save test" not in viewer.get(page).content.decode()
    assert viewer.post(page, {"kind": "DIRECTION"}).status_code == 403
    assert viewer.post(archive).status_code == 403
    assert stranger.get(page).status_code == 404
    assert stranger.post(archive).status_code == 404
    scientist_client = _client(scientist)
    assert scientist_client.get(f"{page}?kind=MAGIC&test=x").status_code == 200
    for kind in ("INVARIANCE", "DIRECTION", "LEAST_FUNCTION"):
        assert scientist_client.get(f"{page}?kind={kind}").status_code == 200
        assert scientist_client.post(page, {"kind": kind}).status_code == 422


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("checks + 1", [{"column": "checks", "add": 1.0}]),
        ("capital-gain − 2.5", [{"column": "capital-gain", "add": -2.5}]),
        ("income × 1.1", [{"column": "income", "multiply": 1.1}]),
        ("age = 20; 30; missing", [{"column": "age", "to": [20, 30, None]}]),
        ('code = "7"', [{"column": "code", "to": "7"}]),
        ("member = true", [{"column": "member", "to": True}]),
        ("a b: x becomes y, y becomes z", [{"column": "a b", "swap": {"x": "y", "y": "z"}}]),
    ],
)
def test_changes_are_written_as_they_are_read(text, changes):
    assert changes_read(text) == changes
    assert changes_write(changes) == text


@pytest.mark.parametrize("text", ["checks", "checks + many", "+ 1", "colour: Black becomes", "colour: a becomes b, c"])
def test_a_line_that_is_no_change_is_named(text):
    with pytest.raises(ValueError, match="Line 2"):
        changes_read(f"age + 1\n{text}")
