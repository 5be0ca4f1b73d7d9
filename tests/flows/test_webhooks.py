"""A webhook on the live product: what a script does in the registry leaves by the worker."""

from __future__ import annotations

import json
from typing import Any

import httpx

from apps.webhooks.tests.conftest import Target, target  # noqa: F401 - a fixture
from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.stack import Api, people_make


def call(api: Api, at: str, path: str, /, **body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = httpx.post(f"{at}/api/2.0/mlflow/{path}", json=body, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_event_reaches_its_target_and_is_in_the_log(live_stack: LiveStack, target: Target):  # noqa: F811
    team = "Told elsewhere"
    people = people_make(live_stack, {"hook-op": ("OPERATOR", team), "hook-sci": ("DATA_SCIENTIST", team)})
    events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    url = live_stack.url
    made = call(people["hook-op"], url, "webhooks", name="chat", url=target.url, events=events, secret="a secret")

    call(people["hook-sci"], url, "registered-models/create", name="told")

    path, headers, body = wait_for(lambda: target.got[0] if target.got else None, why="the delivery")
    assert (path, json.loads(body)["data"]["name"]) == ("/hook", "told")
    assert headers["X-MLflow-Signature"].startswith("v1,")
    log = f"webhooks/{made['webhook']['webhook_id']}/deliveries"
    wait_for(
        lambda: [row["state"] for row in people["hook-op"].call("GET", log).expect(200)["results"]] == ["SENT"],
        why="the log",
    )
    assert people["hook-sci"].call("GET", log).status == 403
