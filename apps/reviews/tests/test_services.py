"""Asking and deciding: who may, what is missing, what stands in the way."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from apps.accounts import services as accounts
from apps.accounts.models import Grant, Team, User
from apps.accounts.selectors import actor_of_secret, actor_of_user
from apps.accounts.tests.factories import actor_make, team_make, user_make
from apps.audit import selectors as audit
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.evaluations.contracts import decisions_count
from apps.evaluations.tests.factories import evaluation_complete, stage_make
from apps.lineage import selectors as lineage
from apps.notices.models import Notice
from apps.reviews import policies, selectors, services
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import decide, problem_version_new, request_make, scene_make, sealed_change

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


# --- asking ----------------------------------------------------------------------------------------------------------


def test_a_request_names_its_evidence_and_tells_who_decides():
    scene = scene_make(message="It is time.", due_days=3)
    request = scene.request

    assert (request.state, request.number, request.environment) == (State.OPEN, 1, "production")
    assert request.evaluation == scene.evaluation
    assert len(request.evidence_digest) == 64
    notice = Notice.objects.get(kind="approval.request")
    assert notice.user_id == scene.owner.id
    assert str(request.pk) in notice.url
    assert not Notice.objects.filter(kind="approval.request", user_id=scene.scientist.id).exists()
    edges = lineage.lineage_of(scene.owner, request._meta.label_lower, request.pk).upstream
    assert any(edge.object.id == scene.evaluation.pk for edge in edges)
    assert any(
        event.action == "approval.request" for event in audit.audit_list(Actor.system(), object_id=str(request.pk))
    )


def test_everything_that_is_missing_is_listed_at_once():
    stage = stage_make()

    with pytest.raises(Conflict) as caught:
        request_make(stage)

    assert caught.value.code == "not_ready"
    assert caught.value.items == ["There is no complete evaluation of this version yet."]


def test_an_evaluation_by_an_older_problem_version_does_not_do():
    stage = stage_make()
    evaluation_complete(stage)
    problem_version_new(stage)

    with pytest.raises(Conflict) as caught:
        request_make(stage)

    assert "newer version than the evaluation" in caught.value.items[0]


def test_the_evaluation_of_another_version_is_no_evidence():
    scene = scene_make()

    with pytest.raises(Invalid) as caught:
        services.approval_request(
            actor=scene.scientist, model_version_id=scene.stage.live.pk, evaluation_id=scene.evaluation.pk
        )

    assert "evaluation_id" in caught.value.fields


def test_one_open_request_for_a_version_and_environment():
    scene = scene_make()

    with pytest.raises(Conflict) as caught:
        request_make(scene.stage)
    other = request_make(scene.stage, environment="staging")

    assert caught.value.code == "request_open"
    assert other.number == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"environment": "Prod!"}, "environment"), ({"due_days": 0}, "due_days"), ({"message": "x" * 5001}, "message")],
)
def test_bad_input_names_its_field(fields, field):
    stage = stage_make()
    evaluation_complete(stage)

    with pytest.raises(Invalid) as caught:
        request_make(stage, **fields)

    assert field in caught.value.fields


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PRODUCT_OWNER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_who_may_not_ask(role):
    stage = stage_make()
    evaluation_complete(stage)

    with pytest.raises(Forbidden):
        request_make(stage, actor_make(role, stage.team))


def test_another_team_does_not_know_of_it():
    scene = scene_make()
    stranger = actor_make(Role.PRODUCT_OWNER, team_make())

    for call in (
        lambda: selectors.request_get(stranger, scene.request.pk),
        lambda: decide(scene, actor=stranger),
        lambda: services.message_add(actor=stranger, request_id=scene.request.pk, text="Hm?"),
        lambda: services.request_withdraw(actor=stranger, request_id=scene.request.pk),
    ):
        with pytest.raises(NotFound):
            call()
    assert not selectors.inbox_list(stranger).exists()


# --- deciding --------------------------------------------------------------------------------------------------------


def test_approving_tells_the_room_that_deploys_and_who_asked(heard):
    scene = scene_make()

    decision = decide(scene, reason="It helps and harms nobody.")

    scene.request.refresh_from_db()
    assert scene.request.state == State.APPROVED
    assert [word for word, _ in heard] == ["approved"]
    assert (decision.override, decision.auth_strength, decision.role) == (False, "PASSWORD", "PRODUCT_OWNER")
    assert decision.evidence_digest == scene.request.evidence_digest
    notice = Notice.objects.get(kind="approval.decided")
    assert notice.user_id == scene.scientist.id
    assert "It helps and harms nobody." in notice.text
    assert selectors.approval_current(scene.stage.candidate.pk, "production") == scene.request
    assert selectors.approval_current(scene.stage.candidate.pk, "staging") is None


def test_refusing_deploys_nothing(heard):
    scene = scene_make()

    decide(scene, "REFUSE")

    scene.request.refresh_from_db()
    assert scene.request.state == State.REJECTED
    assert heard == []
    assert selectors.approval_standing(scene.stage.candidate.pk, "production") is None


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_a_reason_is_required(reason):
    scene = scene_make()

    with pytest.raises(Invalid) as caught:
        decide(scene, reason=reason)

    assert "reason" in caught.value.fields


def test_a_vote_is_one_of_two():
    scene = scene_make()

    with pytest.raises(Invalid):
        decide(scene, "WITHDRAW")


def _with_every_right(actor: Actor, team: Team) -> User:
    """The same person with each role that decides or administers, in the team and on the site."""
    user = User.objects.get(pk=actor.id)
    for role in (Role.PRODUCT_OWNER, Role.ADMINISTRATOR):
        Grant.objects.get_or_create(user=user, team=team, role=role)
        Grant.objects.get_or_create(user=user, team=None, role=role)
    return user


def _token_actor(actor: Actor, user: User) -> Actor:
    """The person again, by a token that may decide."""
    _, secret = accounts.token_create(actor=actor, user=user, name="decider", scopes=["decide"], days=1)
    found = actor_of_secret(secret)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("duty", ["requested", "trained", "registered"])
@pytest.mark.parametrize("door", ["session", "token"])
def test_nobody_decides_on_their_own_work_whatever_their_rights(duty, door):
    scene = scene_make()
    other = user_make(role=Role.PRODUCT_OWNER, team=scene.stage.team)
    if duty == "requested":
        person = _with_every_right(scene.scientist, scene.stage.team)
    else:
        person = _with_every_right(actor_of_user(other), scene.stage.team)
        sql = {
            "trained": "UPDATE registry_modelversion SET trained_by_id = %s WHERE id = %s",
            "registered": "UPDATE registry_modelversion SET registered_by_id = %s WHERE id = %s",
        }[duty]
        sealed_change(sql, person.pk, scene.stage.candidate.pk)
    actor = actor_of_user(person)
    if door == "token":
        actor = _token_actor(actor, person)

    with pytest.raises(Forbidden) as caught:
        decide(scene, actor=actor)

    assert caught.value.code == "conflict_of_duty"
    assert scene.request.pk not in selectors.inbox_list(actor).values_list("pk", flat=True)
    assert not policies.request_decide(actor, selectors.request_get(actor, scene.request.pk))
    assert not Decision.objects.exists()


def test_the_database_itself_keeps_the_two_persons():
    scene = scene_make()
    person = scene.scientist.id

    def insert(**fields):
        values = {
            "team_id": scene.stage.team.pk,
            "request": scene.request,
            "person_id": person,
            "person_label": "x",
            "role": "PRODUCT_OWNER",
            "vote": "APPROVE",
            "reason": "because",
            "evidence_digest": "0" * 64,
            "requested_by_id": person,
        }
        with transaction.atomic():
            Decision.objects.bulk_create([Decision(**{**values, **fields})])

    for fields in (
        {},
        {"requested_by_id": scene.owner.id, "trained_by_id": person},
        {"requested_by_id": scene.owner.id, "registered_by_id": person},
        {"person_id": scene.owner.id, "reason": ""},
    ):
        with pytest.raises(IntegrityError):
            insert(**fields)
    insert(person_id=scene.owner.id)
    with pytest.raises(IntegrityError):
        insert(person_id=scene.owner.id, vote="REFUSE")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.update(reason="another")


def test_a_run_and_the_system_do_not_decide():
    scene = scene_make()

    with pytest.raises(Forbidden):
        decide(scene, actor=Actor.system())


def test_a_team_that_asks_for_a_second_factor_gets_one():
    scene = scene_make()
    Team.objects.filter(pk=scene.stage.team.pk).update(decide_needs_mfa=True)
    owner = User.objects.get(pk=scene.owner.id)

    for actor in (scene.owner, _token_actor(scene.owner, owner)):
        with pytest.raises(Forbidden) as caught:
            decide(scene, actor=actor)
        assert caught.value.code == "second_factor"
    assert decide(scene, actor=actor_of_user(owner, mfa=True)).auth_strength == "MFA"


# --- overriding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "yes", "version 1", "override"])
def test_a_gate_that_blocks_asks_a_second_time(typed):
    scene = scene_make(failing=True)

    with pytest.raises(Invalid) as caught:
        decide(scene, override_confirmation=typed)

    assert "override_confirmation" in caught.value.fields
    assert not Decision.objects.exists()
    scene.request.refresh_from_db()
    assert scene.request.state == State.OPEN


def test_an_override_is_typed_and_recorded_with_the_gates_sentences():
    scene = scene_make(failing=True)

    decision = decide(scene, override_confirmation=" Version 2 ")

    assert decision.override
    assert any("people aged 35 and over" in sentence for sentence in decision.overridden_gates)
    event = next(
        e for e in audit.audit_list(Actor.system(), object_id=str(scene.request.pk)) if e.action == "approval.approve"
    )
    assert event.after["override"] is True


def test_refusing_needs_no_confirmation():
    scene = scene_make(failing=True)

    assert not decide(scene, "REFUSE").override


def test_an_approval_counts_as_a_decision_on_the_data_that_its_evaluation_used():
    scene = scene_make()
    data_id = scene.evaluation.dataset_version_id

    before = selectors.decisions_on_data(data_id)
    decide(scene)

    assert (before, selectors.decisions_on_data(data_id)) == (0, 1)
    assert decisions_count(data_id) == 1, "the room of evaluations asks for it"
