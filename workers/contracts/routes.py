"""The signed routes document: what the control plane lets the gateway answer for.

One side signs (`routes_sign`, used by deployments), the other verifies (`RouteSet.verified`, used by the
gateway). The signature is HMAC-SHA256 over the canonical JSON of the document without its `signature` field.
Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

SHARE_TOTAL = 10_000
READY = "READY"
PAUSED = "PAUSED"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_PATH_DEPTH = 8


class RoutesRefused(ValueError):
    """A routes document that must not be used: forged, malformed, expired or older than the one in force."""


@dataclass(frozen=True, slots=True)
class RouteFile:
    """One file of a model directory; `path` is relative to it and never leaves it."""

    path: str
    sha256: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class RouteVersion:
    """A model version the gateway may hold in memory. `threshold` is None where the task has no decision
    threshold.
    """

    id: str
    model: str
    number: int
    format: str
    files: tuple[RouteFile, ...]
    signature: Mapping[str, Any]
    threshold: float | None
    task: str
    classes: tuple[Any, ...] | None
    positive_label: Any

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> RouteVersion:
        """The version of a routes document, or of a job's spec. Raises RoutesRefused."""
        try:
            return _version(item)
        except RoutesRefused:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RoutesRefused(f"the version is malformed: {type(error).__name__}: {error}") from error

    @property
    def files_digest(self) -> str:
        """Names the version's bytes: equal exactly when paths and contents are equal."""
        text = "\n".join(f"{file.sha256} {file.path}" for file in sorted(self.files, key=lambda f: f.path))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RouteDeployment:
    """One deployment: its name in URLs, the versions allowed in memory, and each one's share in basis points."""

    id: str
    name: str
    team: str
    environment: str
    state: str
    reason: str | None
    shares: tuple[tuple[str, int], ...]
    versions: Mapping[str, RouteVersion]
    mask: frozenset[str]
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RouteSet:
    """A verified document. `content` is equal for documents that differ only in serial and signing times."""

    serial: int
    issued_at: datetime
    expires_at: datetime
    deployments: tuple[RouteDeployment, ...]
    content: str

    def expired(self, now: datetime) -> bool:
        """Whether the control plane's word has run out at `now`."""
        return now >= self.expires_at

    @classmethod
    def verified(cls, document: object, key: bytes, *, now: datetime, after: RouteSet | None = None) -> RouteSet:
        """Promises that the document was signed with `key`, has not expired at `now` and does not go back
        behind `after`.

        Raises RoutesRefused, saying which of these fails, or which part of the document is malformed.
        """
        if not isinstance(document, dict):
            raise RoutesRefused("the routes document is not a JSON object")
        signature = document.get("signature")
        if not isinstance(signature, str) or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), _signature(document, key).encode()
        ):
            raise RoutesRefused("the signature of the routes document is wrong")
        routes = _parsed(document)
        if routes.expired(now):
            raise RoutesRefused(f"the routes document expired at {routes.expires_at.isoformat()}")
        if after is not None:
            if routes.serial < after.serial:
                raise RoutesRefused(f"serial {routes.serial} is older than {after.serial}, which is in force")
            if routes.serial == after.serial and routes.content != after.content:
                raise RoutesRefused(f"serial {routes.serial} came with two different contents")
        return routes


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: keys sorted, no spaces, UTF-8, without the field `signature`."""
    body = {name: value for name, value in document.items() if name != "signature"}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def routes_sign(document: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """The document with its `signature`, ready to be served."""
    return {**document, "signature": _signature(document, key)}


def _signature(document: Mapping[str, Any], key: bytes) -> str:
    try:
        return hmac.new(key, canonical(document), hashlib.sha256).hexdigest()
    except (ValueError, RecursionError) as error:
        raise RoutesRefused("the routes document cannot be written as canonical JSON") from error


def _parsed(document: Mapping[str, Any]) -> RouteSet:
    try:
        deployments = tuple(_deployment(entry) for entry in document["deployments"])
        content = {
            name: value
            for name, value in document.items()
            if name not in ("serial", "issued_at", "expires_at", "signature")
        }
        return RouteSet(
            serial=_whole(document["serial"]),
            issued_at=_moment(document["issued_at"]),
            expires_at=_moment(document["expires_at"]),
            deployments=deployments,
            content=hashlib.sha256(canonical(content)).hexdigest(),
        )
    except RoutesRefused:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RoutesRefused(f"the routes document is malformed: {type(error).__name__}: {error}") from error


def _deployment(entry: Mapping[str, Any]) -> RouteDeployment:
    versions = {version.id: version for version in (_version(item) for item in entry["versions"])}
    shares = tuple((str(split["version_id"]), _whole(split["basis_points"])) for split in entry["splits"])
    if any(points <= 0 for _, points in shares) or sum(points for _, points in shares) not in (
        0,
        SHARE_TOTAL,
    ):
        raise RoutesRefused(f"the split of {entry['name']!r} does not sum to {SHARE_TOTAL} basis points")
    if unknown := [version_id for version_id, _ in shares if version_id not in versions]:
        raise RoutesRefused(f"the split of {entry['name']!r} names {unknown[0]!r}, which is not among its versions")
    if entry["state"] not in (READY, PAUSED):
        raise RoutesRefused(f"the state {entry['state']!r} of {entry['name']!r} is unknown")
    tokens = tuple(entry["tokens"])
    if any(not isinstance(token, str) or not _SHA256.match(token) for token in tokens):
        raise RoutesRefused(f"{entry['name']!r} lists something else than SHA-256 digests as tokens")
    reason = entry.get("reason")
    return RouteDeployment(
        id=_id(entry["id"]),
        name=str(entry["name"]),
        team=str(entry["team"]),
        environment=str(entry["environment"]),
        state=entry["state"],
        reason=str(reason) if reason else None,
        shares=shares,
        versions=versions,
        mask=frozenset(str(name) for name in entry["mask"]),
        tokens=tokens,
    )


def _version(item: Mapping[str, Any]) -> RouteVersion:
    files = tuple(_file(file) for file in item["files"])
    if len({file.path for file in files}) != len(files):
        raise RoutesRefused(f"version {item['id']!r} names a file twice")
    classes = item.get("classes")
    threshold = item.get("threshold")
    signature = item["signature"]
    if not isinstance(signature, dict) or not isinstance(signature.get("inputs"), list):
        raise RoutesRefused(f"version {item['id']!r} has no signature")
    return RouteVersion(
        id=_id(item["id"]),
        model=str(item["model"]),
        number=_whole(item["number"]),
        format=str(item["format"]),
        files=files,
        signature=signature,
        threshold=None if threshold is None else float(threshold),
        task=str(item["task"]),
        classes=None if classes is None else tuple(classes),
        positive_label=item.get("positive_label"),
    )


def _file(item: Mapping[str, Any]) -> RouteFile:
    path, sha256, size, url = item["path"], item["sha256"], _whole(item["size"]), item["url"]
    parts = PurePosixPath(path).parts
    safe = (
        0 < len(parts) <= _PATH_DEPTH
        and not path.startswith("/")
        and "\\" not in path
        and "\0" not in path
        and not any(part in ("..", ".") or part.startswith("~") for part in path.split("/"))
        and "" not in path.split("/")
    )
    if not safe:
        raise RoutesRefused(f"the file path {path!r} leaves the model's directory")
    if not isinstance(sha256, str) or not _SHA256.match(sha256) or size < 0 or not isinstance(url, str):
        raise RoutesRefused(f"the file {path!r} lacks a digest, a size or an address")
    return RouteFile(path=path, sha256=sha256, size=size, url=url)


def _id(value: object) -> str:
    text = str(value)
    if not _ID.match(text) or ".." in text:
        raise RoutesRefused(f"{text!r} is no identifier")
    return text


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RoutesRefused(f"{value!r} is no whole number")
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise RoutesRefused(f"the time {value!r} has no zone")
    return moment.astimezone(UTC)
