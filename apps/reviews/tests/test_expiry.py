"""A request that nobody decides by its due moment: it expires by itself, is undecidable, and is asked again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict
from apps.core.registries import station_list, waiting_list
from apps.evaluations.tests.factories import evaluation_complete
from apps.notices.models import Notice
from apps.reviews import selectors, services
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import Scene, decide, scene_make

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


def _late(**fields) -> Scene:
    """A request whose due moment passed an hour ago."""
    scene = scene_make(**fields)
    ApprovalRequest.objects.filter(pk=scene.request.pk).update(
        created_at=timezone.now() - timedelta(days=3, hours=1), due_at=timezone.now() - timedelta(hours=1)
    )
    scene.request.refresh_from_db()
    return scene


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=person.id))
    return client


def _url(scene, name="review-detail"):
    return reverse(name, args=[scene.request.pk])


def test_the_sweep_expires_what_is_past_due_once_with_entry_and_notices():
    scene, waiting = _late(), scene_make()
    viewer = actor_make(Role.VIEWER, scene.stage.team)

    assert services.requests_sweep() == 1
    assert services.requests_sweep() == 0

    scene.request.refresh_from_db()
    waiting.request.refresh_from_db()
    assert scene.request.state == State.EXPIRED
    assert scene.request.ended_at is not None
    assert waiting.request.state == State.OPEN, "what is not due yet waits on"
    entry = AuditEvent.objects.get(action="approval.expire")
    assert entry.object_id == str(scene.request.pk)
    assert entry.team_id == scene.stage.team.pk
    told = set(Notice.objects.filter(kind="approval.expired").values_list("user_id", flat=True))
    assert {scene.owner.id, scene.scientist.id} <= told
    assert viewer.id not in told


def test_a_decision_that_comes_too_late_is_refused_and_says_what_to_do():
    scene = _late()

    for _ in range(2):  # before the sweep has seen it, and after
        with pytest.raises(Conflict) as caught:
            decide(scene)
        assert caught.value.code == "expired"
        assert "ask again with one click" in caught.value.detail
        scene.request.refresh_from_db()
        assert scene.request.state == State.EXPIRED

    assert not Decision.objects.exists()
    assert AuditEvent.objects.filter(action="approval.expire").count() == 1


def test_renewing_makes_a_new_request_with_the_same_evidence_and_as_many_days():
    scene = _late(message="Please.")
    services.requests_sweep()

    again = services.request_renew(actor=scene.scientist, request_id=scene.request.pk)

    assert (again.supersedes_id, again.message) == (scene.request.pk, "Please.")
    assert (again.evaluation_id, again.evidence_digest) == (scene.evaluation.pk, scene.request.evidence_digest)
    assert again.due_at - again.created_at > timedelta(days=2, hours=23)
    assert again.due_at - again.created_at < timedelta(days=3, hours=1)
    scene.request = again
    assert decide(scene).vote == "APPROVE"


def test_an_expired_request_is_not_taken_back_and_bars_no_other():
    scene = _late()
    services.requests_sweep()

    with pytest.raises(Conflict):
        services.request_withdraw(actor=scene.scientist, request_id=scene.request.pk)
    services.approval_request(actor=scene.scientist, model_version_id=scene.stage.candidate.pk)
    with pytest.raises(Conflict) as caught:
        services.request_renew(actor=scene.scientist, request_id=scene.request.pk)

    assert caught.value.code == "request_open"


def test_the_page_says_so_takes_the_buttons_away_and_renews_in_one_click():
    scene = _late()
    owner, scientist = _client(scene.owner), _client(scene.scientist)
    before_the_sweep = owner.get(_url(scene)).content.decode()
    form = {"vote": "APPROVE", "reason": "Clear.", "evidence_digest": scene.request.evidence_digest}

    refused = owner.post(_url(scene, "review-decide"), form)
    page = owner.get(_url(scene)).content.decode()
    mine = scientist.get(_url(scene)).content.decode()
    renewed = scientist.post(_url(scene, "request-renew"))

    for text in (before_the_sweep, page):
        assert "so this request has expired" in text
        assert 'name="vote"' not in text
    assert refused.status_code == 409
    assert "Clear." in refused.content.decode(), "the words are kept"
    assert "ask again with one click" in refused.content.decode()
    assert _url(scene, "request-renew") not in page
    assert "a new request with the same evidence" in mine
    fresh = ApprovalRequest.objects.get(state=State.OPEN)
    assert renewed.headers["Location"] == reverse("review-detail", args=[fresh.pk])


def test_the_page_says_when_the_evidence_has_moved_on_too():
    scene = _late()
    services.requests_sweep()
    evaluation_complete(scene.stage, seed=5)

    page = _client(scene.scientist).get(_url(scene)).content.decode()

    assert "There is a newer evaluation of the version." in page
    assert "Asking again takes the newest evaluation as evidence." in page


def test_home_and_strip_say_who_moves():
    scene = _late()
    services.requests_sweep()

    mine = waiting_list(scene.scientist, scene.stage.team.pk)
    station = next(one for one in station_list(scene.owner, scene.stage.ground.problem.pk) if one.key == "approval")

    assert any(item.url == _url(scene) and "has expired" in item.title for item in mine)
    assert (station.state, station.tone, station.here) == ("expired", "warn", True)
    assert selectors.inbox_list(scene.owner).count() == 0


def test_a_script_sees_the_state_and_renews():
    scene = _late()
    services.requests_sweep()
    user = User.objects.get(pk=scene.scientist.id)
    _, secret = accounts.token_create(
        actor=actor_of_user(user), user=user, name="script", scopes=["read", "write"], days=1
    )
    headers = {"Authorization": f"Bearer {secret}"}

    listed = Client().get(reverse("api-request-list") + "?state=EXPIRED", headers=headers).json()
    address = reverse("api-request-renew", args=[scene.request.pk])
    once = {**headers, "Idempotency-Key": "once"}
    made = Client().post(address, {}, content_type="application/json", headers=once)
    again = Client().post(address, {}, content_type="application/json", headers=once)
    twice = Client().post(address, {}, content_type="application/json", headers=headers)

    assert [row["id"] for row in listed["results"]] == [str(scene.request.pk)]
    assert (made.status_code, made.json()["state"]) == (201, "OPEN")
    assert again.json() == made.json()
    assert (twice.status_code, twice.json()["code"]) == (409, "request_open")
