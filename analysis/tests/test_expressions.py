"""The expression language: what it reads, what it refuses and where it points."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.columns import expression_evaluate
from analysis.contracts.expressions import MAX_DEPTH, MAX_LENGTH, ExpressionError, columns, parse, validate

SCHEMA = {
    "age": "INTEGER",
    "hours per week": "NUMBER",
    "arrested": "DATE",
    "colour": "STRING",
    "employed": "BOOLEAN",
    "in": "INTEGER",
    "blob": "BYTES",
}


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("age", "INTEGER", ("age",)),
        ("`hours per week` / 2", "NUMBER", ("hours per week",)),
        ("age * 2 - 1", "INTEGER", ("age",)),
        ("age >= 35 and colour = 'White'", "BOOLEAN", ("age", "colour")),
        ("age between 18 and 25 or not employed", "BOOLEAN", ("age", "employed")),
        ("colour NOT IN ['a', \"b\"]", "BOOLEAN", ("colour",)),
        ("colour is not null", "BOOLEAN", ("colour",)),
        ("lower(trim(colour)) == 'x'", "BOOLEAN", ("colour",)),
        ("year(arrested) > 2000 and arrested < '2001-06-01'", "BOOLEAN", ("arrested",)),
        ("`in` <> 3", "BOOLEAN", ("in",)),
        ("-age < -(3 + 4)", "BOOLEAN", ("age",)),
        ("colour = 'it''s'", "BOOLEAN", ("colour",)),
    ],
)
def test_validate_gives_type_and_columns(text: str, kind: str, names: tuple[str, ...]) -> None:
    checked = validate(text, SCHEMA)

    assert checked.type == kind
    assert checked.columns == names == columns(parse(text))


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("", 1, "empty"),
        ("age >", 6, "ends here"),
        ("agee > 1", 1, "did you mean age"),
        ("1 < age < 2", 9, "chained"),
        ("colour = 3", 10, "text is compared with a number"),
        ("age = null", 7, "is null"),
        ("foo(age)", 1, "no function foo"),
        ("__import__('os')", 1, "no function __import__"),
        ("age.real", 4, "means nothing"),
        ("colour = 'abc", 10, "never closed"),
        ("`age", 1, "never closed"),
        ("age and employed", 1, "compare it with something"),
        ("employed > true", 12, "does not work on true or false"),
        ("arrested > 'soon'", 12, "not a date"),
        ("colour in []", 11, "empty"),
        ("colour in [age]", 12, "numbers, texts, true or false only"),
        ("colour in 'a'", 11, "Expected a list"),
        ("age not 3", 9, "in or between"),
        ("2age > 1", 1, "back ticks"),
        ("age & employed", 5, "write and"),
        ("blob = 1", 1, "BYTES"),
        ("length(age) > 1", 8, "needs text"),
        ("colour + 1 > 2", 1, "needs numbers"),
        ("(age > 1", 9, "to close the bracket"),
        ("age > 1)", 8, "Expected the end"),
        ("age > 99999999999999999999", 7, "18 digits"),
    ],
)
def test_a_fault_is_told_with_its_column(text: str, column: int, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        validate(text, SCHEMA)

    assert caught.value.column == column
    assert part in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "age" + ")" * 5000,
        "(" * (MAX_DEPTH + 1) + "age" + ")" * (MAX_DEPTH + 1),
        "-" * (MAX_DEPTH + 1) + "age",
        "not " * (MAX_DEPTH + 1) + "employed",
        "age + " * 300 + "1",
        "age" * MAX_LENGTH,
        "age in [" + ",".join(["1"] * 600) + "]",
        "lower(" * (MAX_DEPTH + 1) + "colour" + ")" * (MAX_DEPTH + 1),
        "age = 1\x00",
    ],
)
def test_limits_hold(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@given(st.text(alphabet="ageclou`'\"()[]<>=!+-*/., \n0123456789andornotinbetweenisnull", max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    found: ExpressionError | None = None
    try:
        validate(text, SCHEMA)
    except ExpressionError as error:
        found = error

    assert found is None or (found.message and 1 <= found.column <= len(text) + 1)


TABLE = pa.table(
    {
        "age": pa.array([20, None, 30, 40], pa.int16()),
        "hours per week": [1.0, float("nan"), 0.0, None],
        "colour": pa.array(["b", "a", None, "b"]).dictionary_encode(),
        "employed": [True, None, False, True],
        "arrested": pa.array(["2024-01-01", None, "2024-05-01", "2023-01-01"]).cast(pa.date32()),
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age > 25", [False, None, True, True]),
        ("age in [20, 30]", [True, None, True, False]),
        ("age not in [20.0]", [False, None, True, True]),
        ("not colour = 'a'", [True, False, None, True]),
        ("`hours per week` is null", [False, True, False, True]),
        ("age / `hours per week` > 0", [True, None, None, None]),
        ("employed or age > 35", [True, None, False, True]),
        ("employed and age > 35", [False, None, False, True]),
        ("arrested >= '2024-01-01'", [True, None, True, False]),
        ("'2024-01-01' <= arrested", [True, None, True, False]),
        ("arrested in ['2023-01-01']", [False, None, False, True]),
        ("age not between 25 and 35", [True, None, False, True]),
        ("month(arrested)", [1, None, 5, 1]),
        ("length(upper(colour))", [1, 1, None, 1]),
        ("abs(0 - age)", [20.0, None, 30.0, 40.0]),
        ("1 < 2 or age > 3", [True, True, True, True]),
    ],
)
def test_expressions_on_a_table_keep_missing_values(text: str, expected: list[object]) -> None:
    _, value = expression_evaluate(text, TABLE)

    assert value.to_pylist() == expected
