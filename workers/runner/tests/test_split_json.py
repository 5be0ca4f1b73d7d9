"""Tables as MLflow's client logs them: read in the child, and refused with a sentence when they are none."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workers.runner.errors import BadInput
from workers.runner.tables import canonical_write


def _write(root: Path, content: object) -> Path:
    path = root / "eval_results_table.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_table_is_read_with_the_types_of_its_values(tmp_path: Path) -> None:
    held = {
        "columns": ["age", "score", "held", "note", "said"],
        "data": [[31, 0.25, True, "a, b", {"k": [1]}], [None, 1.0, False, None, "x"], [40, 1e-7, True, "ü\u0000", [2]]],
    }

    facts = canonical_write(_write(tmp_path, held), "json", tmp_path / "table.parquet")

    table = pq.read_table(tmp_path / "table.parquet")
    assert facts.types == {
        "age": "INTEGER", "score": "NUMBER", "held": "BOOLEAN", "note": "STRING", "said": "STRING"
    }  # fmt: skip
    assert table["age"].to_pylist() == [31, None, 40]
    assert table["score"].to_pylist() == [0.25, 1.0, 1e-7]
    assert table["held"].to_pylist() == [True, False, True]
    assert table["said"].to_pylist() == ['{"k": [1]}', "x", "[2]"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "The file is no JSON"),
        ("[" * 100_000, "The file"),
        ([1, 2], "no table of an MLflow evaluation"),
        ({"columns": "ab", "data": []}, "no table of an MLflow evaluation"),
        ({"columns": ["a"], "data": {"a": 1}}, "no table of an MLflow evaluation"),
        ({"columns": ["a"], "data": [1]}, "no table of an MLflow evaluation"),
        ({"columns": ["a"], "data": []}, "no row"),
        ({"columns": ["a", "b"], "data": [[1, 2], [3]]}, "Row 2 has 1 values, the table 2 columns"),
        ({"columns": ["a", "a"], "data": [[1, 2]]}, "a"),
    ],
)
def test_what_is_no_such_table_is_refused(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        canonical_write(_write(tmp_path, content), "json", tmp_path / "table.parquet")


def test_numbers_that_no_table_can_hold_are_text(tmp_path: Path) -> None:
    path = _write(tmp_path, '{"columns": ["a"], "data": [[NaN], [Infinity], [' + "9" * 400 + "]]}")

    facts = canonical_write(path, "json", tmp_path / "table.parquet")

    assert facts.rows == 3
