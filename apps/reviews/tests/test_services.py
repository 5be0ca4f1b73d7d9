"""Who may ask and decide, on which evidence, and what is told to whom."""

from __future__ import annotations

import threading

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from apps.accounts import services as accounts
from apps.accounts.models import Grant, Team, User
from apps.accounts.selectors import actor_of_secret, actor_of_user
from apps.accounts.tests.factories import actor_make, team_make, user_make
from apps.audit import selectors as audit
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, FairwayError, Forbidden, Invalid, NotFound
from apps.evaluations.tests.factories import evaluation_complete, live_set, stage_make
from apps.lineage import selectors as lineage
from apps.notices.models import Notice
from apps.problems import services as problem_services
from apps.reviews import policies, selectors, services
from apps.reviews.contracts import _listeners, approval_listener_register
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.tests.factories import decide, request_make, scene_make

pytestmark = pytest.mark.django_db
State = ApprovalRequest.State


def _replica(sql: str, *values) -> None:
    """Change what the database seals, as no code of the product can."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)


@pytest.fixture
def heard():
    """What a room above would be told; its registration does not outlive the test."""
    told: list[tuple[str, ApprovalRequest]] = []
    before = list(_listeners)
    approval_listener_register(
        on_approved=lambda actor, request: told.append(("approved", request)),
        on_withdrawn=lambda actor, request: told.append(("withdrawn", request)),
    )
    yield told
    _listeners[:] = before


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
    _problem_version_new(stage)

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
        _replica(sql, person.pk, scene.stage.candidate.pk)
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


# --- evidence --------------------------------------------------------------------------------------------------------


def _problem_version_new(stage) -> None:
    ground = stage.ground
    draft = problem_services.problem_version_new(
        actor=ground.scientist, problem_id=ground.problem.pk, reason="Prices rose."
    )
    problem_services.problem_submit(actor=ground.scientist, version_id=draft.pk)
    problem_services.problem_accept(actor=ground.owner, version_id=draft.pk)


def _newer_evaluation(scene) -> None:
    evaluation_complete(scene.stage, seed=7)


def _newer_problem(scene) -> None:
    _problem_version_new(scene.stage)


def _segment_changed(scene) -> None:
    problem_services.segment_save(
        actor=scene.owner,
        problem_id=scene.stage.ground.problem.pk,
        name="Employed",
        expression="employed",
        purpose="OPERATIONAL",
    )


def _version_quarantined(scene) -> None:
    _replica("UPDATE registry_modelversion SET state = 'QUARANTINED' WHERE id = %s", scene.stage.candidate.pk)


def _data_recalled(scene) -> None:
    _replica("UPDATE datasets_datasetversion SET state = 'RECALLED' WHERE id = %s", scene.stage.ground.version.pk)


def _another_live(scene) -> None:
    live_set(None)


CHANGES = [_newer_evaluation, _newer_problem, _segment_changed, _version_quarantined, _data_recalled, _another_live]


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
