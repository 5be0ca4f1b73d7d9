"""The same through JSON, and the gateway's own door."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.deployments.models import HostReport, PredictionLog
from apps.deployments.tests.factories import (
    deployment_of,
    live_make,
    rollout_make,
    row_make,
    rows_store,
    stage_make,
    states,
    withdraw,
)

pytestmark = pytest.mark.django_db
BASE = "/api/v1/deployments"


class Caller:
    """A script with a token of somebody."""

    def __init__(self, actor: Actor, scopes: list[str] | None = None) -> None:
        user = User.objects.get(pk=actor.id)
        _, secret = token_create(actor=actor, user=user, name="script", scopes=scopes or ["read", "write"], days=1)
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(BASE + path, query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(BASE + path, json.dumps(body or {}), "application/json", headers=headers or None)

    def put(self, path: str, body: Any) -> Any:
        return self.client.put(BASE + path, json.dumps(body), "application/json")


def test_a_deployment_with_its_rollouts_newest_first():
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    deployment = deployment_of(stage)

    found = Caller(stage.scientist).get(f"/{deployment.pk}").json()

    assert (found["state"], found["name"], found["environment"]) == ("READY", deployment.name, "production")
    assert [(row["number"], row["state"]) for row in found["rollouts"]] == [(2, "LIVE"), (1, "RETIRED")]
    assert found["infer_url"] == f"{settings.GATEWAY_URL}/v2/models/{deployment.name}/infer"


def test_lists_are_scoped_and_filtered():
    stage, other = stage_make(), stage_make()
    live_make(stage)
    live_make(other)
    caller = Caller(stage.scientist)

    def ids(**query: Any) -> list[str]:
        return [row["id"] for row in caller.get("", **query).json()["results"]]

    mine = [str(deployment_of(stage).pk)]
    assert ids() == mine
    assert ids(problem=str(stage.problem.pk)) == mine
    assert ids(problem=str(other.problem.pk)) == []
    assert ids(team=str(stage.team.pk)) == mine
    assert caller.get("", team="x").status_code == 400


def test_another_teams_deployment_is_a_404_by_every_path():
    stage = stage_make()
    live_make(stage)
    pk, caller = deployment_of(stage).pk, Caller(stage_make().owner)

    for path in ("", "/splits", "/traffic", "/predictions"):
        assert caller.get(f"/{pk}{path}").status_code == 404
    for verb in ("rollback", "kill", "pause", "resume", "retire"):
        assert caller.post(f"/{pk}/{verb}", {"reason": "why"}).status_code in (403, 404)
    assert caller.put(f"/{pk}/mask", {"mask": []}).status_code == 404
    assert Client().get(f"{BASE}/{pk}").status_code == 401
    assert states(deployment_of(stage)) == [(1, "LIVE")]


@pytest.mark.parametrize("verb", ["rollback", "pause", "resume", "retire"])
def test_switches_ask_for_a_reason(verb):
    stage = stage_make()
    live_make(stage)
    pk, caller = deployment_of(stage).pk, Caller(stage.operator)

    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": 5 * ["x"]}):
        answer = caller.post(f"/{pk}/{verb}", body)
        assert answer.status_code == 400
        assert "reason" in answer.json()["errors"]
    assert states(deployment_of(stage)) == [(1, "LIVE")]


def test_switches_by_script_act_and_refuse_what_does_not_fit():
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    pk, caller = deployment_of(stage).pk, Caller(stage.operator)

    answer = caller.post(f"/{pk}/rollback", {"reason": "worse"})
    assert (answer.status_code, answer.json()["rollouts"][0]["state"]) == (200, "LIVE")
    again = caller.post(f"/{pk}/rollback", {"reason": "worse"})
    assert (again.status_code, again.json()["code"]) == (409, "no_rollback_target")
    assert caller.post(f"/{pk}/pause", {"reason": "a"}).json()["state"] == "PAUSED"
    assert caller.post(f"/{pk}/pause", {"reason": "a"}).status_code == 409
    assert caller.post(f"/{pk}/resume", {"reason": "a"}).json()["state"] == "PROVISIONING"
    assert caller.post(f"/{pk}/retire", {"reason": "a"}).json()["state"] == "RETIRED"
    assert caller.post(f"/{pk}/retire", {"reason": "a"}).status_code == 409


def test_the_kill_switch_takes_the_scope_to_decide():
    stage = stage_make()
    live_make(stage)
    pk = deployment_of(stage).pk

    assert Caller(stage.operator).post(f"/{pk}/kill", {"reason": "harm"}).status_code == 403
    assert Caller(stage.operator, ["decide"]).post(f"/{pk}/kill", {"reason": "harm"}).json()["state"] == "PAUSED"


def test_a_data_scientist_switches_nothing():
    stage = stage_make()
    live_make(stage)
    pk, caller = deployment_of(stage).pk, Caller(stage.scientist)

    for verb in ("rollback", "pause", "retire"):
        assert caller.post(f"/{pk}/{verb}", {"reason": "why"}).status_code == 403
    assert caller.put(f"/{pk}/mask", {"mask": ["age"]}).status_code == 403


def test_starting_again_is_repeated_safely():
    stage = stage_make()
    first = live_make(stage)
    live_make(stage)
    caller = Caller(stage.operator)
    body = {"request_id": str(first.request_id)}

    one = caller.post("", body, **{"Idempotency-Key": "start-1"})
    two = caller.post("", body, **{"Idempotency-Key": "start-1"})

    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json() == two.json()
    assert one.json()["state"] == "LOADING"
    withdraw(stage, first)
    assert caller.post("", body).status_code == 409
    assert caller.post("", {"request_id": str(uuid.uuid4())}).status_code == 404
    assert caller.post("", {}).status_code == 400


def test_masks_by_script():
    stage = stage_make()
    live_make(stage)
    pk, caller = deployment_of(stage).pk, Caller(stage.operator)

    assert caller.put(f"/{pk}/mask", {"mask": ["age"]}).json()["mask"] == ["age"]
    refused = caller.put(f"/{pk}/mask", {"mask": ["postcode"]})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["mask"])


def test_splits_traffic_and_predictions_can_be_read():
    stage = stage_make()
    rollout = live_make(stage)
    deployment = deployment_of(stage)
    at = timezone.now() - timedelta(minutes=1)
    rows = [row_make(deployment, rollout, at=at - timedelta(seconds=n // 2)) for n in range(7)]
    rows_store(*rows)
    caller = Caller(stage.scientist)

    splits = caller.get(f"/{deployment.pk}/splits").json()["results"]
    assert [split["shares"] for split in splits] == [
        [{"version_id": str(rollout.model_version_id), "number": 1, "basis_points": 10_000}],
        [],
    ]
    traffic = caller.get(f"/{deployment.pk}/traffic").json()
    assert (traffic["count"], len(traffic["buckets"]), traffic["p50"]) == (7, 48, 2.5)
    seen, path = [], f"/{deployment.pk}/predictions?page_size=2"
    while path:
        page = caller.get(path.removeprefix(BASE)).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"] and page["next"][page["next"].index(BASE) :]
    assert sorted(seen) == sorted(row["id"] for row in rows)


# The gateway's own door


DOOR = ["routes", "files/" + "a" * 64, "predictions", "health"]


def knock(path: str, body: Any = None, key: str | None = None, **headers: str) -> Any:
    client = Client(headers={"Authorization": f"Bearer {settings.GATEWAY_KEY if key is None else key}", **headers})
    if body is None:
        return client.get(f"/internal/gateway/{path}")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/internal/gateway/{path}", data, "application/json")


@pytest.mark.parametrize("path", DOOR)
def test_the_door_opens_to_the_gateways_key_alone(path):
    stage = stage_make()
    owner = actor_make(Role.ADMINISTRATOR)
    _, secret = token_create(
        actor=owner, user=User.objects.get(pk=owner.id), name="t", scopes=["read", "write", "admin"], days=1
    )
    signed_in = Client()
    signed_in.force_login(User.objects.get(pk=stage.owner.id))

    for key in ("", "x", secret, settings.GATEWAY_KEY[:-1], settings.GATEWAY_KEY + "x", "\xe4" * 40):
        assert knock(path, key=key).status_code == 401
        assert knock(path, {}, key=key).status_code == 401
    assert Client(headers={"Authorization": settings.GATEWAY_KEY}).get(f"/internal/gateway/{path}").status_code == 401
    assert signed_in.get(f"/internal/gateway/{path}").status_code == 401


def test_the_key_is_compared_in_constant_time(monkeypatch):
    import hmac

    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))

    knock("routes", key="wrong")

    assert (b"wrong", settings.GATEWAY_KEY.encode()) in compared


@pytest.mark.parametrize("path", ["predictions", "health"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"rows":' + b"[" * 100_000,
        b"5",
        b"[]",
        b"null",
        {},
        {"rows": 5, "hosts": 5},
        {"rows": [5], "hosts": [5]},
        {"rows": [{}], "hosts": [{}]},
        {"batch_id": 5, "rows": []},
        {"batch_id": str(uuid.uuid4()), "rows": [{"id": None}], "hosts": [{"version_id": None}]},
        {"hosts": [{"version_id": str(uuid.uuid4()), "state": 5, "pid": 2**80}]},
        {"hosts": [{"version_id": str(uuid.uuid4()), "state": [], "rss": 1e400}]},
        {"hosts": [], "serial": 2**90, "rows": "x"},
        {"hosts": [{"version_id": str(uuid.uuid4())}], "serial": 2**90, "rows": {}},
    ],
)
def test_what_the_gateway_would_never_say_is_a_400(path, body):
    answer = knock(path, body)

    known = path == "health" and isinstance(body, dict) and body.get("hosts") == []
    assert answer.status_code == (200 if known else 400)
    if not known:
        assert answer["Content-Type"].startswith("application/problem+json")


def test_what_the_gateway_says_is_stored():
    stage = stage_make()
    rollout = rollout_make(stage)
    entry = {"version_id": str(rollout.model_version_id), "state": "READY", "pid": 7, "rss": 9, "error": ""}

    said = knock("health", {"hosts": [entry], "serial": 4, "spool": {"bytes": 0}, "routes_error": ""})
    batch = {"batch_id": str(uuid.uuid4()), "rows": [row_make(rollout.deployment, rollout)]}
    stored = [knock("predictions", batch).json() for _ in range(2)]

    assert said.status_code == 200
    assert states(deployment_of(stage)) == [(1, "LIVE")]
    assert HostReport.objects.get().serial == 4
    assert stored == [{"stored": 1}, {"stored": 0}]
    assert PredictionLog.objects.count() == 1


def test_routes_are_sent_once_and_then_a_304():
    stage = stage_make()
    live_make(stage)
    first = knock("routes")

    assert first.json()["deployments"][0]["id"] == str(deployment_of(stage).pk)
    etag = first["ETag"]
    rollout_make(stage)
    changed = knock("routes", **{"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["serial"] > first.json()["serial"]


def test_files_of_held_versions_come_whole_and_others_do_not_exist():
    stage = stage_make()
    rollout = live_make(stage)
    for row in rollout.model_version.manifest:
        answer = knock(f"files/{row['sha256']}")
        assert answer.status_code == 200
        assert len(b"".join(answer.streaming_content)) == row["size"]
    table = stage.data.table_sha256
    for sha256 in (table, "a" * 64, "..", "x"):
        assert knock(f"files/{sha256}").status_code == 404
