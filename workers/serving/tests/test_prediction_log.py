"""The prediction log: masked, complete, and taken in once, whatever dies in between."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from workers.serving.spool import Spool, batch_body
from workers.serving.tests.conftest import Entry, Start
from workers.serving.tests.control_stub import ControlStub
from workers.serving.tests.running import TOKEN, GatewayProcess, row, tensor, until


def begun(control: ControlStub, start: Start, entry: dict[str, Any], *arguments: str) -> GatewayProcess:
    control.publish(entry)
    gateway = start(*arguments)
    until(lambda: gateway.ready("loan"))
    return gateway


def spooled(gateway: GatewayProcess) -> bytes:
    return b"".join(path.read_bytes() for path in (gateway.home / "spool").rglob("*.*"))


def test_rows_say_who_what_when_and_nothing_masked(control: ControlStub, start: Start, loan: Entry) -> None:
    gateway = begun(control, start, loan([1], {1: 10_000}, mask=["income"]))
    secret = 8_273_645.25
    tensors = [
        tensor("age", "FP64", 30, 80),
        tensor("income", "FP64", secret, None),
        tensor("colour", "BYTES", "red", "x"),
    ]
    answer = gateway.infer("loan", {"inputs": tensors}).json()["outputs"]
    gateway.infer("loan", {"inputs": [tensor("income", "FP64", secret)]})
    gateway.client.post("/loan/invocations", content=b"{")
    written = spooled(gateway)
    until(lambda: len(control.rows()) == 4)

    first, second, wrong, broken = control.rows()
    assert first["inputs"] == {"age": 30.0, "income": "***", "colour": "red"}
    assert second["inputs"] == {"age": 80.0, "income": "***", "colour": "x"}
    assert [list(entry["output"]["probabilities"].values())[1] for entry in (first, second)] == [
        answer[0]["data"][1],
        answer[0]["data"][3],
    ]
    assert first["score"] == answer[0]["data"][1]
    assert (first["output"]["label"], first["status"], first["error"]) == (answer[2]["data"][0], 200, None)
    assert (first["deployment_id"], first["version_id"]) == ("d-loan", "v-1")
    assert first["latency_ms"] > 0
    assert len(first["row_digest"]) == 32
    assert first["row_digest"] != second["row_digest"]
    assert (wrong["status"], wrong["error"], wrong["inputs"]) == (400, "invalid-input: age", {})
    assert (broken["status"], broken["error"]) == (400, "invalid-json")
    assert len({entry["id"] for entry in control.rows()}) == 4
    assert TOKEN not in json.dumps(control.rows())
    for text in (json.dumps(control.rows()).encode(), written, gateway.text().encode()):
        assert b"8273645" not in text


@pytest.mark.slow
def test_kill_of_the_gateway_loses_and_doubles_nothing(control: ControlStub, start: Start, loan: Entry) -> None:
    control.answer_predictions = 503
    gateway = begun(control, start, loan([1], {1: 10_000}))
    ages = [20.0 + number for number in range(60)]
    for age in ages:
        assert gateway.infer("loan", row(age)).status_code == 200
    gateway.kill()
    open_segment = next((gateway.home / "spool").glob("*.open"), None)
    if open_segment is not None:
        with open_segment.open("ab") as sink:
            sink.write(b'{"id":"torn')  # what a write cut short by the kill would leave

    control.answer_predictions = 200
    start()

    until(lambda: len(control.rows()) >= len(ages), what="the rows left on disk are posted")
    assert Counter(entry["inputs"]["age"] for entry in control.rows()) == Counter(ages)
    assert len({entry["id"] for entry in control.rows()}) == len(ages)


@pytest.mark.slow
def test_batch_whose_answer_got_lost_is_repeated_under_its_id(control: ControlStub, start: Start, loan: Entry) -> None:
    gateway = begun(control, start, loan([1], {1: 10_000}))
    control.lose_answers = True
    gateway.infer("loan", row(33.0))
    until(lambda: len(control.posts) >= 2, what="the batch is posted again")
    gateway.kill()
    control.lose_answers = False
    before = len(control.posts)
    start()
    until(lambda: len(control.posts) > before)

    assert len(set(control.posts)) == 1
    assert len(control.rows()) == 1
    until(lambda: not list((gateway.home / "spool").glob("*.*")), what="nothing is left to post")


@pytest.mark.slow
def test_full_log_drops_rows_and_says_so_but_answers(control: ControlStub, start: Start, loan: Entry) -> None:
    control.answer_predictions = 503
    gateway = begun(control, start, loan([1], {1: 10_000}), "--spool-bytes", "2000")

    statuses = {gateway.infer("loan", row()).status_code for _ in range(30)}

    assert statuses == {200}
    until(lambda: control.health["spool"]["dropped_rows"] > 0)
    assert sum(path.stat().st_size for path in (gateway.home / "spool").glob("*.*")) < 3_000


def spool_of(directory: Path, statuses: list[int], bodies: list[dict[str, Any]], limit: int = 10_000) -> Spool:
    async def post(body: bytes) -> int:
        bodies.append(json.loads(body))
        status = statuses.pop(0) if statuses else 200
        if status == 0:
            raise ConnectionRefusedError("nobody")
        return status

    return Spool(directory, post, limit=limit)


def test_refused_batch_is_set_aside_and_the_next_goes_on(tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = []

    async def story() -> tuple[int, str]:
        spool = spool_of(tmp_path, [0, 422], bodies)
        spool.append(['{"a":1}', '{"a":2}'])
        spool._rotate()
        spool.append(['{"a":3}'])
        spool.start()
        while len(bodies) < 3 or spool.state.segments:
            await asyncio.sleep(0.01)
        state = spool.state
        await spool.stop(1.0)
        return state.refused_batches, state.error

    assert asyncio.run(story()) == (1, "")
    assert [body["rows"] for body in bodies] == [[{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}], [{"a": 3}]]
    assert bodies[0]["batch_id"] == bodies[1]["batch_id"] != bodies[2]["batch_id"]
    assert len(list((tmp_path / "refused").iterdir())) == 1


def test_foreign_files_in_the_spool_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    async def story() -> int:
        return spool_of(tmp_path, [], []).state.segments

    assert asyncio.run(story()) == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(ValueError, match="not a segment"):
        batch_body(tmp_path / "notes.txt")
