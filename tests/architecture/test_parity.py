"""Whatever people do on the pages, scripts do by a documented call: `action_calls.toml` says by which."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from apps.accounts.tests.factories import user_make
from tests.architecture.test_routes import routes_all

pytestmark = pytest.mark.django_db

_TABLE = tomllib.loads(Path(__file__).with_name("action_calls.toml").read_text())
CALLS: dict[str, list[str]] = _TABLE["calls"]
HERE: dict[str, str] = _TABLE["here"]
_MLFLOW_PREFIX = re.compile(r"^/api/[23]\.0/mlflow/")


def acts_all() -> set[str]:
    """Names of the pages' routes that take a POST: each says so when it is asked for what it does not take.

    What guards an account (password, second factor, sign-in) is the library's and for browsers.
    """
    browser = Client()
    browser.force_login(user_make("walker"))
    found = set()
    for route in routes_all():
        if route.methods or route.path.startswith(("/accounts/", "/internal/")):
            continue
        answer = browser.put(route.path, data="{}", content_type="application/json")
        if "POST" in answer.headers.get("Allow", ""):
            found.add(route.name)
    return found


def _named(pattern: str) -> str:
    """An address of MLflow's as a document writes it: `webhooks/{webhook_id}`."""
    return _MLFLOW_PREFIX.sub("", "/" + re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", pattern))


def documented() -> set[str]:
    """Calls of /api/v1 by the OpenAPI document, and MLflow's by their routes: "POST jobs/{id}/cancel"."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]  # type: ignore[no-untyped-call]
    ours = {
        f"{method.upper()} {path.removeprefix('/api/v1/')}" for path, methods in paths.items() for method in methods
    }
    mlflow = {
        f"mlflow {method} {_named(route.pattern)}"
        for route in routes_all()
        if route.is_mlflow and _MLFLOW_PREFIX.match("/" + route.pattern)
        for method in route.methods
    }
    return ours | mlflow


def test_every_action_of_the_pages_has_its_call():
    acts = acts_all()
    listed = {*CALLS, *(name for name in HERE if not name.startswith("account"))}

    assert len(acts) > 80
    assert acts - set(CALLS) - set(HERE) == set(), "name the call of these in action_calls.toml"
    assert listed - acts == set(), "these take no POST any more"


def test_every_call_is_documented():
    wanted = {call for calls in CALLS.values() for call in calls}

    assert wanted - documented() == set()
