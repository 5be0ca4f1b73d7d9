"""MLflow's filter and order language: what is read, and where what cannot be read is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import Invalid
from apps.core.filter_language import (
    CLAUSES,
    LENGTH,
    All,
    Any,
    Clause,
    Expected,
    Field,
    Node,
    Order,
    Unreadable,
    ValueType,
    Vocabulary,
    expected_at,
    name_written,
    parse_filter,
    parse_orders,
)

NUMBER, TEXT = ValueType.NUMBER, ValueType.TEXT
RUNS = Vocabulary(
    attributes={"name": ("name", TEXT), "run_id": ("run_id", TEXT), "start_time": ("start_time", NUMBER)},
    maps={"metrics": ("metrics", NUMBER), "metric": ("metrics", NUMBER), "params": ("params", TEXT)}
    | {"tags": ("tags", TEXT)},
    records={"dataset": ("datasets", {"name", "digest"})},
    ordered=("attributes", "metrics", "params", "tags"),
)


def clause(text: str) -> Clause:
    node = parse_filter(text, RUNS)
    assert isinstance(node, Clause)
    return node


def refused(text: str) -> str:
    with pytest.raises(Invalid) as error:
        parse_filter(text, RUNS)
    assert "filter" in error.value.fields
    return error.value.detail


@pytest.mark.parametrize(
    ("text", "kind", "key", "operator", "value"),
    [
        ("metrics.loss > 0.5", "metrics", "loss", ">", 0.5),
        ("metrics.loss>=-1e-3", "metrics", "loss", ">=", -0.001),
        ("metric.loss < .5", "metrics", "loss", "<", 0.5),
        ("metrics.`val loss` <= 1.", "metrics", "val loss", "<=", 1.0),
        ('metrics."val loss" != 2', "metrics", "val loss", "!=", 2),
        ("metrics.val/f1-score:macro = 2", "metrics", "val/f1-score:macro", "=", 2),
        ("metrics.1st = 2", "metrics", "1st", "=", 2),
        ("params.depth = '4'", "params", "depth", "=", "4"),
        ('params.depth = "4"', "params", "depth", "=", "4"),
        ("params.said != 'it''s'", "params", "said", "!=", "it's"),
        ('params.said = "it\'s"', "params", "said", "=", "it's"),
        ("params.empty = ''", "params", "empty", "=", ""),
        ("params.path = 'C:\\dir\\'", "params", "path", "=", "C:\\dir\\"),
        ("tags.mlflow.user = 'ann'", "tags", "mlflow.user", "=", "ann"),
        ("tags.`mlflow.source.name` LIKE 'a%'", "tags", "mlflow.source.name", "LIKE", "a%"),
        ("tags.ключ ilike '%ß%'", "tags", "ключ", "ILIKE", "%ß%"),
        ("`params`.`AND` = 'OR'", "params", "AND", "=", "OR"),
        ("name = 'x'", "attributes", "name", "=", "x"),
        ("`name` = 'x'", "attributes", "name", "=", "x"),
        ("attr.start_time > 1664067852747", "attributes", "start_time", ">", 1664067852747),
        ("attributes.run_id In ('a', \"b\",)", "attributes", "run_id", "IN", ("a", "b")),
        ("dataset.name NOT  in ('a')", "datasets", "name", "NOT IN", ("a",)),
        ("tags.a is null", "tags", "a", "IS NULL", None),
        ("\n params.a\tIS NOT NULL ", "params", "a", "IS NOT NULL", None),
    ],
)
def test_a_comparison_is_read(text: str, kind: str, key: str, operator: str, value: object):
    found = clause(text)

    assert (found.field.kind, found.field.key, found.operator, found.value) == (kind, key, operator, value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_a_filter_may_say_nothing(text: str):
    assert parse_filter(text, RUNS) is None


def test_and_binds_more_than_or_and_parentheses_more_than_both():
    a, b, c = (clause(f"params.{key} = '1'") for key in "abc")

    assert parse_filter("params.a = '1' and params.b = '1' AND params.c = '1'", RUNS) == All((a, b, c))
    assert parse_filter("params.a = '1' OR params.b = '1' AND params.c = '1'", RUNS) == Any((a, All((b, c))))
    assert parse_filter("(params.a = '1' OR params.b = '1') AND params.c = '1'", RUNS) == All((Any((a, b)), c))
    assert parse_filter("((params.a = '1'))", RUNS) == a


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("metrics.loss", 13, "expected a comparison"),
        ("metrics.loss >", 15, "expected a number for 'loss', the text ends"),
        ("metrics.loss > 'a'", 16, "expected a number"),
        ("metrics.loss > NaN", 16, "expected a number"),
        ("metrics.loss > 1e999", 16, "a number that a computer can hold"),
        ("metrics.loss > 5x", 16, "'5' does not belong here"),
        ("metrics.loss LIKE 'a'", 14, "LIKE does not fit metrics 'loss'"),
        ("metrics.loss == 1", 14, "there is no comparison '=='"),
        ("metrics.loss <> 1", 14, "there is no comparison '<>'"),
        ("params.a > '1'", 10, "> does not fit params 'a'"),
        ("params.a = 1", 12, "expected a quoted text for 'a'"),
        ("params.a = b", 12, "expected a quoted text"),
        ("params.a = `b`", 12, "expected a quoted text"),
        ("params.a = 'b", 12, "the quote ' is not closed"),
        ("params.`a = 'b'", 7, "does not belong here"),
        ("params.a = 'b' params.c = 'd'", 16, "expected AND, OR or the end"),
        ("params.a = 'b' AND", 19, "expected the name of a field"),
        ("params.a = 'b' AND AND params.a = 'b'", 20, "expected the name of a field"),
        ("params.a = 'b';", 15, "';' does not belong here"),
        ("params.a = 'b' -- more", 16, "'-' does not belong here"),
        ("params.a = 'b' /* more */", 16, "'/' does not belong here"),
        ("params.a = 'b' UNION SELECT 1", 16, "expected AND, OR or the end"),
        ("(params.a = 'b'", 16, "expected a closing parenthesis"),
        ("params.a = 'b')", 15, "expected AND, OR or the end"),
        ("NOT params.a = 'b'", 1, "expected the name of a field"),
        ("params.a NOT LIKE 'b'", 14, "expected IN after NOT"),
        ("params.a IS 'b'", 13, "expected NULL or NOT NULL"),
        ("params.a IN 'b'", 13, "expected a list"),
        ("params.a IN ()", 14, "expected a quoted text in the list"),
        ("params.a IN ('b' 'c')", 18, "expected a comma"),
        ("params.a IN (1)", 14, "expected a quoted text in the list"),
        ("metrics.a IN ('b')", 11, "IN does not fit metrics"),
        ("'a' = 'a'", 1, "expected the name of a field"),
        ("1 = 1", 1, "expected the name of a field"),
        ("true", 1, "there is no attribute 'true'"),
        ("password = 'x'", 1, "there is no attribute 'password'; there are name, run_id, start_time"),
        ("team.name = 'x'", 1, "'team' is none of attributes, datasets, metrics, params, tags"),
        ("dataset.sha = 'x'", 1, "'dataset' has no 'sha'; it has digest, name"),
        ("params. a = 'x'", 7, "'.' does not belong here"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(text: str, position: int, words: str):
    said = refused(text)

    assert f"character {position}:" in said
    assert words in said


def test_quoted_text_is_a_value_whatever_it_holds():
    for attack in ("'; DROP TABLE experiments_run; --", "%' OR '1'='1", "\\' OR 1=1", "$(id)", "{{7*7}}", "‮", "😀"):
        quoted = attack.replace("'", "''")
        assert clause(f"params.a = '{quoted}'").value == attack
        assert clause(f"tags.`{attack}` = 'x'").field.key == attack


def test_size_and_depth_have_limits():
    many = " AND ".join(["metrics.a > 1"] * (CLAUSES + 1))

    assert f"at most {CLAUSES} comparisons" in refused(many)
    assert f"At most {LENGTH:,}" in refused("params.a = '" + "x" * LENGTH + "'")
    assert "deep" in refused("(" * 50_000)
    assert "deep" in refused("(" * 11 + "params.a = '1'" + ")" * 11)
    assert "at most 2,000 texts" in refused("params.a IN (" + ",".join(["'x'"] * 2001) + ")")
    assert "cannot be stored" in refused("params.a = '\x00'")
    assert "cannot be stored" in refused("params.a = '\ud800'")


@given(st.text(alphabet="metricsparams.`'\"()<>=!,0123456789 ANDORINLIKE\\%-é\x00\ud800", max_size=60) | st.text())
def test_any_text_is_read_or_refused(text: str):
    try:
        node: Node | None = parse_filter(text, RUNS)
    except Invalid:
        return

    assert node is None or isinstance(node, Clause | All | Any)


@pytest.mark.parametrize(
    ("text", "kind", "key", "descending"),
    [
        ("metrics.loss", "metrics", "loss", False),
        ("metrics.loss ASC", "metrics", "loss", False),
        ("metrics.`a b` desc", "metrics", "a b", True),
        ('params."a b" DESC', "params", "a b", True),
        ("start_time DESC", "attributes", "start_time", True),
        ("tags.mlflow.user", "tags", "mlflow.user", False),
    ],
)
def test_an_order_is_read(text: str, kind: str, key: str, descending: bool):
    (found,) = parse_orders([text], RUNS)

    assert found == Order(Field(kind, key, found.field.type), descending)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([""], "expected the name of a field"),
        (["metrics.a b"], "expected ASC, DESC or the end"),
        (["metrics.a DESC NULLS LAST"], "expected ASC, DESC or the end"),
        (["metrics.a; DROP TABLE x"], "does not belong here"),
        (["(SELECT 1)"], "expected the name of a field"),
        (["dataset.name"], "nothing can be sorted by datasets"),
        (["x" * 2000], "At most 1,000 characters"),
        (["metrics.a", "metric.a DESC"], "duplicate fields"),
        ([f"metrics.m{n}" for n in range(11)], "at most 10 fields"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(texts: list[str], words: str):
    with pytest.raises(Invalid) as error:
        parse_orders(texts, RUNS)

    assert words in error.value.detail


def test_a_refusal_says_at_which_character_it_stands():
    with pytest.raises(Unreadable) as error:
        parse_filter("metrics.loss >> 1", RUNS)

    assert error.value.position == 14
    assert error.value.detail.startswith("Invalid filter, character 14: ")


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("", Expected.FIELD, ""),
        ("met", Expected.FIELD, "met"),
        ("metrics.", Expected.FIELD, "metrics."),
        ("params.`learning ra", Expected.FIELD, "params.`learning ra"),
        ("(", Expected.FIELD, ""),
        ("metrics.loss > 1 AND (par", Expected.FIELD, "par"),
        ("metrics.loss ", Expected.OPERATOR, ""),
        ("metrics.loss >", Expected.OPERATOR, ">"),
        ("params.depth IS NO", Expected.OPERATOR, "IS NO"),
        ("params.depth NOT ", Expected.OPERATOR, "NOT "),
        ("metrics.loss>0.8", Expected.VALUE, "0.8"),
        ("params.depth = 'a b", Expected.VALUE, "'a b"),
        ("params.depth IN ", Expected.LIST, ""),
        ("params.depth IN ('a', ", Expected.VALUE, ""),
        ("params.depth IN ('a') ", Expected.JOIN, ""),
        ("(metrics.loss > 1) an", Expected.JOIN, "an"),
        ("params.depth IS NULL ", Expected.JOIN, ""),
    ],
)
def test_what_may_stand_at_the_cursor(text: str, expected: Expected, written: str):
    gap = expected_at(text + " metrics.later > 1", len(text), RUNS)

    assert gap is not None
    assert (gap.expected, gap.written, text[gap.start :]) == (expected, written, written)


def test_operators_at_the_cursor_fit_the_field():
    number, text = expected_at("metrics.loss ", 13, RUNS), expected_at("params.depth ", 13, RUNS)

    assert ">" in number.operators
    assert "LIKE" not in number.operators
    assert "LIKE" in text.operators
    assert ">" not in text.operators


def test_nothing_is_known_after_what_cannot_be_read():
    assert expected_at("nonsense.x = ", 13, RUNS) is None
    assert expected_at("metrics.loss => ", 16, RUNS) is None


@given(st.text(max_size=40), st.integers(-5, 60))
def test_any_cursor_is_answered(text: str, at: int):
    gap = expected_at(text, at, RUNS)

    assert gap is None or 0 <= gap.start <= len(text)


@pytest.mark.parametrize("key", ["loss", "val/f1-score:macro", "1st", "a.b", "learning rate", "a`b", "50 %", "größe"])
def test_a_written_name_reads_as_its_key(key: str):
    assert clause(f"{name_written('params', key)} = 'x'").field.key == key
