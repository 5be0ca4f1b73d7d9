"""Profile jobs end to end, and the checks of uploads on their own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workers.contracts.jobspec import EXIT_BAD_INPUT
from workers.runner.columns import column_facts
from workers.runner.errors import BadInput
from workers.runner.tables import canonical, canonical_write
from workers.runner.tests.kit import job_run, parquet, people
from workers.runner.tests.peer import Peer

SEGMENTS = [
    {
        "id": "s1",
        "name": "Age",
        "expression": "age",
        "bands": {"edges": [30, 50], "labels": ["under 30", "30 to 49", "50 and over"]},
        "purpose": "PROTECTED",
        "least_support": {"rows": 100, "positives": 15, "negatives": 15},
    },
    {"id": "s2", "name": "Member", "expression": "member", "bands": None, "purpose": "PERFORMANCE"},
    {"id": "s3", "name": "Broken", "expression": "height", "bands": None, "purpose": "PERFORMANCE"},
]


def _csv(table: pa.Table) -> bytes:
    frame = table.drop_columns(["__row__"]).to_pandas()
    return str(frame.to_csv(index=False)).encode()


def test_a_csv_is_profiled_and_stored_with_its_types(tmp_path: Path) -> None:
    table = people(500)
    peer = Peer("profile", {})
    upload = peer.add(_csv(table))
    peer.spec = {"table": {**upload, "format": "csv"}, "segments": SEGMENTS, "roles": {}}
    peer.start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    payload = peer.payload
    assert payload is not None
    assert payload["row_count"] == 500
    assert {one["name"]: one["type"] for one in payload["columns"]} == {
        "age": "INTEGER",
        "income": "NUMBER",
        "colour": "STRING",
        "member": "BOOLEAN",
        "held": "STRING",
        "band": "STRING",
        "amount": "NUMBER",
    }
    income = next(one for one in payload["columns"] if one["name"] == "income")
    known = np.asarray(table["income"].drop_null().to_numpy())
    assert income["missing"] == table["income"].null_count
    assert income["mean"] == pytest.approx(known.mean())
    assert income["std"] == pytest.approx(known.std(ddof=1))
    assert income["quantiles"]["0.5"] == pytest.approx(np.median(known))
    assert sum(income["histogram"]["counts"]) == len(known)
    assert income["distinct"] == len(set(known.tolist()))
    colour = next(one for one in payload["columns"] if one["name"] == "colour")
    assert colour["top"][0][0] == "red"
    age, member, broken = payload["segments"]
    ages = np.asarray(table["age"])
    assert {one["label"]: one["n"] for one in age["groups"]} == {
        "under 30": int((ages < 30).sum()),
        "30 to 49": int(((ages >= 30) & (ages < 50)).sum()),
        "50 and over": int((ages >= 50).sum()),
    }
    assert {one["label"] for one in member["groups"]} == {"Member", "not Member"}
    assert broken["error"]
    assert len(payload["sample"]["rows"]) == 100
    written = pq.read_table(io.BytesIO(peer.outputs["table.parquet"]))
    assert written["__row__"].to_pylist() == list(range(500))
    assert written["income"].null_count == table["income"].null_count
    assert written["member"].to_pylist() == table["member"].to_pylist()


def test_a_bad_file_ends_with_its_reason_and_line(tmp_path: Path) -> None:
    peer = Peer("profile", {})
    peer.spec = {"table": {**peer.add(b"a,b\n1,2\n3,4,5\n"), "format": "csv"}, "segments": [], "roles": {}}
    peer.start()

    status, _ = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT
    assert peer.outputs == {}
    assert peer.payload == {
        "error": {
            "code": "RAGGED_ROW",
            "message": "Line 3 has 3 fields, the header has 2.",
            "line": 3,
            "column": 3,
        }
    }


BAD: list[tuple[str, bytes, str, int | None, int | None]] = [
    ("csv", b"", "EMPTY_FILE", None, None),
    ("csv", b"a,b\n", "NO_ROWS", 2, None),
    ("csv", b"a,b", "NO_ROWS", 2, None),
    ("csv", b"a,,c\n1,2,3\n", "EMPTY_HEADER", 1, 2),
    ("csv", b"a,b,a\n1,2,3\n", "DUPLICATE_HEADER", 1, 3),
    ("csv", b"a,b\n1,2\n3\n", "RAGGED_ROW", 3, 2),
    ("csv", b'a,b\n"x\ny",2\n3,4,5\n', "RAGGED_ROW", None, 3),
    ("csv", b"a,b\n1,x\x00y\n", "NUL_BYTE", 2, 4),
    ("csv", "a,b\n1,2\n3,caf\xe9\n".encode("latin-1"), "ENCODING", 3, 6),
    ("csv", "a,b\n1,2\n".encode("utf-16"), "ENCODING", 1, 1),
    ("csv", b"a,b\n1,\xc3", "ENCODING", 2, 3),
    ("csv", b"PAR1 and so on", "WRONG_FORMAT", 1, 1),
    ("csv", b"PK\x03\x04xlsx", "WRONG_FORMAT", 1, 1),
    ("csv", b"\x1f\x8bgz", "WRONG_FORMAT", 1, 1),
    ("csv", b"a\tb\n1\t2\n", "WRONG_FORMAT", 1, 2),
    ("csv", b"a;b\n1;2\n", "WRONG_FORMAT", 1, 2),
    ("tsv", b"a,b\n1,2\n", "WRONG_FORMAT", 1, 2),
    ("parquet", b"a,b\n1,2\n", "WRONG_FORMAT", 1, 1),
    ("parquet", b"PAR1 not really", "BAD_PARQUET", None, None),
    ("xlsx", b"a,b\n1,2\n", "WRONG_FORMAT", None, None),
    ("csv", (",".join(f"c{i}" for i in range(10_000)) + "\n1\n").encode(), "TOO_MANY_COLUMNS", 1, 2001),
    ("csv", b"__row__,b\n1,2\n", "BAD_HEADER", 1, 1),
    ("csv", b'a,b\n"1,2\n3,4\n', "RAGGED_ROW", None, 2),
]


@pytest.mark.parametrize(("format_", "data", "code", "line", "column"), BAD)
def test_uploads_that_cannot_be_taken(
    format_: str, data: bytes, code: str, line: int | None, column: int | None, tmp_path: Path
) -> None:
    source, target = tmp_path / "upload", tmp_path / "table.parquet"
    source.write_bytes(data)

    with pytest.raises(BadInput) as caught:
        canonical_write(source, format_, target)

    assert (caught.value.code, caught.value.column) == (code, column)
    if line is not None:
        assert caught.value.line == line
    assert caught.value.message.endswith((".", "..."))


def _types(tmp_path: Path, data: bytes, format_: str = "csv") -> tuple[dict[str, str], pa.Table]:
    source, target = tmp_path / "upload", tmp_path / "table.parquet"
    source.write_bytes(data)
    return canonical_write(source, format_, target).types, pq.read_table(target)


def test_types_hold_for_every_row_and_codes_stay_text(tmp_path: Path) -> None:
    data = (
        "\ufeff zip ,n,f,b,d,t,z,big,s,empty\n"
        "01234, 1,1.5,true,2024-02-29,2024-01-01 10:00:00,2024-01-01T10:00:00+02:00,12345678901234567890,x,\n"
        "99999,+2,2,FALSE,2024-03-01,2024-01-01T11:00,2024-01-01T10:00:00Z,1,NA,NA\n"
    ).encode()

    types, table = _types(tmp_path, data)

    assert types == {
        "zip": "STRING",
        "n": "INTEGER",
        "f": "NUMBER",
        "b": "BOOLEAN",
        "d": "DATE",
        "t": "DATETIME",
        "z": "DATETIME",
        "big": "STRING",
        "s": "STRING",
        "empty": "STRING",
    }
    assert table["zip"].to_pylist() == ["01234", "99999"]
    assert table["n"].to_pylist() == [1, 2]
    assert table["s"].to_pylist() == ["x", None]
    assert [value.hour for value in table["z"].to_pylist()] == [8, 10]
    assert table["d"].to_pylist()[0].isoformat() == "2024-02-29"


def test_a_late_word_makes_a_number_column_text(tmp_path: Path) -> None:
    rows = "\n".join(str(i) for i in range(300_000))

    types, table = _types(tmp_path, f"n\n{rows}\nlots\n".encode())

    assert types == {"n": "STRING"}
    assert table.num_rows == 300_001
    assert table["n"].to_pylist()[-1] == "lots"


def test_quoted_fields_may_hold_delimiters_and_line_breaks(tmp_path: Path) -> None:
    _, table = _types(tmp_path, b'a\tb\n"x\ty"\t"line\nbreak"\n"say ""hi"""\tz\n', "tsv")

    assert table["a"].to_pylist() == ["x\ty", 'say "hi"']
    assert table["b"].to_pylist() == ["line\nbreak", "z"]


def test_parquet_is_taken_with_its_own_types_and_nested_columns_are_refused(tmp_path: Path) -> None:
    plain = pa.table(
        {
            "i": pa.array([1, None], pa.int8()),
            "f": pa.array([float("nan"), 1.5], pa.float32()),
            "c": pa.array(["x", "y"]).dictionary_encode(),
            "t": pa.array([0, 1], pa.timestamp("ns", "Europe/Berlin")),
        }
    )

    types, table = _types(tmp_path, parquet(plain), "parquet")

    assert types == {"i": "INTEGER", "f": "NUMBER", "c": "STRING", "t": "DATETIME"}
    assert table["f"].to_pylist() == [None, 1.5]
    with pytest.raises(BadInput, match="Column 1") as caught:
        _types(tmp_path, parquet(pa.table({"l": pa.array([[1]])})), "parquet")
    assert caught.value.code == "COLUMN_TYPE"


def test_column_facts_beyond_exact_counting(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).permutation(120_000)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": numbers}), path)

    facts: dict[str, Any] = column_facts(path, "x", "INTEGER", 120_000)

    assert facts["distinct_exact"] is False
    assert facts["distinct"] == pytest.approx(120_000, rel=0.06)
    assert facts["top"] == []
    assert facts["quantiles"]["0.25"] == pytest.approx(29_999.75)
    assert sum(facts["histogram"]["counts"]) == 120_000
    assert (facts["min"], facts["max"]) == (0, 119_999)


def test_segments_are_counted_again_on_the_canonical_table_with_outcomes_and_crossings(tmp_path: Path) -> None:
    table = people(500)
    first = Peer("profile", {})
    upload = first.add(_csv(table))
    first.spec = {"table": {**upload, "format": "csv"}, "segments": [], "roles": {}}
    first.start()
    status, lines = job_run(tmp_path / "one", first)
    first.stop()
    assert status.succeeded, "\n".join(lines)
    peer = Peer("profile", {})
    canonical = peer.add(first.outputs["table.parquet"])
    peer.spec = {
        "purpose": "support",
        "table": {**canonical, "format": "parquet"},
        "segments": SEGMENTS,
        "target": "colour",
        "positive_label": "red",
    }
    peer.start()

    status, lines = job_run(tmp_path / "two", peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    age, member, broken = peer.payload["segments"]
    reds = sum(one == "red" for one in table["colour"].to_pylist())
    known = len(table["colour"].drop_null())
    for segment in (age, member):
        assert sum(group["n"] for group in segment["groups"]) == 500
        assert sum(group["positives"] for group in segment["groups"]) == reds
        assert sum(group["negatives"] for group in segment["groups"]) == known - reds
    assert broken["error"]
    (crossing,) = peer.payload["crossings"]
    assert crossing["ids"] == [age["id"], member["id"]]
    assert sum(group["n"] for group in crossing["groups"]) == 500
    ages, members = table["age"].to_pylist(), table["member"].to_pylist()
    young = sum(a < 30 and m is True for a, m in zip(ages, members, strict=True))
    assert {tuple(g["labels"]): g["n"] for g in crossing["groups"]}[("under 30", "Member")] == young


def test_a_parquet_file_that_unpacks_to_far_more_than_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical, "UNPACKED_FREE", 1024 * 1024)
    bomb = parquet(pa.table({"text": ["x" * 1000] * 200_000}))
    assert len(bomb) * canonical.UNPACKED_TIMES < 200_000_000

    with pytest.raises(BadInput) as error:
        _types(tmp_path, bomb, "parquet")

    assert error.value.code == "BOMB"
    assert "times its own size" in str(error.value)
    assert _types(tmp_path, parquet(pa.table({"text": ["x" * 1000] * 900})), "parquet")[0] == {"text": "STRING"}
