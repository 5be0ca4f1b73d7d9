"""Every route refuses a stranger, but for those that are public on purpose.

The walk over the resolver is the only list of routes: a new one is under test by being there. `Route` and
`routes_all` serve further tests (each API route for each role).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = pytest.mark.django_db

# What a stranger may open, and why. Everything else answers 302 to the sign-in page, 401, 403 or 404.
PUBLIC = {
    "account_login": "the way in",
    "account_logout": "signing out twice leads home",
    "account_signup": "says that people come by invitation",
    "account_reset_password": "the way in without a password",
    "account_reset_password_done": "says the same for every address",
    "account_reset_password_from_key": "holds a secret of the mailbox",
    "account_reset_password_from_key_done": "a sentence",
    "account_inactive": "a sentence",
    "account_confirm_email": "holds a secret of the mailbox",
    "account_email_verification_sent": "a sentence",
    "account-link": "holds a one-time secret; spends nothing",
    "account-link-use": "a button; nothing without the secret in the session",
    "invitation-open": "holds a one-time secret; spends nothing",
    "invitation-accept": "a form only with the secret in the session",
    "mfa_login_webauthn": "asks the browser for a passkey",
    "mlflow-health": "says OK to MLflow's clients, nothing else",
    "usersessions_list": "leads to the page of one's own sessions, which refuses",
}
_VALUES: dict[str, Any] = {"uuid": uuid.UUID(int=7), "int": 7, "str": "x7", "slug": "x7", "path": "x/7"}
_REFUSALS = {401, 403, 404, 405}
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Route:
    """One pattern of the resolver with an address that matches it."""

    name: str
    pattern: str
    path: str
    methods: tuple[str, ...] = ()
    view: Any = None

    @property
    def is_mlflow(self) -> bool:
        """One of the calls that MLflow's clients make."""
        return bool(getattr(self.view, "fairway_methods", ()))

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")


def _filled(pattern: str) -> str:
    """An address for a pattern: converters get a value, groups of a regular expression a word."""
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "x7", pattern)
    text = re.sub(r"<(?:(\w+):)?\w+>", lambda m: str(_VALUES.get(m[1] or "str", "x7")), text)
    return "/" + text.replace("^", "").replace("$", "").replace("\\", "").lstrip("/")


def _methods(entry: URLPattern) -> tuple[str, ...]:
    """What a view of the API, or one of MLflow's calls, has a function for."""
    view = getattr(entry.callback, "cls", None)
    return getattr(entry.callback, "fairway_methods", ()) or tuple(
        method.upper() for method in _METHODS if hasattr(view, method)
    )


def routes_all() -> Iterator[Route]:
    """Every route of the product, the innermost patterns joined with their prefixes."""

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
        for entry in patterns:
            text = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, text)
            else:
                yield Route(entry.name or "", text, _filled(text), _methods(entry), entry.callback)

    yield from walk(get_resolver().url_patterns, "")


def _is_refused(response: Any) -> bool:
    if response.status_code in _REFUSALS:
        return True
    return response.status_code in (301, 302) and "/accounts/login/" in response["Location"]


def test_the_walk_finds_the_rooms():
    names = {route.name for route in routes_all()}

    assert {"person-list", "api-me", "audit-list", "account_login"} <= names
    assert set(PUBLIC) <= names


def test_every_route_refuses_a_stranger():
    stranger = Client(raise_request_exception=True)
    open_doors = []

    for route in routes_all():
        if route.name in PUBLIC:
            continue
        for method in _METHODS:
            response = getattr(stranger, method)(route.path, **_body(method))
            if not _is_refused(response):
                open_doors.append(f"{method.upper()} {route.path} ({route.name}): {response.status_code}")

    assert not open_doors, "\n".join(open_doors)


def _body(method: str) -> dict[str, Any]:
    return {} if method in ("get", "delete") else {"data": "{}", "content_type": "application/json"}


def test_public_routes_do_not_break():
    stranger = Client()

    for route in routes_all():
        if route.name in PUBLIC:
            response = stranger.get(route.path)
            assert response.status_code in (200, 302), (route.path, response.status_code)


@pytest.mark.parametrize("secret", ["fwy_unknown", "fwr_unknown", "nonsense"])
def test_no_api_route_takes_a_bad_token(secret):
    stranger = Client()

    for route in routes_all():
        if route.is_api and route.name not in PUBLIC:
            response = stranger.get(route.path, headers={"Authorization": f"Bearer {secret}"})
            assert response.status_code in (401, 404), (route.path, response.status_code)


def test_errors_of_the_api_are_problem_details():
    stranger = Client()

    for route in routes_all():
        if route.path.startswith("/api/v1/") and route.name not in PUBLIC:
            response = stranger.get(route.path)
            assert response["Content-Type"] == "application/problem+json", route.path
