"""What may stand at the cursor of a filter that is being written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.core.errors import Invalid
from apps.core.filter_language.tokens import WORDS, Kind, Token, tokens_of
from apps.core.filter_language.tree import Field, Operator, ValueType
from apps.core.filter_language.vocabulary import Vocabulary

_QUOTED = re.compile(r"""'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)""")
_PLAIN = re.compile(r"[^\W\d]\w*(?:\.\w[\w/:\-]*)+")
_APART = " \t\r\n(),"
_SIGNS = "<>=!"


class Expected(StrEnum):
    """What comes next."""

    FIELD = "field"
    OPERATOR = "operator"
    VALUE = "value"
    LIST = "list"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Gap:
    """The word at the cursor: what is expected there, what of it is written, and from which character on.

    `field` is what is compared where an operator or a value is expected.
    """

    expected: Expected
    written: str
    start: int
    field: Field | None = None

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The comparisons that fit the field."""
        if self.field is not None and self.field.type is ValueType.TEXT:
            left_out = {Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL}
        else:
            left_out = {Operator.LIKE, Operator.ILIKE, Operator.IN, Operator.NOT_IN}
        return tuple(operator for operator in Operator if operator not in left_out)


def expected_at(text: str, at: int, vocabulary: Vocabulary) -> Gap | None:
    """What may stand where the cursor is, after `at` characters; None where what comes before cannot be read."""
    head = text[: max(at, 0)]
    start = _word_start(head)
    try:
        before = tokens_of(head[:start], "filter")[:-1]
        expected, field = _after(before, vocabulary)
    except (Invalid, KeyError):
        return None
    while expected is Expected.OPERATOR and before[-1].kind is Kind.WORD:
        # IS NOT NULL and NOT IN are operators of several words.
        start = before.pop().position - 1
    return Gap(expected, head[start:], start, field)


def name_written(prefix: str, key: str) -> str:
    """The field as the language takes it: params.depth, params.`learning rate`."""
    plain = f"{prefix}.{key}"
    if _PLAIN.fullmatch(plain):
        return plain
    quote = '"' if "`" in key else "`"
    return f"{prefix}.{quote}{key}{quote}"


def _word_start(head: str) -> int:
    """Where the word begins that ends at the cursor."""
    place = start = 0
    while place < len(head):
        quoted = _QUOTED.match(head, place)
        sign = head[place]
        if quoted:
            place = quoted.end()
        else:
            place += 1
            # An operator is a word of its own although nothing stands between.
            turns = place < len(head) and (head[place] in _SIGNS) != (sign in _SIGNS)
            if sign in _APART or turns:
                start = place
    return start


def _after(tokens: Sequence[Token], vocabulary: Vocabulary) -> tuple[Expected, Field | None]:
    """What follows these tokens. Raises KeyError for a field that does not exist."""
    named = [number for number, token in enumerate(tokens) if token.kind is Kind.NAME]
    field = vocabulary.field(tokens[named[-1]].parts) if named else None
    last = tokens[-1] if tokens else None
    word = last.text.upper() if last and last.kind is Kind.WORD else ""
    listed = any(token.text.upper() == "IN" for token in tokens[named[-1] + 1 :]) if named else False
    if last is None or word in ("AND", "OR") or (last.text == "(" and not listed):
        return Expected.FIELD, None
    if last.kind is Kind.NAME or word in ("NOT", "IS"):
        return Expected.OPERATOR, field
    if word == "IN":
        return Expected.LIST, field
    if last.kind is Kind.OPERATOR or word in WORDS - {"NULL"} or last.text in ("(", ","):
        return Expected.VALUE, field
    return Expected.JOIN, field
