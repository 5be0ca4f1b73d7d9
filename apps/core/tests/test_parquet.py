"""Tables as Parquet, written by a process of its own and read again."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from apps.core.errors import Unavailable
from apps.core.parquet import Kind, ParquetColumn, parquet_stream

COLUMNS = [ParquetColumn("Run", Kind.TEXT), ParquetColumn("größe %", Kind.NUMBER), ParquetColumn("Begun", Kind.MOMENT)]


def read(columns, groups):
    return pq.read_table(io.BytesIO(b"".join(parquet_stream(columns, groups))))


def test_values_of_all_kinds_come_back_and_what_is_missing_stays_missing():
    begun = datetime(2026, 11, 3, 12, 0, 0, 5000, tzinfo=UTC)
    rows = [["a", 0.1, begun], ["", None, None], ["\u4e2d\U0001f600", float("inf"), "no moment"], [7, "x", begun]]

    table = read(COLUMNS, [rows[:1], rows[1:]])

    assert table.column_names == ["Run", "größe %", "Begun"]
    assert table["Run"].to_pylist() == ["a", None, "\u4e2d\U0001f600", "7"]
    assert table["größe %"].to_pylist() == [0.1, None, float("inf"), None]
    assert table["Begun"].to_pylist() == [begun, None, None, begun]


@pytest.mark.parametrize("groups", [[], [[]]])
def test_no_row_is_a_file_too(groups):
    assert read(COLUMNS, groups).num_rows == 0


def test_many_columns_and_many_groups():
    columns = [ParquetColumn(f"c{n}", Kind.NUMBER) for n in range(40)]
    groups = [[[row * n for n in range(40)] for row in range(17)] for _ in range(20)]

    table = read(columns, groups)

    assert (table.num_rows, table.num_columns) == (340, 40)
    assert table["c39"].to_pylist()[:17] == [row * 39.0 for row in range(17)]


def test_odd_texts_and_numbers_come_back():
    columns = [ParquetColumn("t", Kind.TEXT), ParquetColumn("n", Kind.NUMBER)]
    rows = [("\x00", 5e-324), ('a\nb"c', -0.0), ("\ud800", 1e308), ("\u2028", float("-inf")), ("{}", float("nan"))]

    table = read(columns, [rows])

    assert table["t"].to_pylist() == ["\x00", 'a\nb"c', "?", "\u2028", "{}"]
    assert [str(value) for value in table["n"].to_pylist()] == ["5e-324", "-0.0", "1e+308", "-inf", "nan"]


def test_rows_that_break_off_are_no_file():
    with pytest.raises(Unavailable):
        read(COLUMNS, [[["a", 1.0, None]], Broken()])


class Broken(list):
    """Rows that come from a database which went away."""

    def __iter__(self):
        raise Unavailable("The database is away.")
