"""The signed document that the gateway lives by."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from apps.accounts.models import Grant
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.deployments import services
from apps.deployments.services.routes import try_token
from apps.deployments.tests.factories import (
    deployment_of,
    host_report,
    live_make,
    request_make,
    rollout_make,
    stage_make,
    version_make,
    withdraw,
)
from apps.registry.services import version_quarantine
from workers.contracts.routes import RouteDeployment, RouteSet, RoutesRefused

pytestmark = pytest.mark.django_db
KEY = b"a key of the tests, long enough"


def routes(after: RouteSet | None = None) -> RouteSet:
    """As the gateway reads it: over the wire, verified."""
    document = json.loads(json.dumps(services.routes_document(KEY).document))
    return RouteSet.verified(document, KEY, now=datetime.now(UTC), after=after)


def route_of(stage) -> RouteDeployment:
    return next(route for route in routes().deployments if route.id == str(deployment_of(stage).pk))


def numbers(stage) -> list[int]:
    return sorted(version.number for version in route_of(stage).versions.values())


def test_the_document_is_signed_and_expires():
    stage = stage_make()
    live = live_make(stage)
    document = services.routes_document(KEY).document

    found = RouteSet.verified(document, KEY, now=datetime.now(UTC))

    assert found.expires_at - found.issued_at == timedelta(minutes=5)
    route = found.deployments[0]
    assert route.shares == ((str(live.model_version_id), 10_000),)
    assert route.state == "READY"
    version = route.versions[str(live.model_version_id)]
    assert (version.threshold, version.task, version.classes) == (0.75, "BINARY", ("No", "Yes"))
    assert version.positive_label == "Yes"
    assert {file.path for file in version.files} == {"MLmodel", "model.skops"}
    with pytest.raises(RoutesRefused, match="signature"):
        RouteSet.verified({**document, "serial": 1}, KEY, now=datetime.now(UTC))
    with pytest.raises(RoutesRefused, match="signature"):
        RouteSet.verified(document, b"another key", now=datetime.now(UTC))
    with pytest.raises(RoutesRefused, match="expired"):
        RouteSet.verified(document, KEY, now=datetime.now(UTC) + timedelta(minutes=6))


def test_the_serial_moves_with_the_content_and_never_back():
    stage = stage_make()
    first = routes()
    assert routes(first).serial == first.serial

    rollout_make(stage)

    second = routes(first)
    assert second.serial > first.serial
    assert routes(second).serial == second.serial


def test_nothing_without_a_standing_approval_reaches_the_gateway():
    stage = stage_make()
    live = live_make(stage)
    version_make(stage)
    request_make(stage)
    withdrawn, failed, quarantined = (rollout_make(stage) for _ in range(3))
    assert numbers(stage) == [live.model_version.number, quarantined.model_version.number]

    withdraw(stage, withdrawn)
    host_report(failed, "FAILED")
    version_quarantine(actor=stage.scientist, version_id=quarantined.model_version_id, reason="a bad file")

    assert numbers(stage) == [live.model_version.number]


def test_a_withdrawn_version_is_gone_at_once_and_a_paused_deployment_holds_nothing():
    stage = stage_make()
    live = live_make(stage)

    withdraw(stage, live)

    route = route_of(stage)
    assert (route.state, route.shares, dict(route.versions)) == ("PAUSED", (), {})
    assert "was withdrawn" in str(route.reason)


def test_a_quarantined_live_version_gets_no_traffic():
    stage = stage_make()
    live = live_make(stage)

    version_quarantine(actor=stage.scientist, version_id=live.model_version_id, reason="a bad file")

    assert (route_of(stage).shares, numbers(stage)) == ((), [])


def test_the_versions_to_go_back_to_are_kept_warm():
    stage = stage_make()
    for _ in range(4):
        live_make(stage)
    loading = rollout_make(stage)

    # live 4, loading 5, rollback to 3, kill switch to 1
    assert numbers(stage) == [1, 3, 4, 5]
    host_report(loading)
    assert numbers(stage) == [1, 4, 5]
    services.deployment_rollback(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="worse")
    assert numbers(stage) == [1, 3, 4]


@pytest.mark.parametrize("verb", ["rollback", "kill"])
def test_what_was_rolled_back_or_killed_is_not_held_any_more(verb):
    stage = stage_make()
    live_make(stage)
    live_make(stage)

    {"rollback": services.deployment_rollback, "kill": services.deployment_kill}[verb](
        actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="harm"
    )

    route = route_of(stage)
    assert numbers(stage) == [1]
    assert [points for _, points in route.shares] == [10_000]


def test_a_retired_deployment_is_not_routed():
    stage = stage_make()
    live_make(stage)
    services.deployment_retire(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="over")

    assert routes().deployments == ()


def test_tokens_are_hashed_and_follow_their_owners_rights():
    stage = stage_make()
    live_make(stage)
    person = user_make(role=Role.OPERATOR, team=stage.team)
    viewer = user_make(role=Role.VIEWER, team=stage.team)
    outsider = user_make(role=Role.OPERATOR, team=stage_make().team)
    secrets = {}
    for owner in (person, viewer, outsider):
        _, secrets[owner.pk] = token_create(
            actor=actor_of_user(owner), user=owner, name="calls", scopes=["predict"], days=30
        )
    _, reading = token_create(actor=actor_of_user(person), user=person, name="reads", scopes=["read"], days=30)

    document = services.routes_document(KEY).document
    tokens = set(route_of(stage).tokens)

    assert hashed(secrets[person.pk]) in tokens
    assert not tokens & {hashed(secrets[viewer.pk]), hashed(secrets[outsider.pk]), hashed(reading)}
    assert secrets[person.pk] not in json.dumps(document)
    assert hashed(try_token(deployment_of(stage).pk)) in tokens
    Grant.objects.filter(user=person).update(role=Role.VIEWER)
    assert hashed(secrets[person.pk]) not in set(route_of(stage).tokens)


def test_the_try_token_opens_one_deployment():
    one, two = stage_make(), stage_make()
    live_make(one)
    live_make(two)

    assert hashed(try_token(deployment_of(one).pk)) not in route_of(two).tokens
    assert settings.GATEWAY_KEY not in try_token(deployment_of(one).pk)


def test_only_files_of_held_versions_are_handed_out():
    stage = stage_make()
    held, other = live_make(stage), version_make(stage)

    for row in held.model_version.manifest:
        assert services.route_file_size(row["sha256"]) == row["size"]
    mine = {row["sha256"] for row in held.model_version.manifest}
    for row in other.manifest:
        assert row["sha256"] in mine or services.route_file_size(row["sha256"]) is None
    withdraw(stage, held)
    assert services.route_file_size(held.model_version.manifest[0]["sha256"]) is None


def test_masked_inputs_are_named():
    stage = stage_make()
    live_make(stage)
    services.mask_save(actor=stage.owner, deployment_id=deployment_of(stage).pk, mask=["colour"])

    assert route_of(stage).mask == {"colour"}


def test_a_long_history_costs_no_further_queries(django_assert_max_num_queries):
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    for _ in range(6):
        services.deployment_pause(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="a")
        services.deployment_resume(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="b")
        host_report(deployment_of(stage).rollouts.get(state="LOADING"))
    services.routes_document(KEY)  # the row of the serial is made once

    with django_assert_max_num_queries(9):
        services.routes_document(KEY)


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
