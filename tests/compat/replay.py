"""Replaying recorded calls against a server: the same calls with this server's ids, and how its answers differ.

A recording holds a server's own ids. Where a recorded answer names one, the answer at hand names its twin at the same
place; from there on the twin is sent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

_ID = re.compile(r"^(m-|d-)?[0-9a-f]{32}$")
_TOKEN = re.compile(r"(?:m-|d-)?[0-9a-f]{32}")
# The experiment's number in the address of a file: in a URI, a path, and what a listing is asked for.
_NUMBERED = re.compile(
    r"(mlflow-artifacts:/|/mlflow-artifacts/artifacts/|^)(\d+)(?=/(?:models/m-|traces/tr-|[0-9a-f]{32}))"
)
_NUMBERS = ("experiment_id", "experiment_ids")
_TOKENS = ("next_page_token", "page_token")


@dataclass
class Replay:
    """A server's side of a replay; MLflow's own server asks for no token."""

    base: str
    token: str
    twins: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self._client = httpx.Client(base_url=self.base, headers=known, timeout=60)

    def answer(self, call: dict[str, Any]) -> tuple[int, Any]:
        """Status and JSON of one recorded call, sent with this server's ids."""
        sent: dict[str, Any] = {}
        if "data" in call:
            sent = {"content": base64.b64decode(call["data"])}
        elif call["method"] != "GET" or call["body"] is not None:
            sent = {"json": self._own(call["body"])}
        query = [(name, self._own(value, name)) for name, value in call["query"]]
        got = self._client.request(call["method"], self._own(call["path"]), params=query, **sent)
        try:
            body = got.json()
        except ValueError:
            body = None
        self._learn(call["answer"], body, "")
        return got.status_code, body

    def _own(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._own(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self._own(one, key) for one in value]
        if not isinstance(value, str):
            return value
        if key in _NUMBERS:
            return self.numbers.get(value, value)
        if key in _TOKENS:
            return self.twins.get(value, value)
        value = _NUMBERED.sub(lambda found: found[1] + self.numbers.get(found[2], found[2]), value)
        return _TOKEN.sub(lambda found: self.twins.get(found[0], found[0]), value)

    def _learn(self, recorded: Any, given: Any, key: str) -> None:
        if isinstance(recorded, dict) and isinstance(given, dict):
            for name in recorded.keys() & given.keys():
                self._learn(recorded[name], given[name], name)
        elif isinstance(recorded, list) and isinstance(given, list):
            for one, other in zip(recorded, given, strict=False):
                self._learn(one, other, key)
        elif isinstance(recorded, str) and isinstance(given, str):
            if key in _NUMBERS:
                self.numbers.setdefault(recorded, given)
            elif key in _TOKENS or _ID.match(recorded):
                self.twins.setdefault(recorded, given)


def shape_of(value: Any) -> Any:
    """The form of a JSON value: names and types, without what is said. The elements of a list are one form.

    Dictionaries are dictionaries of forms, lists a list of one form (none when empty), all else a set of types.
    """
    if isinstance(value, dict):
        return {name: shape_of(one) for name, one in value.items()}
    if isinstance(value, list):
        form = None
        for one in value:
            form = shape_of(one) if form is None else _merged(form, shape_of(one))
        return [] if form is None else [form]
    if value is None or isinstance(value, bool):
        return {"null"} if value is None else {"bool"}
    return {"number"} if isinstance(value, int | float) else {"text"}


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: _merged(one[name], form) if name in one else form for name, form in other.items()}
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(one[0], other[0])] if one and other else one or other
    if isinstance(one, set) and isinstance(other, set):
        return one | other
    return {"mixed"}


def differences(recorded: Any, given: Any, place: str = "") -> Iterator[str]:
    """Where two forms differ, as "place: what"; an empty list has every form."""
    if isinstance(recorded, dict) and isinstance(given, dict):
        for name in sorted(recorded.keys() | given.keys()):
            here = f"{place}.{name}" if place else name
            if name not in given:
                yield f"{here}: missing"
            elif name not in recorded:
                yield f"{here}: added"
            else:
                yield from differences(recorded[name], given[name], here)
    elif isinstance(recorded, list) and isinstance(given, list):
        if recorded and given:
            yield from differences(recorded[0], given[0], f"{place}[]")
    elif recorded != given:
        yield f"{place}: {_named(given)} instead of {_named(recorded)}"


def _named(form: Any) -> str:
    return " or ".join(sorted(form)) if isinstance(form, set) else "a list" if isinstance(form, list) else "an object"


def compare(call: dict[str, Any], status: int, body: Any) -> list[str]:
    """How an answer differs from the recorded one: status, error code, form."""
    found = []
    if status != call["status"]:
        found.append(f"status {status} instead of {call['status']}")
    wanted, given = (one.get("error_code") if isinstance(one, dict) else None for one in (call["answer"], body))
    if wanted != given:
        found.append(f"{given} instead of {wanted}")
    if not found and wanted is None and call["answer"] is not None:
        found += differences(shape_of(call["answer"]), shape_of(body))
    return found
