"""The pages: what each state shows, what each role may press, what a form says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.tests.factories import actor_make
from apps.core.actors import Role
from apps.core.topics import topic_find
from apps.deployments import services
from apps.deployments.models import Deployment, HostReport
from apps.deployments.tests.factories import (
    browser,
    deployment_of,
    host_report,
    live_make,
    rollout_make,
    row_make,
    rows_store,
    stage_make,
    states,
    text_of,
    withdraw,
)

pytestmark = pytest.mark.django_db
BUDGET = 15


def page_of(deployment: Deployment) -> str:
    return reverse("deployment-detail", args=[deployment.pk])


def opened(actor, deployment: Deployment) -> str:
    """The page's text, within its budget of queries."""
    client = browser(actor)
    client.get(page_of(deployment))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(page_of(deployment))
    assert answer.status_code == 200
    assert len(queries) <= BUDGET, "\n".join(query["sql"][:200] for query in queries)
    return text_of(answer)


def provisioning(stage):
    rollout_make(stage)
    return "Version 1 is loading", "until then nobody answers", "Kill the live version"


def live(stage):
    live_make(stage)
    return "Version 1 answers every request, approved by", "Better for everybody", "Try it", "Kill switch"


def loading_beside(stage):
    live_make(stage)
    rollout_make(stage)
    return "Version 2 is loading beside version 1", "version 1 answers"


def degraded(stage):
    live_make(stage)
    rollout = live_make(stage)
    host_report(rollout, "FAILED", "it crashed three times")
    return "Version 2 does not answer as it should", "it crashed three times", "version 1 can take over at once"


def paused(stage):
    live_make(stage)
    services.deployment_pause(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="A quiet week")
    return "Nobody answers: every request is refused", "A quiet week", "Resume", "Put live again"


def retired(stage):
    live_make(stage)
    services.deployment_retire(actor=stage.owner, deployment_id=deployment_of(stage).pk, reason="The shop closes")
    return ("Retired for good", "The shop closes")


def failed(stage):
    live_make(stage)
    host_report(rollout_make(stage), "FAILED", "no memory")
    return "Version 2 could not be put live", "no memory", "Version 1 goes on answering", "Try again"


def withdrawn(stage):
    live_make(stage)
    withdraw(stage, live_make(stage))
    return "Version 1 answers every request", "withdrawn"


STATES = [provisioning, live, loading_beside, degraded, paused, retired, failed, withdrawn]


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_a_page_that_says_what_is(state):
    stage = stage_make()
    words = state(stage)

    text = opened(stage.owner, deployment_of(stage))

    for word in words:
        assert word in text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR, Role.DATA_SCIENTIST])
def test_who_may_not_switch_sees_no_switch(role):
    stage = stage_make()
    live_make(stage)
    live_make(stage)

    text = opened(actor_make(role, stage.team), deployment_of(stage))

    assert "Version 2 answers every request" in text
    for word in ("Kill switch", "Roll back to", "Pause", "Retire", "Put live again"):
        assert word not in text
    assert ("Ask the model" in text) == (role == Role.DATA_SCIENTIST)


def test_an_administrator_has_the_kill_switch_and_nothing_else():
    stage = stage_make()
    live_make(stage)

    text = opened(actor_make(Role.ADMINISTRATOR, stage.team), deployment_of(stage))

    assert "Kill switch" in text
    assert "Pause" not in text


def test_a_gateway_that_is_silent_is_said_to_be():
    stage = stage_make()
    live_make(stage)
    assert "has not reported" not in opened(stage.owner, deployment_of(stage))

    HostReport.objects.update(at="2026-01-01T00:00:00Z")

    assert "The inference gateway has not reported for a while" in opened(stage.owner, deployment_of(stage))


def test_the_list_shows_what_answers_and_where():
    stage, other = stage_make(name="Advice"), stage_make(name="Elsewhere")
    live_make(stage)
    live_make(other)

    client = browser(stage.owner)
    client.get(reverse("deployment-list"))
    with CaptureQueriesContext(connection) as queries:
        text = text_of(client.get(reverse("deployment-list")))

    assert len(queries) <= BUDGET
    assert "advice" in text
    assert "v1" in text
    assert "elsewhere" not in text
    empty = browser(actor_make(Role.VIEWER, stage_make().team))
    assert "Nothing is deployed" in text_of(empty.get(reverse("deployment-list")))


def test_another_teams_deployment_does_not_exist():
    stage, stranger = stage_make(), stage_make().owner
    live_make(stage)
    pk = deployment_of(stage).pk
    client = browser(stranger)

    for name in ("deployment-detail", "deployment-traffic"):
        assert client.get(reverse(name, args=[pk])).status_code == 404
    for name in ("try", "mask", "start", "rollback", "kill", "pause", "resume", "retire"):
        assert client.post(reverse(f"deployment-{name}", args=[pk]), {"reason": "why"}).status_code == 404
    assert states(deployment_of(stage)) == [(1, "LIVE")]


@pytest.mark.parametrize(
    ("verb", "state", "said"),
    [
        ("rollback", "READY", "Rolled back"),
        ("kill", "READY", "answers no more"),
        ("pause", "PAUSED", "Paused"),
        ("retire", "RETIRED", "Retired"),
    ],
)
def test_a_switch_acts_and_says_so(verb, state, said):
    stage = stage_make()
    live_make(stage)
    live_make(stage)
    deployment = deployment_of(stage)

    answer = browser(stage.owner).post(
        reverse(f"deployment-{verb}", args=[deployment.pk]), {"reason": "because"}, follow=True
    )

    assert answer.redirect_chain[-1][0] == page_of(deployment)
    assert said in text_of(answer)
    assert deployment_of(stage).state == state


def test_a_switch_without_a_reason_or_out_of_place_changes_nothing_and_says_why():
    stage = stage_make()
    live_make(stage)
    deployment = deployment_of(stage)
    client = browser(stage.owner)

    said = text_of(client.post(reverse("deployment-kill", args=[deployment.pk]), {"reason": " "}, follow=True))
    assert "Give a reason" in said
    said = text_of(client.post(reverse("deployment-rollback", args=[deployment.pk]), {"reason": "x"}, follow=True))
    assert "no earlier version" in said
    scientist = browser(stage.scientist)
    assert scientist.post(reverse("deployment-kill", args=[deployment.pk]), {"reason": "x"}).status_code == 403
    assert client.get(reverse("deployment-kill", args=[deployment.pk])).status_code == 405
    assert deployment_of(stage).state == "READY"


def test_a_version_is_put_live_again_from_the_page():
    stage = stage_make()
    first, second = live_make(stage), live_make(stage)
    deployment = deployment_of(stage)
    start = reverse("deployment-start", args=[deployment.pk])
    client = browser(stage.operator)

    said = text_of(client.post(start, {"request_id": str(first.request_id)}, follow=True))
    assert "Version 1 is loaded" in said
    assert states(deployment)[-1] == (1, "LOADING")
    withdraw(stage, second)
    said = text_of(client.post(start, {"request_id": str(second.request_id)}, follow=True))
    assert "no approval that stands" in said
    assert client.post(start, {"request_id": "x"}).status_code == 404
    assert browser(stage.scientist).post(start, {"request_id": str(first.request_id)}).status_code == 403


def test_masks_are_saved_from_the_page():
    stage = stage_make()
    live_make(stage)
    deployment = deployment_of(stage)

    browser(stage.owner).post(reverse("deployment-mask", args=[deployment.pk]), {"mask": ["colour"]})

    assert deployment_of(stage).mask == ["colour"]
    assert 'value="colour" checked' in opened(stage.owner, deployment)


def test_traffic_is_drawn_and_asked_again_only_when_there_is_news():
    stage = stage_make()
    rollout = live_make(stage)
    deployment = deployment_of(stage)
    client, address = browser(stage.owner), reverse("deployment-traffic", args=[deployment.pk])
    assert "Nobody has asked yet" in text_of(client.get(address))
    assert client.get(address, {"seen": "none"}).status_code == 204

    refused = row_make(deployment, rollout, status=400, inputs={}, output=None, score=None, error="age is missing")
    rows_store(row_make(deployment, rollout), refused)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, {"seen": "none"})
    assert len(queries) <= BUDGET
    text = text_of(answer)
    for word in ("Requests, 24 h", "0.9", "***", "age is missing", "1 / 0", "50.0"):
        assert word in text, word
    seen = answer.context["seen"]
    assert client.get(address, {"seen": seen}).status_code == 204


def test_the_page_of_a_version_with_typical_data_offers_a_row_and_calls():
    stage = stage_make()
    live_make(stage)

    text = opened(stage.scientist, deployment_of(stage))

    assert "curl http" in text
    assert "Open Inference Protocol V2" in text
    assert f"/v2/models/{deployment_of(stage).name}/infer" in text
    # medians and commonest values of the data
    assert 'name="in-0" value="3' in text


class _Gateway(BaseHTTPRequestHandler):
    """Answers as the gateway does: a prediction, or a refusal that names a field."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"].startswith("Bearer fwt_")
        wrong = b'"age": 999' in body
        text = (
            b'{"status":400,"detail":"age is too high.","field":"age"}'
            if wrong
            else b'{"predictions":[{"label":"Yes","decision":true,"probabilities":{"No":0.1,"Yes":0.9}}]}'
        )
        self.send_response(400 if wrong else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def gateway(settings) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), _Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.GATEWAY_INTERNAL_URL = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def try_post(actor, deployment, headers=None, **values):
    fields = {"in-0": "40", "in-1": "", "in-2": "Black", **values}
    return browser(actor).post(reverse("deployment-try", args=[deployment.pk]), fields, headers=headers)


@pytest.mark.parametrize("headers", [None, {"HX-Request": "true"}])
def test_asking_the_model_shows_its_answer(gateway, headers):
    stage = stage_make()
    live_make(stage)

    answer = try_post(stage.scientist, deployment_of(stage), headers)

    assert answer.status_code == 200
    text = text_of(answer)
    assert "90" in text
    assert "released" in text, "the problem's word for the class"
    assert "Yes" in text
    assert 'value="40"' in text
    assert ("What was live when" in text) == (headers is None)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"in-0": "old"}, "Enter a whole number"),
        ({"in-0": ""}, "required"),
        ({"in-0": "999"}, "age is too high"),
        ({"in-2": "Green"}, "valid choice"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_form_keeps_its_content(gateway, values, error):
    stage = stage_make()
    live_make(stage)

    answer = try_post(stage.scientist, deployment_of(stage), **{"in-1": "7.5", **values})

    text = text_of(answer)
    assert answer.status_code == 422
    assert error in text
    assert 'value="7.5"' in text
    field = next(iter(values))
    assert answer.context["form"].errors.keys() == {field}


def test_a_gateway_that_is_away_is_said_in_the_form(settings):
    stage = stage_make()
    live_make(stage)
    settings.GATEWAY_INTERNAL_URL = "http://127.0.0.1:9"

    answer = try_post(stage.scientist, deployment_of(stage))

    assert answer.status_code == 422
    assert "does not answer. Nothing was asked" in text_of(answer)
    assert 'value="40"' in text_of(answer)


def test_asking_needs_something_live_and_the_right():
    stage = stage_make()
    rollout_make(stage)

    assert try_post(stage.scientist, deployment_of(stage)).status_code == 409
    host_report(deployment_of(stage).rollouts.get())
    assert try_post(actor_make(Role.VIEWER, stage.team), deployment_of(stage)).status_code == 403


def test_the_topic_tells_a_page_that_something_changed():
    stage = stage_make()
    rollout = rollout_make(stage)
    topic, key = topic_find(f"deployment.{rollout.deployment_id}") or pytest.fail("no topic")

    def changes() -> int:
        return topic.replay(stage.owner, key, 0)[1][0]["data"]["changes"]

    before = changes()
    assert changes() == before
    host_report(rollout)
    assert changes() > before
    assert topic.may_follow(stage.owner, key)
    assert not topic.may_follow(stage_make().owner, key)
    assert not topic.may_follow(stage.owner, "x")
