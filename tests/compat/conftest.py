"""A data scientist's client on the live product."""

from __future__ import annotations

import pytest

from controlplane.stack.testing import LiveStack
from tests.compat.programs import Client
from tests.flows.stack import people_make


@pytest.fixture(scope="session")
def client(live_stack: LiveStack, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The client of a data scientist in a team of their own."""
    people = people_make(live_stack, {"compat-ann": ("DATA_SCIENTIST", "Compat")})
    return Client(live_stack.url, people["compat-ann"].token, tmp_path_factory.mktemp("clients"))
