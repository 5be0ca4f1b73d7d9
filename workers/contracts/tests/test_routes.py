"""The routes document: what is believed and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workers.contracts.routes import RouteSet, RoutesRefused, routes_sign

KEY = b"a key of the installation"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIGEST = "0" * 64


def document(**changes: Any) -> dict[str, Any]:
    file = {"path": "model.skops", "sha256": DIGEST, "size": 3, "url": "/files/0"}
    version = {
        "id": "v-1",
        "model": "m",
        "number": 1,
        "format": "SKOPS",
        "files": [file],
        "signature": {"inputs": [], "outputs": []},
        "threshold": 0.5,
        "task": "BINARY",
        "classes": ["no", "yes"],
    }
    deployment = {
        "id": "d-1",
        "name": "loan",
        "team": "t",
        "environment": "production",
        "state": "READY",
        "splits": [{"version_id": "v-1", "basis_points": 10_000}],
        "versions": [version],
        "mask": [],
        "tokens": [DIGEST],
    }
    return {
        "serial": 5,
        "issued_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(minutes=5)).isoformat(),
        "deployments": [deployment],
        **changes,
    }


def verified(raw: Any, after: RouteSet | None = None, key: bytes = KEY) -> RouteSet:
    return RouteSet.verified(raw, key, now=NOW, after=after)


def test_signed_document_is_believed() -> None:
    routes = verified(routes_sign(document(), KEY))

    assert routes.serial == 5
    assert routes.deployments[0].versions["v-1"].files[0].path == "model.skops"


@pytest.mark.parametrize("change", [{"serial": 6}, {"deployments": []}, {"expires_at": "2099-01-01T00:00:00+00:00"}])
def test_changed_document_is_refused(change: dict[str, Any]) -> None:
    signed = routes_sign(document(), KEY)

    with pytest.raises(RoutesRefused, match="signature"):
        verified({**signed, **change})


@pytest.mark.parametrize("signature", [None, "", "0" * 64, "\ud800", 7])
def test_unsigned_document_is_refused(signature: Any) -> None:
    with pytest.raises(RoutesRefused, match="signature"):
        verified({**document(), "signature": signature})


def test_signature_of_another_key_is_refused() -> None:
    with pytest.raises(RoutesRefused, match="signature"):
        verified(routes_sign(document(), b"another"))


def test_expired_document_is_refused() -> None:
    with pytest.raises(RoutesRefused, match="expired"):
        verified(routes_sign(document(expires_at=NOW.isoformat()), KEY))


def test_older_serial_is_refused() -> None:
    newer = verified(routes_sign(document(serial=6), KEY))

    with pytest.raises(RoutesRefused, match="older"):
        verified(routes_sign(document(serial=5), KEY), after=newer)


def test_same_serial_may_be_signed_anew_but_not_changed() -> None:
    first = verified(routes_sign(document(), KEY))
    later = (NOW + timedelta(minutes=9)).isoformat()

    assert verified(routes_sign(document(expires_at=later), KEY), after=first).expires_at > first.expires_at
    with pytest.raises(RoutesRefused, match="two different contents"):
        verified(routes_sign(document(deployments=[]), KEY), after=first)


@pytest.mark.parametrize(
    "path",
    ["../model.skops", "/etc/passwd", "a/../../b", "a//b", "a\\b", "a\0b", "", ".", "./a", "~root/x", "a/" * 9 + "b"],
)
def test_file_outside_the_model_is_refused(path: str) -> None:
    raw = document()
    raw["deployments"][0]["versions"][0]["files"][0]["path"] = path

    with pytest.raises(RoutesRefused):
        verified(routes_sign(raw, KEY))


@pytest.mark.parametrize("identifier", ["../v", "a/b", "", "..", "v" * 65])
def test_version_that_is_no_identifier_is_refused(identifier: str) -> None:
    raw = document()
    raw["deployments"][0]["versions"][0]["id"] = identifier

    with pytest.raises(RoutesRefused):
        verified(routes_sign(raw, KEY))


@pytest.mark.parametrize(
    "splits",
    [
        [{"version_id": "v-1", "basis_points": 9_999}],
        [{"version_id": "v-2", "basis_points": 10_000}],
        [{"version_id": "v-1", "basis_points": 10_001}, {"version_id": "v-1", "basis_points": -1}],
        [{"version_id": "v-1", "basis_points": True}],
    ],
)
def test_split_that_does_not_add_up_is_refused(splits: list[dict[str, Any]]) -> None:
    raw = document()
    raw["deployments"][0]["splits"] = splits

    with pytest.raises(RoutesRefused):
        verified(routes_sign(raw, KEY))


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"signature": "0" * 64}])
def test_something_else_is_refused(raw: Any) -> None:
    with pytest.raises(RoutesRefused):
        verified(raw)
