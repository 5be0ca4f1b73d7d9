"""Applications that trace their requests, on the newest client that these tests have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.programs import Client

pytest.importorskip("mlflow")
pytestmark = pytest.mark.slow
SPANS = ["answer", "find", "model"]


def traced_well(said: dict[str, Any]) -> None:
    """What the program says on every client."""
    assert said["states"] == ["OK", "ERROR"]
    assert said["spans"] == SPANS
    assert said["inputs"] == {"question": "who"}
    assert said["events"] == ["exception"]
    assert (said["frame"], said["of_run"]) == (1, True)
    assert (said["deleted"], said["left"]) == (2, 0)


@pytest.mark.feature("tracing", "an application's traces: sent, searched, tagged, read, deleted, by run")
def test_an_application_traces_its_requests(client: Client):
    said = client.run("traced")

    assert said["version"].startswith("3.")
    traced_well(said)
