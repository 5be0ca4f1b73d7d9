"""Filters and orders, read by descent.

    filter     = all { OR all }
    all        = term { AND term }
    term       = "(" filter ")" | comparison
    comparison = field operator value | field [NOT] IN "(" text { "," text } ")" | field IS [NOT] NULL
    order      = field [ ASC | DESC ]

MLflow joins comparisons by AND alone; OR and parentheses are Fairway's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from apps.core.errors import Invalid
from apps.core.filter_language.tokens import Kind, Token, Unreadable, tokens_of
from apps.core.filter_language.tree import All, Any, Clause, Field, Node, Operator, Order, Value, ValueType
from apps.core.filter_language.vocabulary import Vocabulary

LENGTH = 100_000
CLAUSES = 50
LISTED = 2_000
DEPTH = 10
ORDERS = 10
_ORDER_LENGTH = 1_000
_COMPARISONS = frozenset(
    {Operator.EQUAL, Operator.UNEQUAL, Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL}
)
# What a text can be compared by; a number knows the six comparisons.
_OF_TEXT = frozenset({Operator.EQUAL, Operator.UNEQUAL, Operator.LIKE, Operator.ILIKE})
_FITTING = {ValueType.TEXT: _OF_TEXT, ValueType.NUMBER: _COMPARISONS, ValueType.EITHER: _OF_TEXT | _COMPARISONS}


def parse_filter(text: str, vocabulary: Vocabulary, source: str = "filter") -> Node | None:
    """What a filter says, None when it says nothing. Raises Invalid with the character that cannot be read."""
    reader = _Reader(text, vocabulary, source, LENGTH)
    if reader.next.kind is Kind.END:
        return None
    node = reader.any_of(0)
    reader.end("AND, OR or the end")
    return node


def parse_orders(texts: Sequence[str], vocabulary: Vocabulary, source: str = "order_by") -> list[Order]:
    """Fields to sort by, the first one first. Raises Invalid, also for a field that comes twice."""
    if len(texts) > ORDERS:
        raise Invalid.field(source, f"Sort by at most {ORDERS} fields.")
    orders = [_order(text, vocabulary, source) for text in texts]
    if len({(order.field.kind, order.field.key) for order in orders}) < len(orders):
        raise Invalid.field(source, "`order_by` contains duplicate fields.")
    return orders


def _order(text: str, vocabulary: Vocabulary, source: str) -> Order:
    reader = _Reader(text, vocabulary, source, _ORDER_LENGTH)
    start = reader.next
    field = reader.field()
    if field.kind not in vocabulary.ordered:
        raise Unreadable(source, start.position, f"nothing can be sorted by {field.kind}")
    descending = reader.word("DESC")
    if not descending:
        reader.word("ASC")
    reader.end("ASC, DESC or the end")
    return Order(field, descending)


class _Reader:
    """One text and how far it was read."""

    def __init__(self, text: str, vocabulary: Vocabulary, source: str, limit: int) -> None:
        if len(text) > limit:
            raise Invalid.field(source, f"At most {limit:,} characters.")
        if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise Invalid.field(source, "The text holds a character that cannot be stored.")
        self.tokens = tokens_of(text, source)
        self.vocabulary = vocabulary
        self.source = source
        self.place = 0
        self.clauses = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += 1
        return token

    def refuse(self, expected: str, token: Token | None = None) -> Unreadable:
        token = token or self.next
        found = f"found {token.text[:60]}" if token.text else "the text ends"
        return Unreadable(self.source, token.position, f"expected {expected}, {found}")

    def word(self, word: str) -> bool:
        """Take the next token if it is that word."""
        found = self.next.kind is Kind.WORD and self.next.text.upper() == word
        self.place += found
        return found

    def mark(self, mark: str) -> bool:
        """Take the next token if it is that sign."""
        found = self.next.kind is Kind.MARK and self.next.text == mark
        self.place += found
        return found

    def end(self, expected: str) -> None:
        if self.next.kind is not Kind.END:
            raise self.refuse(expected)

    def any_of(self, depth: int) -> Node:
        parts = [self.all_of(depth)]
        while self.word("OR"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def all_of(self, depth: int) -> Node:
        parts = [self.term(depth)]
        while self.word("AND"):
            parts.append(self.term(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def term(self, depth: int) -> Node:
        opening = self.next
        if not self.mark("("):
            return self.comparison()
        if depth == DEPTH:
            raise Unreadable(self.source, opening.position, f"parentheses stand at most {DEPTH} deep")
        node = self.any_of(depth + 1)
        if not self.mark(")"):
            raise self.refuse("a closing parenthesis")
        return node

    def comparison(self) -> Clause:
        start = self.next
        field = self.field()
        self.clauses += 1
        if self.clauses > CLAUSES:
            raise Unreadable(self.source, start.position, f"a filter has at most {CLAUSES} comparisons")
        token = self.next
        operator = self.operator()
        if operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            return Clause(field, operator, None)
        if operator in (Operator.IN, Operator.NOT_IN):
            self.check(field, operator, token, field.type is not ValueType.NUMBER)
            return Clause(field, operator, self.listed())
        self.check(field, operator, token, operator in _FITTING[field.type])
        return Clause(field, operator, self.value(field, operator))

    def check(self, field: Field, operator: Operator, token: Token, fits: bool) -> None:
        if not fits:
            raise Unreadable(
                self.source,
                token.position,
                f"{operator} does not fit {field.kind} '{field.key[:60]}', which is compared with {field.type}",
            )

    def field(self) -> Field:
        token = self.next
        if token.kind is not Kind.NAME:
            raise self.refuse("the name of a field, such as metrics.loss")
        try:
            field = self.vocabulary.field(token.parts)
        except KeyError as error:
            raise Unreadable(self.source, token.position, error.args[0]) from None
        self.place += 1
        return field

    def operator(self) -> Operator:
        if self.next.kind is Kind.OPERATOR:
            return Operator(self.take().text)
        for word in ("LIKE", "ILIKE", "IN"):
            if self.word(word):
                return Operator(word)
        if self.word("NOT"):
            if self.word("IN"):
                return Operator.NOT_IN
            raise self.refuse("IN after NOT")
        if self.word("IS"):
            negated = self.word("NOT")
            if self.word("NULL"):
                return Operator.IS_NOT_NULL if negated else Operator.IS_NULL
            raise self.refuse("NULL or NOT NULL after IS")
        raise self.refuse("a comparison such as =, != or LIKE")

    def value(self, field: Field, operator: Operator) -> Value:
        token = self.next
        is_either = field.type is ValueType.EITHER and operator in _COMPARISONS
        if not is_either and field.type is not ValueType.NUMBER:
            return self.text(f"{ValueType.TEXT} for '{field.key[:60]}'")
        if is_either and token.kind is Kind.TEXT and operator in _OF_TEXT:
            return self.text("")
        if token.kind is not Kind.NUMBER:
            raise self.refuse(f"{ValueType.NUMBER} for '{field.key[:60]}'")
        number = float(token.text)
        if math.isinf(number) or len(token.text) > 100:
            raise self.refuse("a number that a computer can hold")
        self.place += 1
        return int(token.text) if token.text.lstrip("-").isdigit() else number

    def text(self, expected: str) -> str:
        if self.next.kind is not Kind.TEXT:
            raise self.refuse(expected)
        return self.take().parts[0]

    def listed(self) -> tuple[str, ...]:
        opening = self.next
        if not self.mark("("):
            raise self.refuse("a list such as ('a', 'b')")
        texts = [self.text("a quoted text in the list")]
        while self.mark(","):
            if self.next.text == ")":
                break
            texts.append(self.text("a quoted text in the list"))
        if not self.mark(")"):
            raise self.refuse("a comma or a closing parenthesis")
        if len(texts) > LISTED:
            raise Unreadable(self.source, opening.position, f"a list has at most {LISTED:,} texts")
        return tuple(texts)
