"""Requests and decisions for scripts: no rule is skipped at this door."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts import services as accounts
from apps.accounts.models import Grant, User
from apps.accounts.selectors import actor_of_user
from apps.core.actors import Role
from apps.evaluations.tests.factories import evaluation_complete, stage_make
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import decide, scene_make

pytestmark = pytest.mark.django_db


def _headers(person, scopes=("read", "write", "decide")):
    user = User.objects.get(pk=person.id)
    _, secret = accounts.token_create(actor=actor_of_user(user), user=user, name="script", scopes=list(scopes), days=1)
    return {"Authorization": f"Bearer {secret}"}


def _post(address, body, headers):
    return Client().post(address, body, content_type="application/json", headers=headers)


def _vote(scene, **fields):
    return {"vote": "APPROVE", "reason": "Clear.", "evidence_digest": scene.request.evidence_digest, **fields}


def test_ask_decide_and_withdraw_by_token():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.6}])
    evaluation_complete(stage)
    asker, decider = _headers(stage.ground.scientist), _headers(stage.ground.owner)

    made = _post(reverse("api-request-list"), {"model_version_id": str(stage.candidate.pk)}, asker)
    body = made.json()
    address = reverse("api-request-detail", args=[body["id"]])
    seen = Client().get(address, headers=decider).json()
    voted = _post(
        reverse("api-request-decide", args=[body["id"]]),
        {"vote": "APPROVE", "reason": "Clear.", "evidence_digest": seen["evidence_digest"]},
        decider,
    )
    taken = _post(reverse("api-approval-withdraw", args=[body["id"]]), {"reason": "A fault."}, decider)

    assert made.status_code == 201, made.content
    assert seen["changes"] == []
    assert voted.status_code == 201, voted.content
    assert voted.json()["auth_strength"] == "TOKEN"
    assert taken.status_code == 201
    assert ApprovalRequest.objects.get().state == "WITHDRAWN"


def test_a_request_that_is_not_ready_lists_what_is_missing():
    stage = stage_make()

    answer = _post(
        reverse("api-request-list"), {"model_version_id": str(stage.candidate.pk)}, _headers(stage.ground.scientist)
    )

    assert answer.status_code == 409
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "There is no complete evaluation of this version yet." in str(answer.json())


def test_the_requester_does_not_decide_with_any_right():
    scene = scene_make()
    Grant.objects.create(user_id=scene.scientist.id, team=None, role=Role.ADMINISTRATOR)
    Grant.objects.create(user_id=scene.scientist.id, team=None, role=Role.PRODUCT_OWNER)

    answer = _post(reverse("api-request-decide", args=[scene.request.pk]), _vote(scene), _headers(scene.scientist))

    assert answer.status_code == 403
    assert answer.json()["code"] == "conflict_of_duty"
    assert not Decision.objects.exists()


def test_a_token_without_the_scope_does_not_decide():
    scene = scene_make()

    answer = _post(
        reverse("api-request-decide", args=[scene.request.pk]), _vote(scene), _headers(scene.owner, ("read", "write"))
    )

    assert answer.status_code == 403


def test_a_second_vote_is_a_conflict_and_an_override_is_asked_for():
    calm, grave = scene_make(), scene_make(failing=True)
    decide(calm)

    late = _post(reverse("api-request-decide", args=[calm.request.pk]), _vote(calm), _headers(calm.owner))
    blocked = _post(reverse("api-request-decide", args=[grave.request.pk]), _vote(grave), _headers(grave.owner))
    through = _post(
        reverse("api-request-decide", args=[grave.request.pk]),
        _vote(grave, override_confirmation="version 2"),
        _headers(grave.owner),
    )

    assert (late.status_code, late.json()["code"]) == (409, "request_ended")
    assert blocked.status_code == 400
    assert "override_confirmation" in str(blocked.json())
    assert through.json()["override"] is True


def test_talk_and_list():
    scene = scene_make()
    headers = _headers(scene.owner)

    said = _post(reverse("api-request-message", args=[scene.request.pk]), {"text": "Why now?"}, headers)
    listed = Client().get(reverse("api-request-list"), {"state": "OPEN"}, headers=headers).json()
    one = Client().get(reverse("api-request-detail", args=[scene.request.pk]), headers=headers).json()

    assert said.status_code == 201
    assert [row["id"] for row in listed["results"]] == [str(scene.request.pk)]
    assert one["messages"][0]["text"] == "Why now?"
