"""A live product with one team and one data scientist who brings code, for benchmarks of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from bench.pages import sign_in
from controlplane.stack.testing import LiveStack
from tests.flows.stack import Api, key, people_make

TEAM, NAME, PASSWORD = "Load", "loader", "a long test password"


@dataclass(frozen=True)
class Loader:
    """The person: by token, and signed in as in a browser."""

    api: Api
    browser: httpx.Client
    team_id: str

    def launch(self, source: str, **fields: Any) -> dict[str, Any]:
        """Bring a script and launch it; the answer's launch."""
        sent = self.api.call("POST", "code-bundles", data=source.encode(), team_id=self.team_id, filename="job.py")
        body = {"bundle_id": sent.expect(201)["id"], "command": "python job.py", **fields}
        launched: dict[str, Any] = self.api.post("code-launches", body, key=key())
        return launched


def loader_make(stack: LiveStack) -> Loader:
    """The team and its person, in a product that has started."""
    api = people_make(stack, {NAME: ("DATA_SCIENTIST", TEAM)})[NAME]
    team = next(row["id"] for row in api.get("teams")["results"] if row["name"] == TEAM)
    return Loader(api, sign_in(stack, NAME, PASSWORD), team)
