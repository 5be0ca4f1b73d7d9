"""Inbox, form, decision page and what follows a click, through the browser's door."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import Team, User
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role
from apps.core.registries import search_all, station_list, waiting_list
from apps.core.topics import topic_find
from apps.evaluations.tests.factories import evaluation_complete, stage_make
from apps.reviews import selectors, services
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import decide, request_make, scene_make

pytestmark = pytest.mark.django_db
MOST_QUERIES = 22
State = ApprovalRequest.State


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=getattr(person, "id", person)))
    return client


def _page(client, address):
    response = client.get(address)
    assert response.status_code == 200, response.content.decode()[:2000]
    return response.content.decode()


def _url(scene, name="review-detail"):
    return reverse(name, args=[scene.request.pk])


def _form(scene, **fields):
    return {"vote": "APPROVE", "reason": "Clear.", "evidence_digest": scene.request.evidence_digest, **fields}


def test_from_the_inbox_to_a_decision_in_two_clicks():
    scene = scene_make()
    client = _client(scene.owner)

    inbox = _page(client, reverse("review-list"))
    page = _page(client, _url(scene))
    done = client.post(_url(scene, "review-decide"), _form(scene), follow=True)

    assert f"Decide on {scene.stage.candidate} for production" in inbox
    assert scene.evaluation.headline in inbox
    assert _url(scene) in inbox
    assert "Your decision" in page
    assert "If you refuse" in page
    assert f"Version {scene.stage.live.number} stays live." in page
    assert "Approved. Version 2 is on its way to production." in done.content.decode()
    assert Decision.objects.get().vote == "APPROVE"


def test_the_page_tells_verdict_people_gates_evidence_in_this_order():
    scene = scene_make(failing=True, message="Please look.")

    page = _page(_client(scene.owner), _url(scene))

    order = [
        "Version 2 would wrongly hold",
        "Who is harmed, who is helped",
        'id="gates-list"',
        "What cannot be known yet",
        "Questions and answers",
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert "Please look." in page
    assert "live version 1" in page
    assert f'value="{scene.request.evidence_digest}"' in page
    assert 'style="' not in page.split("<main", 1)[1]


def test_the_filled_button_is_the_one_the_gates_point_to():
    passing, failing = scene_make(), scene_make(failing=True)

    calm = _page(_client(passing.owner), _url(passing))
    grave = _page(_client(failing.owner), _url(failing))

    assert 'btn btn-primary" name="vote" value="APPROVE"' in calm
    assert 'btn btn-primary" name="vote" value="REFUSE"' in grave
    assert "If you approve</dt><dd>You override" in grave


def test_a_missing_reason_is_told_at_its_field():
    scene = scene_make()

    response = _client(scene.owner).post(_url(scene, "review-decide"), _form(scene, reason=" "))

    assert response.status_code == 422
    assert "Give a reason: the requester reads it" in response.content.decode()
    assert not Decision.objects.exists()


def test_an_override_asks_a_second_time_and_keeps_the_reason():
    scene = scene_make(failing=True)
    client = _client(scene.owner)
    address = _url(scene, "review-decide")

    asked = client.post(address, _form(scene, reason="The judge asked for it."))
    wrong = client.post(address, _form(scene, reason="The judge asked for it.", override_confirmation="yes"))
    right = client.post(address, _form(scene, reason="The judge asked for it.", override_confirmation="version 2"))

    for response in (asked, wrong):
        body = response.content.decode()
        assert response.status_code == 422
        assert "Type <code>version 2</code>" in body
        assert "The judge asked for it." in body
        assert "people aged 35 and over" in body
    assert "That was not it." in wrong.content.decode()
    assert right.status_code == 302
    page = _page(client, _url(scene))
    assert "override" in page
    assert "The judge asked for it." in page


def test_who_was_slower_sees_the_outcome_and_keeps_their_words():
    scene = scene_make()
    slow = user_make(role=Role.PRODUCT_OWNER, team=scene.stage.team)
    decide(scene, reason="It is right.")

    response = _client(slow.pk).post(_url(scene, "review-decide"), _form(scene, vote="REFUSE", reason="I would not."))

    body = response.content.decode()
    assert response.status_code == 409
    assert "The request is approved already by" in body
    assert "It is right." in body
    assert "I would not." in body
    assert "Nothing of that was stored." in body


def test_a_stale_request_says_what_changed_and_offers_to_ask_again():
    scene = scene_make()
    evaluation_complete(scene.stage, seed=5)
    owner, scientist = _client(scene.owner), _client(scene.scientist)

    refused = owner.post(_url(scene, "review-decide"), _form(scene))
    page = _page(owner, _url(scene))
    mine = _page(scientist, _url(scene))
    renewed = scientist.post(_url(scene, "request-renew"))

    assert refused.status_code == 409
    assert "There is a newer evaluation of the version." in refused.content.decode()
    assert "nobody can decide on this request any more" in page
    assert 'name="vote"' not in page
    assert "Ask again" not in page.split("<main", 1)[1]
    assert "Ask again" in mine
    fresh = ApprovalRequest.objects.get(state=State.OPEN)
    assert renewed.headers["Location"] == reverse("review-detail", args=[fresh.pk])


def test_evidence_that_changed_but_was_not_marked_yet_takes_the_buttons_away():
    scene = scene_make()
    evaluation_complete(scene.stage, seed=5)

    page = _page(_client(scene.owner), _url(scene))

    assert 'name="vote"' not in page
    assert "There is a newer evaluation of the version." in page


def test_who_trained_and_asked_is_told_who_can_decide():
    scene = scene_make()

    page = _page(_client(scene.scientist), _url(scene))

    assert 'name="vote"' not in page
    assert "You asked for this approval; somebody else has to decide." in page
    assert str(User.objects.get(pk=scene.owner.id)) in page
    assert _client(scene.scientist).post(_url(scene, "review-decide"), _form(scene)).status_code == 403


def test_a_team_without_another_decider_is_told_that_nobody_can():
    scene = scene_make()
    User.objects.filter(pk=scene.owner.id).update(is_active=False)

    page = _page(_client(scene.scientist), _url(scene))

    assert "Nobody can decide now." in page


def test_the_second_factor_is_asked_for_before_the_form():
    scene = scene_make()
    Team.objects.filter(pk=scene.stage.team.pk).update(decide_needs_mfa=True)

    page = _page(_client(scene.owner), _url(scene))

    assert "asks for a second factor from those who decide" in page
    assert 'name="vote"' not in page


def test_questions_are_asked_and_answered_on_the_page():
    scene = scene_make()
    client = _client(scene.owner)

    sent = client.post(_url(scene, "request-message"), {"text": "Why <b>now</b>?"}, follow=True)
    empty = client.post(_url(scene, "request-message"), {"text": ""})

    assert "Why &lt;b&gt;now&lt;/b&gt;?" in sent.content.decode()
    assert empty.status_code == 422
    assert "Write a question or an answer." in empty.content.decode()


def test_withdrawing_the_request_and_the_approval():
    first, second = scene_make(), scene_make()
    _client(first.scientist).post(_url(first, "request-withdraw"), {"reason": "Not yet."})
    decide(second)
    owner = _client(second.owner)

    before = _page(owner, _url(second))
    owner.post(_url(second, "approval-withdraw"), {"reason": "A fault was found."})
    after = _page(owner, _url(second))

    assert "The request was withdrawn" in _page(_client(first.owner), _url(first))
    assert "Withdraw approval" in before
    assert "A fault was found." in after
    assert "Withdraw approval" not in after


def test_the_form_shows_the_evidence_and_who_decides_and_sends():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.6}])
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.scientist)
    address = f"{reverse('request-create')}?version={stage.candidate.pk}"

    page = _page(client, address)
    bad = client.post(address, {"environment": "No!", "due_days": "5", "message": "My words"})
    sent = client.post(address, {"environment": "production", "due_days": "5", "message": "My words"})

    assert "people aged 35 and over" in page
    assert f"evaluation {evaluation.number}" in page
    assert str(User.objects.get(pk=stage.ground.owner.id)) in page
    assert bad.status_code == 422
    assert "My words" in bad.content.decode()
    request = ApprovalRequest.objects.get()
    assert sent.headers["Location"] == reverse("review-detail", args=[request.pk])
    assert client.get(address).headers["Location"] == reverse("review-detail", args=[request.pk])


def test_what_is_missing_is_listed_with_its_fix():
    stage = stage_make()
    client = _client(stage.ground.scientist)
    address = f"{reverse('request-create')}?version={stage.candidate.pk}"

    page = _page(client, address)
    sent = client.post(address, {"environment": "production", "due_days": "5"})

    assert "There is no complete evaluation of this version yet." in page
    assert reverse("evaluation-launch") in page
    assert "disabled" in page
    assert sent.status_code == 422
    assert "There is no complete evaluation of this version yet." in sent.content.decode()


@pytest.mark.parametrize(
    "query", ["", "?version=", "?version=nonsense", "?version=00000000-0000-7000-8000-000000000000"]
)
def test_a_request_for_nothing_is_not_found(query):
    stage = stage_make()

    assert _client(stage.ground.scientist).get(reverse("request-create") + query).status_code == 404


def test_a_stranger_finds_nothing():
    scene = scene_make()
    client = _client(user_make(role=Role.PRODUCT_OWNER, team=team_make()).pk)

    assert client.get(_url(scene)).status_code == 404
    for name in ("review-decide", "request-message", "request-withdraw", "request-renew", "approval-withdraw"):
        assert client.post(_url(scene, name), _form(scene, text="x")).status_code == 404
    assert str(scene.stage.candidate) not in _page(client, reverse("review-list"))


def test_a_viewer_reads_and_gets_no_button():
    scene = scene_make()

    page = _page(_client(user_make(role=Role.VIEWER, team=scene.stage.team).pk), _url(scene))

    assert 'name="vote"' not in page
    assert "Deciding takes a product owner of the team." in page


def test_pages_ask_few_queries():
    scene = scene_make(failing=True)
    client = _client(scene.owner)
    scientist = _client(scene.scientist)
    create = f"{reverse('request-create')}?version={scene.stage.live.pk}"
    for one, address in ((client, _url(scene)), (client, reverse("review-list")), (scientist, create)):
        one.get(address)
        with CaptureQueriesContext(connection) as asked:
            assert one.get(address).status_code == 200
        assert len(asked) <= MOST_QUERIES, "\n".join(query["sql"][:160] for query in asked)


def test_home_names_what_waits_for_whom():
    scene = scene_make()

    owner = waiting_list(scene.owner, scene.stage.team.pk)
    mine = waiting_list(scene.scientist, scene.stage.team.pk)
    decide(scene, "REFUSE")
    after = waiting_list(scene.scientist, scene.stage.team.pk)

    assert any(item.url == _url(scene) and item.text == scene.evaluation.headline for item in owner)
    assert not any(item.url == _url(scene) for item in mine)
    assert any(item.url == _url(scene) and "was refused" in item.title for item in after)
    assert waiting_list(scene.owner, scene.stage.team.pk) == [
        item for item in waiting_list(scene.owner, scene.stage.team.pk) if item.url != _url(scene)
    ]


def test_home_names_a_question_until_it_is_answered():
    scene = scene_make()
    services.message_add(actor=scene.owner, request_id=scene.request.pk, text="Why now? " * 50)

    asked = waiting_list(scene.scientist, scene.stage.team.pk)
    services.message_add(actor=scene.scientist, request_id=scene.request.pk, text="The old one ages.")
    answered = waiting_list(scene.scientist, scene.stage.team.pk)

    item = next(item for item in asked if item.url == f"{_url(scene)}#talk")
    assert item.title == f"Answer {scene.owner.label} on request {scene.request.number}"
    assert item.text.startswith("Why now?")
    assert len(item.text) <= 200
    assert not any(item.url.startswith(_url(scene)) for item in answered)


def test_search_says_refused_as_the_page_does():
    scene = scene_make()
    decide(scene, "REFUSE")

    found = [hit for hit in search_all(scene.scientist, f"Request {scene.request.number}") if hit.url == _url(scene)]

    assert found[0].detail.startswith("refused, asked by")


def test_home_reminds_of_an_evaluation_that_nobody_asked_about():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    def titles():
        return [item.title for item in waiting_list(stage.ground.scientist, stage.team.pk)]

    assert f"{evaluation.model_version} is evaluated" in titles()
    request_make(stage)
    assert f"{evaluation.model_version} is evaluated" not in titles()


def test_the_station_says_who_moves():
    scene = scene_make()
    problem = scene.stage.ground.problem.pk

    def station(actor):
        return next(one for one in station_list(actor, problem) if one.key == "approval")

    assert (station(scene.owner).state, station(scene.owner).here) == ("waits for you", True)
    assert str(User.objects.get(pk=scene.owner.id)) in station(scene.scientist).wait
    assert station(scene.owner).action_url == _url(scene)
    evaluation_complete(scene.stage, seed=5)
    services.requests_sweep()
    assert (station(scene.owner).state, station(scene.owner).tone) == ("stale", "warn")


def test_the_live_topic_tells_state_and_talk_to_those_who_may_see():
    scene = scene_make()
    topic, key = topic_find(f"review.{scene.request.pk}")
    stranger = actor_of(user_make(role=Role.VIEWER, team=team_make()))

    assert topic.may_follow(scene.owner, key)
    assert not topic.may_follow(stranger, key)
    assert not topic.may_follow(scene.owner, "nonsense")
    _, before = topic.replay(scene.owner, key, 0)
    services.message_add(actor=scene.owner, request_id=scene.request.pk, text="Why?")
    decide(scene)
    seq, after = topic.replay(scene.owner, key, before[0]["seq"])
    assert before[0]["data"] == {"state": "OPEN", "talk": "0"}
    assert after[0]["data"] == {"state": "APPROVED", "talk": "1"}
    assert seq > before[0]["seq"]


def actor_of(user) -> Actor:
    from apps.accounts.selectors import actor_of_user

    return actor_of_user(user)


def test_the_rail_counts_what_this_person_may_decide():
    scene = scene_make()

    assert selectors.inbox_list(scene.owner).count() == 1
    assert selectors.inbox_list(scene.scientist).count() == 0
