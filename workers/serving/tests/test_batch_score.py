"""A table that a job scores and the same rows sent to the gateway get equal answers and equal refusals."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from workers.contracts.jobspec import EXIT_BAD_INPUT, JobLimits
from workers.contracts.scoring import CSV, PARQUET, ScoreResult
from workers.runner.tests.kit import job_run, parquet
from workers.runner.tests.peer import Peer
from workers.serving.tests.conftest import Fitted
from workers.serving.tests.running import GatewayProcess

LIVE = {"binary": "loan", "many": "grade", "regression": "price"}


def _table(kind: str, rows: int = 300) -> pa.Table:
    rng = np.random.default_rng(5)
    if kind == "many":
        columns: dict[str, Any] = {"a": rng.integers(0, 9, rows), "b": rng.integers(0, 9, rows)}
    elif kind == "regression":
        columns = {"a": rng.normal(size=rows), "b": rng.random(rows) < 0.5}
    else:
        columns = {
            "age": rng.integers(18, 90, rows),
            "income": pa.array(rng.uniform(0, 10, rows), mask=rng.random(rows) < 0.2),
            "colour": pa.array(rng.choice(["red", "blue", "never seen"], rows), mask=rng.random(rows) < 0.1),
        }
    names = pa.array([f"=row {number}" for number in range(rows)])
    return pa.table({"person": names, **columns, "other": names, "__row__": pa.array(range(rows), pa.int64())})


def _peer(fitted: Fitted, kind: str, table: pa.Table, **version: Any) -> Peer:
    directory, facts = fitted[kind]
    peer = Peer("score", {})
    files = [
        {**peer.add(path.read_bytes()), "path": path.relative_to(directory).as_posix(), "url": ""}
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    ]
    peer.spec = {
        "version": {"id": "v-1", "model": "m", "number": 1, "format": "SKOPS", "files": files, **facts, **version},
        "table": {**peer.add(parquet(table)), "format": "parquet"},
        "id_column": "person",
    }
    return peer.start()


def _run(tmp_path: Path, peer: Peer, **limits: Any) -> tuple[ScoreResult, pa.Table]:
    status, lines = job_run(tmp_path, peer, limits=JobLimits(**limits))
    peer.stop()
    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    return ScoreResult.from_json(peer.payload["score"]), pq.read_table(io.BytesIO(peer.outputs[PARQUET]))


def _refused(tmp_path: Path, peer: Peer) -> str:
    status, lines = job_run(tmp_path, peer)
    peer.stop()
    assert status.exit_code == EXIT_BAD_INPUT, "\n".join(lines)
    assert peer.payload is not None
    assert not peer.outputs
    return str(peer.payload["error"]["message"])


@pytest.mark.parametrize("kind", LIVE)
def test_the_same_rows_get_equal_answers(standing: GatewayProcess, fitted: Fitted, tmp_path: Path, kind: str) -> None:
    table = _table(kind)
    inputs = [tensor["name"] for tensor in fitted[kind][1]["signature"]["inputs"]]
    records = table.select(inputs).to_pylist()
    live = standing.client.post(f"/{LIVE[kind]}/invocations", json={"dataframe_records": records}).json()["predictions"]

    result, scores = _run(tmp_path, _peer(fitted, kind, table))

    if kind == "regression":
        assert scores["prediction"].to_pylist() == live
    else:
        labels = fitted[kind][1]["classes"]
        assert scores["label"].to_pylist() == [one["label"] for one in live]
        for label in labels:
            assert scores[f"probability:{label}"].to_pylist() == [one["probabilities"][label] for one in live]
        assert dict(result.labels) == {label: scores["label"].to_pylist().count(label) for label in labels}
    if kind == "binary":
        assert scores["decision"].to_pylist() == [one["decision"] for one in live]
        assert {one["label"] for one in live} == {"no", "yes"}
        assert result.of == "probability:yes"
        assert sum(result.counts) == result.scored == 300
    assert scores["row"].to_pylist() == table["__row__"].to_pylist()
    assert scores["person"].to_pylist() == table["person"].to_pylist()
    assert (result.refused, scores["refused"].null_count) == (0, 300)
    assert "other" not in scores.column_names


def test_a_row_that_no_call_takes_is_refused_with_the_gateways_words(
    standing: GatewayProcess, fitted: Fitted, tmp_path: Path
) -> None:
    table = _table("binary", rows=6)
    ages = pa.array([30.0, None, 50.0, float("inf"), 60.0, 70.0])
    colours = pa.array(["red", "red", "re\0d", "red", "x" * 20_000, None])
    table = table.set_column(1, "age", ages).set_column(3, "colour", colours)
    records = table.select(["age", "income", "colour"]).to_pylist()
    bodies = [json.dumps({"dataframe_records": [record]}) for record in records]
    asked = [
        standing.client.post("/loan/invocations", content=body, headers={"Content-Type": "application/json"})
        for body in bodies
        if "Infinity" not in body
    ]

    result, scores = _run(tmp_path, _peer(fitted, "binary", table))

    assert (result.scored, result.refused) == (2, 4)
    assert [(one.row, one.field) for one in result.refusals] == [
        (1, "age"),
        (2, "colour"),
        (3, "age"),
        (4, "colour"),
    ]
    by_call = [answer.json()["detail"] for answer in asked if answer.status_code == 400]
    assert by_call == [one.why for one in result.refusals if one.row != 3]
    assert scores["refused"].to_pylist()[1] == by_call[0]
    assert scores["probability:yes"].is_null().to_pylist() == [False, True, True, True, True, False]
    assert scores["probability:yes"].to_pylist()[5] == asked[-1].json()["predictions"][0]["probabilities"]["yes"]


def test_the_table_for_a_spreadsheet_holds_no_formula(fitted: Fitted, tmp_path: Path) -> None:
    peer = _peer(fitted, "binary", _table("binary", rows=20))

    _, scores = _run(tmp_path, peer)

    shown = pyarrow.csv.read_csv(io.BytesIO(peer.outputs[CSV]))
    assert shown.column_names == scores.column_names
    assert shown["person"].to_pylist() == [f"'=row {number}" for number in range(20)]
    assert shown["probability:yes"].to_pylist() == scores["probability:yes"].to_pylist()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(["income"]), 'no column "income"'),
        (
            lambda table: table.set_column(1, "age", pa.array(["forty"] * 9)),
            '"age" holds text; the model takes numbers',
        ),
        (lambda table: table.set_column(1, "age", pa.array([True] * 9)), '"age" holds truth values'),
        (lambda table: table.set_column(3, "colour", pa.array(range(9))), '"colour" holds whole numbers'),
        (lambda table: table.set_column(1, "age", pa.array([None] * 9, pa.float64())), "No row could be scored"),
    ],
)
def test_a_column_that_is_missing_or_of_another_type_ends_the_job(
    fitted: Fitted, tmp_path: Path, change: Any, said: str
) -> None:
    message = _refused(tmp_path, _peer(fitted, "binary", change(_table("binary", rows=9))))

    assert said in message


def test_a_column_without_any_value_is_missing_values(fitted: Fitted, tmp_path: Path) -> None:
    table = _table("binary", rows=9).set_column(2, "income", pa.array([None] * 9, pa.string()))

    result, _ = _run(tmp_path, _peer(fitted, "binary", table))

    assert result.scored == 9


def test_a_model_that_is_not_what_its_version_states_scores_nothing(fitted: Fitted, tmp_path: Path) -> None:
    message = _refused(tmp_path, _peer(fitted, "many", _table("many", rows=9), classes=["low", "top", "middle"]))

    assert "another order" in message


def test_a_file_outside_of_the_models_folder_is_not_written(fitted: Fitted, tmp_path: Path) -> None:
    peer = _peer(fitted, "binary", _table("binary", rows=9))
    peer.spec["version"]["files"][0]["path"] = "../../outside.skops"

    assert "leaves the model's directory" in _refused(tmp_path, peer)


def test_parts_keep_their_order(fitted: Fitted, tmp_path: Path) -> None:
    rows = 60_000
    small, _ = _run(tmp_path / "small", _peer(fitted, "regression", _table("regression", rows=50)))

    result, scores = _run(tmp_path / "large", _peer(fitted, "regression", _table("regression", rows=rows)))

    assert (small.scored, result.scored) == (50, rows)
    assert scores["row"].to_pylist() == list(range(rows))
    assert scores["person"].to_pylist()[-1] == f"=row {rows - 1}"
    assert sum(result.counts) == rows
