"""The whole product, live, for stories that are told over HTTP only; and a caller of its JSON API."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for

PEOPLE = """
import json, sys
from apps.accounts.models import Team, User
from apps.accounts.services import grant_add, team_create, token_create, user_create
from apps.core.actors import SCOPE_VERBS, Actor
actor = Actor.system("a test")
made = {}
for name, (role, team_name) in json.loads(%r).items():
    team = None
    if team_name:
        team = Team.objects.filter(name=team_name).first() or team_create(actor=actor, name=team_name)
    user = User.objects.filter(username=name).first() or user_create(
        actor=actor, username=name, email=f"{name}@example.org", password="a long test password"
    )
    if role:
        grant_add(actor=actor, user=user, team=team, role=role)
    made[name] = token_create(actor=actor, user=user, name="test", scopes=list(SCOPE_VERBS), days=1)[1]
print("people", json.dumps(made))
"""

# One row that the demo's models take.
DEMO_ROW = {
    "year": ("INT64", 2000),
    "age": ("INT64", 30),
    "employed": ("BYTES", "Yes"),
    "citizen": ("BYTES", "Yes"),
    "checks": ("INT64", 1),
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: httpx.Headers
    text: str

    def expect(self, status: int) -> Any:
        """The body, when the status is this one."""
        assert self.status == status, f"{self.status}, not {status}: {self.text[:2000]}"
        return self.body


class Api:
    """One person's calls below /api/v1, by token."""

    def __init__(self, url: str, token: str, *, seconds: float = 30) -> None:
        self.token = token
        self._http = httpx.Client(base_url=url, timeout=seconds, trust_env=False)

    def call(
        self, method: str, path: str, body: Any = None, *, key: str = "", data: bytes | None = None, **query: Any
    ) -> Answer:
        """One request; `key` is its idempotency key, `data` a raw body instead of JSON."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "*/*"}
        if key:
            headers["Idempotency-Key"] = key
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        response = self._http.request(
            method, f"/api/v1/{path}", json=body, content=data, headers=headers, params=query or None
        )
        kind = response.headers.get("content-type", "")
        return Answer(
            response.status_code, response.json() if "json" in kind else None, response.headers, response.text
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, **query).expect(200)

    def post(self, path: str, body: Any = None, *, status: int = 201, key: str = "") -> Any:
        return self.call("POST", path, body, key=key).expect(status)

    def ended(self, job_id: str, seconds: float = 90) -> dict[str, Any]:
        """The job once it is over; it must have succeeded."""

        def look() -> dict[str, Any] | None:
            job: dict[str, Any] = self.get(f"jobs/{job_id}")
            return job if job["state"] in {"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"} else None

        job: dict[str, Any] = wait_for(look, seconds, f"the end of job {job_id}")
        assert job["state"] == "SUCCEEDED", job
        return job


class Gateway:
    """Calls of the inference door with one token."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self.headers = {"Authorization": f"Bearer {token}"}

    def infer(self, name: str, row: Mapping[str, tuple[str, Any]]) -> Answer:
        """One row: {field: (V2 datatype, value)}."""
        inputs = [
            {"name": field, "datatype": kind, "shape": [1], "data": [value]} for field, (kind, value) in row.items()
        ]
        response = self._http.post(f"/v2/models/{name}/infer", json={"inputs": inputs}, headers=self.headers)
        return Answer(response.status_code, response.json(), response.headers, response.text)


def people_make(stack: LiveStack, people: Mapping[str, tuple[str, str]]) -> dict[str, Api]:
    """{name: (role, team)} become people with a token of all scopes; an empty team is the whole site."""
    done = stack.manage("shell", "-c", PEOPLE % json.dumps({name: list(what) for name, what in people.items()}))
    lines = [line for line in done.stdout.splitlines() if line.startswith("people ")]
    assert done.returncode == 0, done.stderr[-3000:]
    assert lines, done.stdout
    return {name: Api(stack.url, secret) for name, secret in json.loads(lines[-1].partition(" ")[2]).items()}


def token_of(stack: LiveStack, username: str, *scopes: str) -> str:
    """A token by the command that README names."""
    chosen = [part for scope in scopes for part in ("--scope", scope)]
    done = stack.manage("token_create", "--user", username, *chosen)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def key() -> str:
    """A fresh idempotency key."""
    return uuid.uuid4().hex


def demo_tell(stack: LiveStack) -> None:
    """The demo with its accounts, on a live product. Raises AssertionError with what it complains of."""
    for command in ("demo_accounts", "demo"):
        done = stack.manage(command, seconds=300)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@contextmanager
def stack_open(prefix: str = "fairway-flow-") -> Iterator[LiveStack]:
    """A live product in a home of its own, removed afterwards. Its webhooks may reach the loopback interface."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        with LiveStack(home, environ={"WEBHOOK_NETWORKS": "127.0.0.0/8"}) as stack:
            yield stack
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def live_stack() -> Iterator[LiveStack]:
    """One live product for all stories that leave it whole; each story brings a team of its own."""
    with stack_open() as stack:
        yield stack
