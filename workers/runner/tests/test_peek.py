from __future__ import annotations

import json
import subprocess

import pyarrow as pa
import pyarrow.parquet as parquet

from workers.contracts.tables import CELL, COLUMNS, ROWS, peek_command


def peek(path):
    arguments, environment, directory = peek_command()
    with path.open("rb") as source:
        return subprocess.run(arguments, env=environment, cwd=directory, stdin=source, capture_output=True, timeout=60)


def test_the_head_of_a_table_as_text(tmp_path):
    table = pa.table({"id": list(range(1000)), "text": ["x" * 500, *[None] * 999], "list": [[1, 2]] * 1000})
    parquet.write_table(table, tmp_path / "a.parquet")

    head = json.loads(peek(tmp_path / "a.parquet").stdout)

    assert head["columns"] == [["id", "int64"], ["text", "string"], ["list", "list<element: int64>"]]
    assert (head["count"], head["width"], len(head["rows"])) == (1000, 3, ROWS)
    assert head["rows"][0] == ["0", "x" * CELL, "[1, 2]"]
    assert head["rows"][1][1] is None


def test_wide_tables_and_empty_ones(tmp_path):
    parquet.write_table(pa.table({f"c{n}": [n] for n in range(COLUMNS + 5)}), tmp_path / "wide.parquet")
    parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "empty.parquet")

    wide = json.loads(peek(tmp_path / "wide.parquet").stdout)
    empty = json.loads(peek(tmp_path / "empty.parquet").stdout)

    assert (len(wide["columns"]), len(wide["rows"][0]), wide["width"]) == (COLUMNS, COLUMNS, COLUMNS + 5)
    assert (empty["columns"], empty["rows"], empty["count"]) == ([["a", "int64"]], [], 0)


def test_what_is_no_table_ends_with_a_reason_and_no_output(tmp_path):
    (tmp_path / "junk.parquet").write_bytes(b"PAR1" + b"\x00" * 100 + b"PAR1")

    done = peek(tmp_path / "junk.parquet")

    assert done.returncode == 3
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
