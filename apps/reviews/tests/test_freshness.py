"""Freshness of the evidence, withdrawal, messages, and two who decide at once."""

from __future__ import annotations

import threading

import pytest
from django.core.management import call_command
from django.db import connection

from apps.accounts import services as accounts
from apps.accounts.models import Grant, User
from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import actor_make, user_make
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, FairwayError, Forbidden, Invalid
from apps.evaluations.tests.factories import evaluation_complete, live_set
from apps.notices.models import Notice
from apps.problems import services as problem_services
from apps.problems.tests.factories import behaviour_make
from apps.reviews import selectors, services
from apps.reviews.contracts import approval_listener_register
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import decide, problem_version_new, scene_make, sealed_change

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


# --- evidence --------------------------------------------------------------------------------------------------------


def _newer_evaluation(scene) -> None:
    evaluation_complete(scene.stage, seed=7)


def _newer_problem(scene) -> None:
    problem_version_new(scene.stage)


def _segment_changed(scene) -> None:
    problem_services.segment_save(
        actor=scene.owner,
        problem_id=scene.stage.ground.problem.pk,
        name="Employed",
        expression="employed",
        purpose="OPERATIONAL",
    )


def _behaviour_changed(scene) -> None:
    behaviour_make(scene.owner, scene.stage.ground.problem)


def _version_quarantined(scene) -> None:
    sealed_change("UPDATE registry_modelversion SET state = 'QUARANTINED' WHERE id = %s", scene.stage.candidate.pk)


def _data_recalled(scene) -> None:
    sealed_change("UPDATE datasets_datasetversion SET state = 'RECALLED' WHERE id = %s", scene.stage.ground.version.pk)


def _another_live(scene) -> None:
    live_set(None)


CHANGES = [
    _newer_evaluation,
    _newer_problem,
    _segment_changed,
    _behaviour_changed,
    _version_quarantined,
    _data_recalled,
    _another_live,
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_to_the_evidence_makes_the_request_stale_and_undecidable(change):
    scene = scene_make()
    assert services.requests_sweep() == 0

    change(scene)
    with pytest.raises(Conflict) as caught:
        decide(scene)

    assert caught.value.code == "stale"
    assert caught.value.items
    scene.request.refresh_from_db()
    assert scene.request.state == State.STALE
    assert not Decision.objects.exists()
    told = set(Notice.objects.filter(kind="approval.stale").values_list("user_id", flat=True))
    assert {scene.owner.id, scene.scientist.id} <= told


def test_the_sweep_finds_it_too_and_only_once():
    scene = scene_make()
    _newer_evaluation(scene)

    assert services.requests_sweep() == 1
    assert services.requests_sweep() == 0
    scene.request.refresh_from_db()
    assert scene.request.state == State.STALE


def test_a_digest_that_was_not_seen_decides_nothing():
    scene = scene_make()

    with pytest.raises(Conflict) as caught:
        decide(scene, evidence_digest="0" * 64)

    assert caught.value.code == "evidence_differs"


def test_the_digest_is_the_same_for_the_same_evidence():
    scene = scene_make()

    first = selectors.freshness(selectors.request_get(scene.owner, scene.request.pk))
    second = selectors.freshness(selectors.request_get(scene.scientist, scene.request.pk))

    assert first.digest == second.digest == scene.request.evidence_digest
    assert not first.stale


def test_an_approval_lapses_with_its_evidence_but_still_stands():
    scene = scene_make()
    decide(scene)
    live_set(scene.stage.candidate)
    assert selectors.approval_current(scene.stage.candidate.pk, "production") is not None, "going live changes nothing"

    _newer_evaluation(scene)

    assert selectors.approval_current(scene.stage.candidate.pk, "production") is None
    assert selectors.approval_standing(scene.stage.candidate.pk, "production") == scene.request


def test_a_stale_request_is_asked_again_on_the_newest_evaluation():
    scene = scene_make(message="Please.")
    _newer_evaluation(scene)
    services.requests_sweep()

    again = services.request_renew(actor=scene.scientist, request_id=scene.request.pk)

    assert again.supersedes_id == scene.request.pk
    assert again.evaluation_id != scene.evaluation.pk
    assert again.message == "Please."
    with pytest.raises(Conflict):
        services.request_renew(actor=scene.scientist, request_id=again.pk)


# --- taking back -----------------------------------------------------------------------------------------------------


def test_who_asked_takes_it_back_and_nobody_else():
    scene = scene_make()

    with pytest.raises(Forbidden):
        services.request_withdraw(actor=scene.owner, request_id=scene.request.pk)
    services.request_withdraw(actor=scene.scientist, request_id=scene.request.pk, reason="Not yet.")

    with pytest.raises(Conflict) as caught:
        decide(scene)
    assert caught.value.code == "request_ended"
    with pytest.raises(Conflict):
        services.request_withdraw(actor=scene.scientist, request_id=scene.request.pk)


def test_withdrawing_an_approval_tells_the_room_that_deploys(heard):
    scene = scene_make()
    decide(scene)

    services.approval_withdraw(actor=scene.owner, request_id=scene.request.pk, reason="A fault was found.")

    assert [word for word, _ in heard] == ["approved", "withdrawn"]
    assert selectors.approval_standing(scene.stage.candidate.pk, "production") is None
    assert Notice.objects.filter(kind="approval.withdrawn", user_id=scene.scientist.id).exists()
    with pytest.raises(Conflict):
        services.approval_withdraw(actor=scene.owner, request_id=scene.request.pk, reason="Again.")


def test_withdrawing_takes_a_reason_and_the_right():
    scene = scene_make()
    decide(scene)

    with pytest.raises(Invalid):
        services.approval_withdraw(actor=scene.owner, request_id=scene.request.pk, reason=" ")
    with pytest.raises(Forbidden):
        services.approval_withdraw(actor=scene.scientist, request_id=scene.request.pk, reason="No.")


def test_a_listener_that_fails_takes_the_decision_back(heard):
    scene = scene_make()

    def refuse(actor, request):
        raise Conflict("Nothing can be deployed now.")

    approval_listener_register(on_approved=refuse, on_withdrawn=refuse)
    with pytest.raises(Conflict):
        decide(scene)

    scene.request.refresh_from_db()
    assert scene.request.state == State.OPEN
    assert not Decision.objects.exists()


def test_a_person_who_leaves_takes_open_requests_along():
    scene = scene_make()
    administrator = actor_make(Role.ADMINISTRATOR)
    user = User.objects.get(pk=scene.scientist.id)
    assert services.requests_left_by(user) == [f"{scene.request} is withdrawn"]

    accounts.person_remove(actor=administrator, user_id=user.pk)

    scene.request.refresh_from_db()
    assert scene.request.state == State.WITHDRAWN


def test_who_waits_for_a_decision_does_not_choose_who_decides():
    scene = scene_make()
    Grant.objects.create(user_id=scene.scientist.id, team=None, role=Role.ADMINISTRATOR)
    author = actor_of_user(User.objects.get(pk=scene.scientist.id))
    friend = user_make(role=Role.VIEWER, team=scene.stage.team)

    with pytest.raises(FairwayError) as caught:
        accounts.grant_add(actor=author, user=friend, team=scene.stage.team, role=Role.PRODUCT_OWNER)

    assert "wait for a decision" in str(caught.value.detail) + " ".join(map(str, caught.value.items))
    services.request_withdraw(actor=scene.scientist, request_id=scene.request.pk)
    accounts.grant_add(actor=author, user=friend, team=scene.stage.team, role=Role.PRODUCT_OWNER)


# --- talking ---------------------------------------------------------------------------------------------------------


def test_questions_and_answers_reach_the_other_side():
    scene = scene_make()

    services.message_add(actor=scene.owner, request_id=scene.request.pk, text="Why now?")
    services.message_add(actor=scene.scientist, request_id=scene.request.pk, text="The old one ages.")

    assert [one.text for one in selectors.message_list(scene.request)] == ["Why now?", "The old one ages."]
    told = list(Notice.objects.filter(kind="approval.message").order_by("id").values_list("user_id", flat=True))
    assert told == [scene.scientist.id, scene.owner.id]


@pytest.mark.parametrize("text", ["", "  ", "x" * 5001])
def test_a_message_says_something(text):
    scene = scene_make()

    with pytest.raises(Invalid):
        services.message_add(actor=scene.owner, request_id=scene.request.pk, text=text)


def test_a_viewer_reads_and_does_not_write():
    scene = scene_make()

    with pytest.raises(Forbidden):
        services.message_add(
            actor=actor_make(Role.VIEWER, scene.stage.team), request_id=scene.request.pk, text="I was here."
        )


def test_the_audit_chain_holds_after_all_of_it():
    scene = scene_make()
    decide(scene)
    services.approval_withdraw(actor=scene.owner, request_id=scene.request.pk, reason="Done.")

    call_command("audit_verify")


# --- two at once -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_people_decide_at_once_one_wins_and_the_other_is_told():
    scene = scene_make()
    second = actor_make(Role.PRODUCT_OWNER, scene.stage.team)
    answers: list[object] = [None, None]
    gate = threading.Barrier(2)

    def run(index: int, actor: Actor, vote: str) -> None:
        gate.wait()
        try:
            answers[index] = decide(scene, vote, actor)
        except FairwayError as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(0, scene.owner, "APPROVE")),
        threading.Thread(target=run, args=(1, second, "REFUSE")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = [answer for answer in answers if isinstance(answer, Decision)]
    (loser,) = [answer for answer in answers if isinstance(answer, Conflict)]
    assert loser.code == "request_ended"
    assert winner.person_label in loser.detail
    assert Decision.objects.count() == 1
    scene.request.refresh_from_db()
    assert scene.request.state == (State.APPROVED if winner.vote == "APPROVE" else State.REJECTED)
