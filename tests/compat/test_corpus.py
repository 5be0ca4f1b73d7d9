"""Calls recorded from MLflow's own client and server, replayed: equal status, error code and form of the answer.

`corpus.json` holds what `clients/fluent.py`, `registry.py` and `edges.py` sent to an MLflow 3 server and what it
answered; `python -m tests.compat.recording` makes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.stack.testing import LiveStack
from tests.compat.recording import mlflow_started
from tests.compat.replay import Replay, compare
from tests.compat.stated import STATED, stated
from tests.flows.stack import people_make

CORPUS = Path(__file__).with_name("corpus.json")


def calls() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(CORPUS.read_text())
    return read


def found(replay: Replay) -> Iterator[tuple[dict[str, Any], str]]:
    """Each difference with its call."""
    for number, call in enumerate(calls()):
        status, body = replay.answer(call)
        for difference in compare(call, status, body):
            yield call, f"{number} {call['method']} {call['path']}: {difference}"


@pytest.mark.feature("calls", "a recorded corpus of calls: equal status, error code and form, but for what is stated")
def test_fairway_answers_as_the_server_that_was_recorded(live_stack: LiveStack):
    people = people_make(live_stack, {"corpus-ann": ("DATA_SCIENTIST", "Corpus")})
    differences = list(found(Replay(live_stack.url, people["corpus-ann"].token)))

    assert [text for call, text in differences if stated(call) is None] == []
    # Nothing is stated that is no longer so.
    assert {stated(call) for call, _ in differences} == set(STATED)


@pytest.mark.slow
@pytest.mark.feature("calls", "the recording, replayed against MLflow's own server")
def test_the_recording_is_still_what_mlflow_answers(tmp_path: Path):
    with mlflow_started(tmp_path) as url:
        assert [text for _, text in found(Replay(url, ""))] == []
