"""The short way of programs: who takes it, and that both ways answer the same."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path, resolve

from apps.core.actors import Role
from apps.experiments.models import Metric
from apps.mlflow_api.short_chain import FOR_BROWSERS, ShortChain
from apps.mlflow_api.tests.conftest import ROOT, Person, attempt_token, person_make
from apps.mlflow_api.web.urls import DOORS
from tests.architecture.test_routes import routes_all

pytestmark = pytest.mark.django_db

# Any cookie sends a request the long way.
LONG = {"Cookie": "theme=dark"}
REFERENCE = {"X-Request-ID": "reference-1234"}
BROKEN = "/api/2.0/mlflow/broken"
# As of an address book of this module's own.
_whole = import_module(settings.ROOT_URLCONF)
handler404, handler500 = _whole.handler404, _whole.handler500


def _both(headers: dict[str, str], method: str, address: str, **extra: Any) -> list[tuple[int, dict[str, str], bytes]]:
    """What both ways answer: status, headers, body."""
    answers = []
    for way in ({}, LONG):
        client = Client(headers=headers | REFERENCE | way, raise_request_exception=False)
        answer = getattr(client, method)(address, **extra)
        answers.append((answer.status_code, dict(answer.headers), answer.getvalue()))
    return answers


def _way(address: str, **headers: str) -> str:
    """Which way a request goes."""
    chain = ShortChain(lambda request: HttpResponse("long"))
    chain._short = lambda request: HttpResponse("short")
    return chain(RequestFactory().post(address, headers=headers)).content.decode()


def test_a_door_is_what_its_address_leads_to():
    assert {door for door, view in DOORS.items() if resolve(door).func is not view} == set()
    assert {door for door, view in DOORS.items() if view.fairway_guard != "actor"} == set()  # type: ignore[attr-defined]


def test_what_is_left_out_is_in_the_settings():
    assert set(settings.MIDDLEWARE) >= FOR_BROWSERS


def test_no_address_but_the_doors_is_reached_by_the_short_way():
    token = {"Authorization": "Bearer fwy_anything"}

    short = {route.path for route in routes_all() if _way(route.path, **token) == "short"}

    assert short == set(DOORS)
    assert _way("/api/2.0/mlflow/runs/log-metric/", **token) == "long"
    assert _way("/api/v1/me", **token) == "long"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        LONG,
        {"Cookie": "fairway_session=abc"},
        {"Authorization": "Bearer fwy_anything", "Cookie": "fairway_session=abc"},
        {"Authorization": "Bearer "},
        {"Authorization": "Negotiate abc"},
        {"Authorization": "nonsense"},
    ],
)
def test_without_a_token_or_with_any_cookie_a_call_goes_the_long_way(headers: dict[str, str]):
    assert _way(ROOT + "runs/log-metric", **headers) == "long"


def test_basic_and_bearer_go_the_short_way():
    assert _way(ROOT + "runs/log-metric", Authorization="Bearer fwy_x") == "short"
    assert _way(ROOT + "runs/log-metric", Authorization="Basic dTpmd3lfeA==") == "short"


@pytest.mark.parametrize("method", ["get", "post", "patch", "delete", "options", "head"])
def test_every_door_answers_the_same_both_ways(person: Person, method: str):
    body = {} if method in ("get", "head") else {"data": "{}", "content_type": "application/json"}
    # What makes a thing makes another one the second time.
    doors = [door for door in DOORS if not (method == "post" and door.endswith("/create"))]

    other = [door for door in doors if len({repr(one) for one in _both(person.headers, method, door, **body)}) > 1]

    assert other == []


@pytest.mark.parametrize("secret", ["fwy_unknown", "fwr_unknown", "nonsense"])
def test_a_bad_token_is_refused_the_same_both_ways(secret: str):
    short, long = _both({"Authorization": f"Bearer {secret}"}, "get", ROOT + "runs/get?run_id=" + "0" * 32)

    assert short == long
    assert short[0] == 401
    assert json.loads(short[2])["error_code"] == "UNAUTHENTICATED"


def _call(run: str, **extra: Any) -> dict[str, Any]:
    values = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 0} | extra
    return {"data": json.dumps(values), "content_type": "application/json"}


@pytest.mark.parametrize(
    "refused",
    [
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Origin": "https://evil.example"}},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"data": b"{"},
        {"data": b"[]"},
        {"data": b'{"run_id": "\\u0000"}'},
        {"data": b"\xff"},
        {"data": b"x" * (17 * 1024 * 1024)},
        {"headers": {"X-MLFLOW-WORKSPACE": "nowhere"}},
        {"headers": {"X-Forwarded-Proto": "https"}},
    ],
)
def test_attacks_are_answered_the_same_both_ways(person: Person, refused: dict[str, Any]):
    call = _call(person.run.pk.hex) | refused
    headers = person.headers | call.pop("headers", {})

    short, long = _both(headers, "post", ROOT + "runs/log-metric", **call)

    assert short == long
    assert short[0] < 500


def test_what_is_logged_is_answered_the_same_both_ways_and_written(person: Person):
    attempt = {"Authorization": f"Bearer {attempt_token(person)}"}
    viewer = person_make(role=Role.VIEWER, team=person.team)

    for headers, status in ((person.headers, 200), (attempt, 200), (viewer.headers, 403), (person_make().headers, 404)):
        short, long = _both(headers, "post", ROOT + "runs/log-metric", **_call(person.run.pk.hex))
        assert short == long
        assert short[0] == status

    assert Metric.objects.filter(run=person.run).count() == 1


@pytest.mark.parametrize(("fault", "status"), [(ZeroDivisionError, 500), (OperationalError, 503), (Http404, 404)])
def test_a_fault_and_an_outage_are_answered_the_same_both_ways(
    person: Person, monkeypatch: pytest.MonkeyPatch, settings: Any, fault: type[Exception], status: int
):
    def broken(request: HttpRequest) -> HttpResponse:
        raise fault("with a secret of ours")

    broken.fairway_proves = False  # type: ignore[attr-defined]
    monkeypatch.setitem(DOORS, BROKEN, broken)
    monkeypatch.setitem(globals(), "urlpatterns", [path(BROKEN[1:], broken)])
    settings.ROOT_URLCONF = __name__

    short, long = _both(person.headers, "get", BROKEN)

    assert short == long
    assert short[0] == status
    assert short[1].get("Retry-After") == ("2" if status == 503 else None)
    assert b"secret" not in short[2]
