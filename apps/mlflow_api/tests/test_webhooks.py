"""Webhooks as the real client makes them, told by what happens in the registry; and who may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import Caller, Person, attempt_token, person_make
from apps.mlflow_api.tests.registry_calls import files_make
from apps.webhooks.draining import webhook_deliveries_send
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.tests.conftest import Target, allowed, target  # noqa: F401 - fixtures

MakeClient = Callable[[str], Any]
CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
BODY = {"name": "chat", "events": [CREATED]}


@pytest.mark.feature("registry", "webhooks: make, change, test, delete")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allowed")
def test_the_client_makes_changes_tests_and_deletes_a_webhook(mlflow_client: MakeClient, target: Target):  # noqa: F811
    pytest.importorskip("mlflow")
    from mlflow.entities.webhook import WebhookEvent

    operator = person_make(Role.OPERATOR)
    client = mlflow_client(operator.token)

    made = client.create_webhook("chat", target.url, ["registered_model.created"], secret="s", description="Chat")
    changed = client.update_webhook(made.webhook_id, events=["model_version_tag.set"], status="DISABLED")
    tested = client.test_webhook(made.webhook_id)
    target.answer = 500
    broken = client.test_webhook(made.webhook_id, event="model_version.created")
    listed = client.list_webhooks()

    assert client.get_webhook(made.webhook_id).description == "Chat"
    assert changed.events == [WebhookEvent.from_str("model_version_tag.set")]
    assert str(changed.status) == "DISABLED"
    assert (tested.success, tested.response_status) == (True, 200)
    assert (broken.success, broken.response_status) == (False, 500)
    assert [json.loads(body)["entity"] for _, _, body in target.got] == ["model_version_tag", "model_version"]
    assert [webhook.webhook_id for webhook in listed] == [made.webhook_id]

    client.delete_webhook(made.webhook_id)

    assert client.list_webhooks() == []


@pytest.mark.django_db
@pytest.mark.usefixtures("allowed")
def test_what_a_script_does_in_the_registry_is_told(person: Person, target: Target):  # noqa: F811
    operator = person_make(Role.OPERATOR, person.team)
    events = [
        CREATED,
        {"entity": "MODEL_VERSION", "action": "CREATED"},
        {"entity": 3, "action": 4},
        {"entity": "MODEL_VERSION_TAG", "action": "DELETED"},
        {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
        {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"},
    ]
    assert Caller(operator).post("webhooks", name="chat", url=target.url, events=events)[0] == 200
    caller = Caller(person)
    files_make(person)

    caller.post("registered-models/create", name="fees", description="Fees")
    run = person.run.pk.hex
    made = caller.post("model-versions/create", name="fees", source=f"runs:/{run}/model", run_id=run)
    caller.post("model-versions/set-tag", name="fees", version="1", key="k", value="v")
    caller.post("model-versions/set-tag", name="fees", version="1", key="k", value="v")
    caller.delete("model-versions/delete-tag", name="fees", version="1", key="k")
    caller.post("registered-models/alias", name="fees", alias="champion", version="1")
    caller.delete("registered-models/alias", name="fees", alias="champion")
    webhook_deliveries_send(Webhook.objects.get().pk)

    assert made[0] == 200, made
    told = [json.loads(body) for _, _, body in target.got]
    assert {body["workspace"] for body in told} == {person.team.slug}
    assert [(body["entity"], body["action"]) for body in told] == [
        ("registered_model", "created"),
        ("model_version", "created"),
        ("model_version_tag", "set"),
        ("model_version_tag", "deleted"),
        ("model_version_alias", "created"),
        ("model_version_alias", "deleted"),
    ]
    assert told[0]["data"] == {"name": "fees", "tags": {}, "description": "Fees"}
    assert told[1]["data"]["version"] == "1"
    assert told[1]["data"]["run_id"] == run
    assert told[2]["data"] == {"name": "fees", "version": "1", "key": "k", "value": "v"}
    assert told[4]["data"] == {"name": "fees", "alias": "champion", "version": "1"}


@pytest.mark.django_db
@pytest.mark.usefixtures("allowed")
def test_strangers_viewers_scientists_and_jobs(person: Person, target: Target):  # noqa: F811
    operator, viewer = person_make(Role.OPERATOR, person.team), person_make(Role.VIEWER, person.team)
    stranger = person_make(Role.OPERATOR)
    job = {"Authorization": f"Bearer {attempt_token(person)}"}
    _, made = Caller(operator).post("webhooks", url=target.url, secret="hidden word", **BODY)
    path = f"webhooks/{made['webhook']['webhook_id']}"
    calls = [("get", path), ("patch", path), ("post", path + "/test"), ("delete", path)]

    seen = {
        name: [getattr(Caller(who), method)(address)[0] for method, address in calls]
        for name, who in (("viewer", viewer), ("scientist", person), ("stranger", stranger), ("job", job))
    }
    nobody = [getattr(Caller({}), method)(address)[0] for method, address in calls]
    creates = [Caller(who).post("webhooks", url=target.url, **BODY)[0] for who in (viewer, person, job)]
    lists = [Caller(who).get("webhooks")[0] for who in (viewer, person, job)]

    assert seen == {"viewer": [403] * 4, "scientist": [403] * 4, "stranger": [404] * 4, "job": [404] * 4}
    assert nobody == [401] * 4
    assert all(status in (403, 404) for status in creates)
    assert lists == [403] * 3
    assert Caller(stranger).get("webhooks") == (200, {})
    assert "hidden word" not in json.dumps([made, Caller(operator).get(path), Caller(operator).get("webhooks")])
    assert target.got == []
    assert Webhook.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "https://localhost/"},
        {"url": "https://1.1.1.1/", "name": "a b"},
        {"url": "https://1.1.1.1/", "name": "n" * 64},
        {"url": "https://1.1.1.1/", "events": []},
        {"url": "https://1.1.1.1/", "events": "all"},
        {"url": "https://1.1.1.1/", "events": [{"entity": "PROMPT", "action": "CREATED"}]},
        {"url": "https://1.1.1.1/", "events": [{"entity": "REGISTERED_MODEL", "action": "DELETED"}]},
        {"url": "https://1.1.1.1/", "events": [CREATED] * 51},
        {"url": "https://1.1.1.1/", "secret": "s" * 1001},
        {"url": "https://1.1.1.1/", "description": "d" * 1001},
        {"url": "https://1.1.1.1/", "status": "SLEEPING"},
        {"name": "nowhere"},
    ],
)
def test_what_is_no_webhook_is_refused(body: dict[str, Any]):
    operator = person_make(Role.OPERATOR)

    status, answer = Caller(operator).post("webhooks", **{**BODY, **body})

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not Webhook.objects.exists()


@pytest.mark.django_db
def test_webhooks_come_in_pages(monkeypatch):
    operator = person_make(Role.OPERATOR)
    for number in range(3):
        status, _ = Caller(operator).post("webhooks", **{**BODY, "name": f"n{number}", "url": "https://1.1.1.1/"})
        assert status == 200

    _, first = Caller(operator).get("webhooks", max_results=2)
    _, second = Caller(operator).get("webhooks", max_results=2, page_token=first["next_page_token"])

    assert [row["name"] for row in first["webhooks"] + second["webhooks"]] == ["n2", "n1", "n0"]
    assert "next_page_token" not in second
    assert not Delivery.objects.exists()
