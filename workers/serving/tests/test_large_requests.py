"""Large requests: answered whole, up to a stated limit, and in nobody's way."""

from __future__ import annotations

import json
import statistics
import threading
import time

import pytest

from workers.serving.tests.conftest import Shared
from workers.serving.tests.running import GatewayProcess, until

ROW = {"age": 40.0, "income": 1.5, "colour": "red"}


@pytest.fixture
def door(shared: Shared) -> GatewayProcess:
    """A gateway that answers for "loan"."""
    return shared.gateway


@pytest.mark.slow
def test_ten_thousand_rows_are_answered_and_logged_each(shared, door):
    rows = [{**ROW, "age": 18.0 + number / 200} for number in range(10_000)]

    answer = door.client.post("/loan/invocations", json={"dataframe_records": rows})

    assert answer.status_code == 200
    found = answer.json()["predictions"]
    alone = door.client.post("/loan/invocations", json={"dataframe_records": [rows[7_777]]}).json()["predictions"]
    assert len(found) == 10_000
    assert found[7_777]["probabilities"]["yes"] == pytest.approx(alone[0]["probabilities"]["yes"], abs=1e-12)
    until(lambda: sum(row["inputs"].get("age") == rows[9_999]["age"] for row in shared.control.rows()) >= 1)
    assert sum(row["status"] == 200 for row in shared.control.rows()) >= 10_000


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [ROW] * 10_001},
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())] * 10_001}},
        {"instances": [ROW] * 10_001},
        {"inputs": {name: [value] * 10_001 for name, value in ROW.items()}},
    ],
)
def test_more_rows_than_the_limit_are_a_413_that_says_it(door, body):
    answer = door.client.post("/loan/invocations", json=body)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:fairway:problem:too-many-rows")
    assert "at most 10,000 rows" in answer.json()["detail"]


def test_the_limit_holds_for_the_inference_protocol(door):
    tensors = [
        {"name": name, "datatype": kind, "shape": [10_001], "data": [ROW[name]] * 10_001}
        for name, kind in (("age", "FP64"), ("income", "FP64"), ("colour", "BYTES"))
    ]

    answer = door.client.post("/v2/models/loan/infer", json={"inputs": tensors})

    assert (answer.status_code, answer.json()["limit"]) == (413, 10_000)


def test_what_is_wrong_in_a_large_request_is_said_as_in_a_small_one(door):
    rows = [dict(ROW) for _ in range(5_000)]
    rows[4_321]["age"] = "old"

    answer = door.client.post("/loan/invocations", json={"dataframe_records": rows})

    assert (answer.status_code, answer.json()["field"]) == (400, "age")
    text = b'{"dataframe_records": [' + b'{"age": 1},' * 20_000
    broken = door.client.post("/loan/invocations", content=text, headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["type"]) == (400, "urn:fairway:problem:invalid-json")


def test_small_requests_go_on_while_large_ones_are_read(door):
    # Written once, so that this process does nothing that takes long while it measures.
    large = json.dumps({"dataframe_records": [ROW] * 10_000}).encode()
    headers = {"Content-Type": "application/json"}
    statuses: list[int] = []

    def send() -> None:
        statuses.append(door.client.post("/loan/invocations", content=large, headers=headers, timeout=60).status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    waits = []
    while any(thread.is_alive() for thread in threads):
        asked = time.monotonic()
        assert door.client.post("/loan/invocations", json={"dataframe_records": [ROW]}).status_code == 200
        waits.append(time.monotonic() - asked)
    took = time.monotonic() - begun

    assert statuses == [200] * 4
    assert len(waits) > 12
    # On one loop each would wait for a large one to be read or written: an eighth of the whole time.
    assert statistics.median(waits) < took / 12
