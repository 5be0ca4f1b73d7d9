"""Rollback, kill switch, pause, resume, retire; who may, and what a reason is for."""

from __future__ import annotations

import uuid

import pytest

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.deployments import services
from apps.deployments.tests.factories import (
    deployment_of,
    host_report,
    live_make,
    rollout_make,
    stage_make,
    states,
    withdraw,
)

pytestmark = pytest.mark.django_db
SWITCHES = {
    "rollback": services.deployment_rollback,
    "kill": services.deployment_kill,
    "pause": services.deployment_pause,
    "resume": services.deployment_resume,
    "retire": services.deployment_retire,
}
ALLOWED = {
    "rollback": {Role.PRODUCT_OWNER, Role.OPERATOR},
    "kill": {Role.PRODUCT_OWNER, Role.OPERATOR, Role.ADMINISTRATOR},
    "pause": {Role.PRODUCT_OWNER, Role.OPERATOR},
    "resume": {Role.PRODUCT_OWNER, Role.OPERATOR},
    "retire": {Role.PRODUCT_OWNER, Role.OPERATOR},
}


@pytest.mark.parametrize("verb", SWITCHES)
def test_each_switch_asks_for_a_reason_and_knows_its_roles(verb):
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    deployment = deployment_of(stage)
    if verb == "resume":
        services.deployment_pause(actor=stage.operator, deployment_id=deployment.pk, reason="first")
    stranger = stage_make().operator

    with pytest.raises(NotFound):
        SWITCHES[verb](actor=stranger, deployment_id=deployment.pk, reason="why")
    with pytest.raises(NotFound):
        SWITCHES[verb](actor=stage.operator, deployment_id=uuid.uuid4(), reason="why")
    for role in set(Role) - ALLOWED[verb]:
        with pytest.raises(Forbidden):
            SWITCHES[verb](actor=actor_make(role, stage.team), deployment_id=deployment.pk, reason="why")
    actor = actor_make(sorted(ALLOWED[verb])[0], stage.team)
    with pytest.raises(Invalid):
        SWITCHES[verb](actor=actor, deployment_id=deployment.pk, reason="   ")
    SWITCHES[verb](actor=actor, deployment_id=deployment.pk, reason="a good reason")
    assert AuditEvent.objects.filter(object_id=str(deployment.pk), reason="a good reason").exists()


@pytest.mark.parametrize("role", [Role.PRODUCT_OWNER, Role.OPERATOR, Role.ADMINISTRATOR])
def test_the_kill_switch_is_open_to_three_roles(role):
    stage = stage_make()
    live_make(stage)

    services.deployment_kill(actor=actor_make(role, stage.team), deployment_id=deployment_of(stage).pk, reason="harm")

    assert deployment_of(stage).state == "PAUSED"


def test_a_rollback_leads_to_the_version_before_and_from_there_further_back():
    stage = stage_make()
    for _ in range(3):
        live_make(stage)
    deployment = deployment_of(stage)

    def back() -> int:
        rollout = services.deployment_rollback(actor=stage.owner, deployment_id=deployment.pk, reason="worse")
        return rollout.model_version.number

    assert [back(), back()] == [2, 1]
    with pytest.raises(Conflict, match="no earlier version"):
        back()
    assert states(deployment)[-2:] == [(2, "RETIRED"), (1, "LIVE")]


def test_a_rollback_skips_versions_whose_approval_was_withdrawn():
    stage = stage_make()
    first, second = live_make(stage), live_make(stage)
    live_make(stage)
    withdraw(stage, second)

    rollout = services.deployment_rollback(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="worse")

    assert rollout.model_version_id == first.model_version_id
    withdraw(stage, first)
    assert deployment_of(stage).state == "PAUSED"


def test_a_rollback_with_nothing_before_is_refused():
    stage = stage_make()
    live_make(stage)

    with pytest.raises(Conflict, match="no earlier version"):
        services.deployment_rollback(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="worse")
    assert states(deployment_of(stage)) == [(1, "LIVE")]


def test_a_version_that_was_rolled_back_comes_back_only_when_somebody_starts_it():
    stage = stage_make()
    first, second = live_make(stage), live_make(stage)
    deployment = deployment_of(stage)
    services.deployment_rollback(actor=stage.owner, deployment_id=deployment.pk, reason="worse")

    withdraw(stage, first)
    assert deployment_of(stage).state == "PAUSED"

    started = services.deployment_request(actor=stage.operator, request_id=second.request_id)
    host_report(started)
    assert states(deployment)[-1] == (2, "LIVE")


def test_the_kill_switch_gives_everything_to_the_first_approved_version():
    stage = stage_make()
    for _ in range(3):
        live_make(stage)

    services.deployment_kill(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="harm")

    assert states(deployment_of(stage))[-2:] == [(3, "RETIRED"), (1, "LIVE")]


def test_the_kill_switch_leaves_nobody_when_no_other_version_is_approved():
    stage = stage_make()
    first = live_make(stage)
    live_make(stage)
    withdraw(stage, first)

    services.deployment_kill(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="harm")

    assert deployment_of(stage).state == "PAUSED"
    with pytest.raises(Conflict, match="paused"):
        services.deployment_kill(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="harm")


@pytest.mark.parametrize("verb", ["rollback", "kill"])
def test_rollback_and_kill_work_while_another_version_loads_and_end_it(verb):
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    third = rollout_make(stage)

    SWITCHES[verb](actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="harm")
    host_report(third)

    assert states(deployment_of(stage))[-2:] == [(3, "RETIRED"), (1, "LIVE")]


def test_pause_and_resume_put_the_same_version_back_once_it_is_loaded():
    stage = stage_make()
    live_make(stage)
    deployment = deployment_of(stage)

    services.deployment_pause(actor=stage.operator, deployment_id=deployment.pk, reason="holiday")
    assert (deployment_of(stage).state, deployment_of(stage).state_reason) == ("PAUSED", "holiday")
    services.deployment_resume(actor=stage.operator, deployment_id=deployment.pk, reason="back")
    assert deployment_of(stage).state == "PROVISIONING"
    host_report(live := deployment.rollouts.get(state="LOADING"))

    live.refresh_from_db()
    assert (deployment_of(stage).state, live.state) == ("READY", "LIVE")


def test_after_pause_and_resume_the_version_before_is_still_the_one_to_go_back_to():
    stage = stage_make()
    for _ in range(3):
        live_make(stage)
    deployment = deployment_of(stage)
    services.deployment_pause(actor=stage.operator, deployment_id=deployment.pk, reason="a")
    services.deployment_resume(actor=stage.operator, deployment_id=deployment.pk, reason="b")
    host_report(deployment.rollouts.get(state="LOADING"))

    rollout = services.deployment_rollback(actor=stage.owner, deployment_id=deployment.pk, reason="c")

    assert rollout.model_version.number == 2


def test_moves_that_make_no_sense_are_refused():
    stage = stage_make()
    live_make(stage)
    deployment = deployment_of(stage)

    def move(verb: str) -> None:
        SWITCHES[verb](actor=stage.operator, deployment_id=deployment.pk, reason="because")

    with pytest.raises(Conflict, match="ready"):
        move("resume")
    move("pause")
    for verb in ("pause", "rollback", "kill"):
        with pytest.raises(Conflict, match="paused"):
            move(verb)
    move("retire")
    for verb in SWITCHES:
        with pytest.raises(Conflict, match="retired"):
            move(verb)


def test_a_retired_deployment_ends_for_good_and_a_new_approval_begins_another():
    stage = stage_make(name="Advice")
    live_make(stage)
    old = deployment_of(stage)

    services.deployment_retire(actor=stage.operator, deployment_id=old.pk, reason="the shop closes")

    old.refresh_from_db()
    assert (old.state, old.state_reason) == ("RETIRED", "the shop closes")
    assert rollout_make(stage).deployment.name == "advice-2"


def test_a_rollback_is_not_held_up_by_a_closed_problem():
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    stage.problem.refresh_from_db()
    stage.problem.state = "CLOSED"
    stage.problem.save(update_fields=["state"])

    services.deployment_rollback(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="worse")

    assert states(deployment_of(stage))[-1] == (1, "LIVE")


def test_masks_name_known_inputs_only():
    stage = stage_make()
    live_make(stage)
    deployment = deployment_of(stage)

    services.mask_save(actor=stage.owner, deployment_id=deployment.pk, mask=["colour", "age", "colour"])
    assert deployment_of(stage).mask == ["age", "colour"]
    with pytest.raises(Invalid, match="postcode"):
        services.mask_save(actor=stage.owner, deployment_id=deployment.pk, mask=["postcode"])
    with pytest.raises(Forbidden):
        services.mask_save(actor=stage.scientist, deployment_id=deployment.pk, mask=[])
    assert deployment_of(stage).mask == ["age", "colour"]
