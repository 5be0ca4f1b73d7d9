"""From an approval to traffic and back."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.deployments import selectors, services
from apps.deployments.models import Deployment, HostReport, Rollout, TrafficSplit
from apps.deployments.tests.factories import (
    approve,
    deployment_of,
    host_report,
    live_make,
    request_make,
    rollout_make,
    stage_make,
    states,
    version_make,
    withdraw,
)
from apps.lineage.models import LineageEdge
from apps.notices.models import Notice
from apps.registry.contracts import live_version_id
from apps.registry.models import ModelVersion

pytestmark = pytest.mark.django_db


def actions(deployment: Deployment) -> list[str]:
    rows = AuditEvent.objects.filter(object_id=str(deployment.pk)).order_by("pk")
    return list(rows.values_list("action", flat=True))


def newest_split(deployment: Deployment) -> TrafficSplit:
    return selectors.split_list(deployment)[0]


def answering(deployment: Deployment) -> list[int]:
    return [share["number"] for share in newest_split(deployment).shares]


def test_an_approval_starts_a_rollout_that_loads_and_answers_nobody_yet():
    stage = stage_make(name="Release at the Station")

    rollout = rollout_make(stage)

    deployment = rollout.deployment
    assert (deployment.state, deployment.name) == ("PROVISIONING", "release-at-the-station")
    assert rollout.state == "LOADING"
    assert answering(deployment) == []
    assert actions(deployment) == ["deployment.create"]
    assert AuditEvent.objects.filter(object_id=str(rollout.pk), action="deployment.rollout").count() == 1


def test_a_ready_host_puts_the_version_live_and_the_problem_active():
    stage = stage_make()
    rollout = rollout_make(stage)

    host_report(rollout)

    deployment = deployment_of(stage)
    rollout.refresh_from_db()
    stage.problem.refresh_from_db()
    assert (deployment.state, rollout.state) == ("READY", "LIVE")
    assert rollout.live_at is not None
    assert answering(deployment) == [1]
    assert stage.problem.state == "ACTIVE"
    assert live_version_id(stage.model.pk) == rollout.model_version_id
    assert actions(deployment) == ["deployment.create", "deployment.ready", "deployment.live"]
    edges = LineageEdge.objects.filter(subject_id=newest_split(deployment).pk).values_list("relation", flat=True)
    assert sorted(edges) == ["AUTHORISED_BY", "USED"]


def test_a_second_version_retires_the_first_in_the_same_step():
    stage = stage_make()
    first, second = live_make(stage), rollout_make(stage)
    assert states(deployment_of(stage)) == [(1, "LIVE"), (2, "LOADING")]

    host_report(second)

    first.refresh_from_db()
    assert states(deployment_of(stage)) == [(1, "RETIRED"), (2, "LIVE")]
    assert first.ended_at is not None
    assert answering(deployment_of(stage)) == [2]


def test_a_report_that_is_said_again_changes_nothing():
    stage = stage_make()
    rollout = live_make(stage)
    before = TrafficSplit.objects.count()

    host_report(rollout)
    host_report(rollout)

    assert TrafficSplit.objects.count() == before
    assert HostReport.objects.get().state == "READY"


def test_a_host_that_cannot_load_ends_the_rollout_and_the_live_version_stays():
    stage = stage_make()
    live_make(stage)
    second = rollout_make(stage)

    host_report(second, "FAILED", "no memory for this model")

    second.refresh_from_db()
    assert states(deployment_of(stage)) == [(1, "LIVE"), (2, "FAILED")]
    assert second.error == "no memory for this model"
    assert deployment_of(stage).state == "READY"
    told = Notice.objects.filter(kind="deployment.failed")
    assert sorted(told.values_list("user_id", flat=True)) == sorted([stage.scientist.id, stage.owner.id])
    assert ModelVersion.objects.get(pk=second.model_version_id).state == "SEALED"


def test_a_first_version_that_cannot_load_leaves_a_paused_deployment_that_says_why():
    stage = stage_make()
    rollout = rollout_make(stage)

    host_report(rollout, "FAILED", "no memory")

    deployment = deployment_of(stage)
    assert deployment.state == "PAUSED"
    assert "no memory" in deployment.state_reason
    again = services.deployment_request(actor=stage.operator, request_id=rollout.request_id)
    assert (again.state, again.number) == ("LOADING", 2)
    assert deployment_of(stage).state == "PROVISIONING"


def test_what_the_host_refuses_is_quarantined():
    stage = stage_make()
    rollout = rollout_make(stage)

    host_report(rollout, "QUARANTINED", "os.system is no type of ours")

    version = ModelVersion.objects.get(pk=rollout.model_version_id)
    assert (version.state, version.quarantine_reason) == ("QUARANTINED", "os.system is no type of ours")
    with pytest.raises(Conflict, match="no approval that stands"):
        services.deployment_request(actor=stage.operator, request_id=rollout.request_id)


def test_a_broken_host_makes_the_deployment_degraded_until_it_answers_again():
    stage = stage_make()
    rollout = live_make(stage)

    host_report(rollout, "FAILED", "it crashed three times")
    assert (deployment_of(stage).state, deployment_of(stage).state_reason) == ("DEGRADED", "it crashed three times")

    host_report(rollout)
    assert deployment_of(stage).state == "READY"
    assert states(deployment_of(stage)) == [(1, "LIVE")]


def test_a_newer_approval_supersedes_a_version_that_still_loads():
    stage = stage_make()
    first, second = rollout_make(stage), rollout_make(stage)

    host_report(first)
    host_report(second)

    assert states(deployment_of(stage)) == [(1, "RETIRED"), (2, "LIVE")]
    first.refresh_from_db()
    assert first.live_at is None


def test_a_newer_approval_of_the_live_version_renews_it_without_a_new_rollout():
    stage = stage_make()
    live = live_make(stage)
    request = request_make(stage, live.model_version)

    approve(stage, request)
    withdraw(stage, live)

    live.refresh_from_db()
    assert (live.state, live.request_id) == ("LIVE", request.pk)
    assert Rollout.objects.count() == 1
    assert "deployment.renew" in actions(deployment_of(stage))


def test_each_environment_has_its_own_deployment():
    stage = stage_make(name="Advice")
    production = live_make(stage)
    staging = rollout_make(stage, production.model_version, "staging")

    assert staging.deployment.name == "advice-staging"
    host_report(staging)
    assert Rollout.objects.filter(state="LIVE").count() == 2
    assert live_version_id(stage.model.pk) == production.model_version_id


def test_names_of_the_protocol_are_unique_on_the_site():
    one, two = stage_make(name="Same name"), stage_make(name="Same name")

    assert rollout_make(one).deployment.name == "same-name"
    assert rollout_make(two).deployment.name == "same-name-2"


def test_a_withdrawn_live_approval_gives_the_traffic_to_the_version_before():
    stage = stage_make()
    live_make(stage)
    second = live_make(stage)

    withdraw(stage, second)

    deployment = deployment_of(stage)
    assert states(deployment) == [(1, "RETIRED"), (2, "WITHDRAWN"), (1, "LIVE")]
    assert answering(deployment) == [1]
    assert deployment.state == "READY"


def test_a_withdrawn_approval_with_nothing_before_it_pauses():
    stage = stage_make()
    only = live_make(stage)

    withdraw(stage, only)

    deployment = deployment_of(stage)
    assert (deployment.state, answering(deployment)) == ("PAUSED", [])
    assert f"request {only.request.number} was withdrawn" in deployment.state_reason
    with pytest.raises(Conflict, match="no approval"):
        services.deployment_resume(actor=stage.operator, deployment_id=deployment.pk, reason="again")


def test_a_withdrawn_approval_while_loading_ends_the_rollout():
    stage = stage_make()
    rollout = rollout_make(stage)

    withdraw(stage, rollout)
    host_report(rollout)

    assert states(deployment_of(stage)) == [(1, "WITHDRAWN")]
    assert deployment_of(stage).state == "PAUSED"


def test_withdrawing_the_live_approval_while_the_next_version_loads():
    stage = stage_make()
    first, second = live_make(stage), rollout_make(stage)

    withdraw(stage, first)
    deployment = deployment_of(stage)
    assert (deployment.state, answering(deployment)) == ("PROVISIONING", [])

    host_report(second)
    assert (deployment_of(stage).state, answering(deployment)) == ("READY", [2])


def test_starting_again_needs_an_approval_on_todays_evidence_and_a_role():
    stage = stage_make()
    request = request_make(stage)
    viewer, stranger = actor_make(Role.VIEWER, stage.team), stage_make().operator

    with pytest.raises(Conflict, match="no approval"):
        services.deployment_request(actor=stage.operator, request_id=request.pk)
    approve(stage, request)
    with pytest.raises(Forbidden):
        services.deployment_request(actor=viewer, request_id=request.pk)
    with pytest.raises(Forbidden):
        services.deployment_request(actor=stage.scientist, request_id=request.pk)
    with pytest.raises(NotFound):
        services.deployment_request(actor=stranger, request_id=request.pk)
    assert services.deployment_request(actor=stage.operator, request_id=request.pk).state == "LOADING"


def test_a_version_without_approval_is_never_live_whatever_the_gateway_says():
    stage = stage_make()
    version = version_make(stage)

    services.health_ingest(hosts=[{"version_id": str(version.pk), "state": "READY"}], serial=1)

    assert not Deployment.objects.filter(model=stage.model).exists()


def test_the_database_allows_one_live_and_one_loading_version_only():
    stage = stage_make()
    live = live_make(stage)
    row = {
        "deployment": live.deployment,
        "team": stage.team,
        "number": 9,
        "model_version": version_make(stage),
        "request": live.request,
    }

    with pytest.raises(IntegrityError, match="deployments_one_live"), transaction.atomic():
        Rollout.objects.create(**row, state="LIVE")
    Rollout.objects.create(**row, state="LOADING")
    with pytest.raises(IntegrityError, match="deployments_one_loading"), transaction.atomic():
        Rollout.objects.create(**{**row, "number": 10}, state="LOADING")
    with pytest.raises(IntegrityError, match="deployments_one_per_environment"), transaction.atomic():
        Deployment.objects.create(
            team=stage.team, problem=stage.problem, model=stage.model, name="another", environment="production"
        )


def test_splits_are_never_changed_or_deleted():
    stage = stage_make()
    live_make(stage)
    split = TrafficSplit.objects.order_by("-id")[0]

    for change in (lambda: TrafficSplit.objects.filter(pk=split.pk).update(shares=[]), split.delete):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            change()


@pytest.mark.parametrize(
    "host",
    [
        {},
        {"version_id": 5},
        {"version_id": "x", "state": "READY"},
        {"version_id": "019a0000-0000-7000-8000-000000000001", "state": "READY", "pid": "7"},
        {"version_id": "019a0000-0000-7000-8000-000000000001", "state": "READY", "rss": 2**70},
        {"version_id": "019a0000-0000-7000-8000-000000000001", "state": "READY", "rss": -1},
        {"version_id": "019a0000-0000-7000-8000-000000000001", "state": "READY", "pid": True},
    ],
)
def test_a_report_of_another_form_is_refused(host):
    with pytest.raises(Invalid):
        services.health_ingest(hosts=[host], serial=1)


def test_odd_texts_and_repetitions_in_a_report_are_taken():
    one = {"version_id": "019a0000-0000-7000-8000-000000000001", "state": "LOADING", "error": "a\0b\ud800" * 900}

    services.health_ingest(hosts=[one, {**one, "state": "READY"}], serial=3)

    kept = HostReport.objects.get()
    assert (kept.state, kept.serial, len(kept.error)) == ("READY", 3, 2000)
