"""Text to syntax tree.

A hand-written descent parser with limits, so that no text can exhaust time or stack.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from analysis.contracts.expressions.errors import ExpressionError
from analysis.contracts.expressions.nodes import (
    FUNCTIONS,
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    IsNull,
    Literal,
    Logical,
    Membership,
    Negative,
    Node,
    Not,
    children,
)

MAX_LENGTH: Final = 2_000
"""Characters in one expression."""
MAX_DEPTH: Final = 40
"""Nesting of brackets, signs and negations, and height of the tree."""
MAX_OPTIONS: Final = 500
"""Values in one `in [...]` list."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z_0-9]))
    | (?P<name>[^\W\d]\w*)
    | (?P<ticked>`(?:[^`]|``)*`)
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<op><=|>=|==|!=|<>|[=<>+\-*/()\[\],])
    )""",
    re.VERBOSE,
)
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false"})
_COMPARISONS: Final = {
    "=": "==",
    "==": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, name, ticked, text, op, key, end
    text: str
    position: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:]
            if not rest.strip():
                break
            at += len(rest) - len(rest.lstrip())
            raise ExpressionError(_stray(text[at]), at + 1)
        kind = str(match.lastgroup)
        value = match.group(kind)
        position = match.start(kind) + 1
        if kind == "name" and value.lower() in _KEYWORDS:
            kind, value = "key", value.lower()
        found.append(_Token(kind, value, position))
        at = match.end()
    found.append(_Token("end", "", len(text) + 1))
    return found


def _stray(character: str) -> str:
    if character in "'\"":
        return f"The text that starts with {character} is never closed"
    if character == "`":
        return "The column name that starts with ` is never closed"
    if character.isdigit():
        return "A number runs into letters; put a column name that starts with a digit in `back ticks`"
    if character in "&|":
        return f"{character} is not known here; write and, or"
    return f"{character!r} means nothing here"


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.now
        self.at += 1
        return token

    def accept(self, kind: str, *texts: str) -> _Token | None:
        if self.now.kind == kind and self.now.text in texts:
            return self.take()
        return None

    def expect(self, kind: str, text: str, why: str) -> _Token:
        token = self.accept(kind, text)
        if token is None:
            raise ExpressionError(f"Expected {text} {why}{self.found()}", self.now.position)
        return token

    def found(self) -> str:
        return ", but the expression ends here" if self.now.kind == "end" else f", but found {self.now.text}"

    def deeper(self, position: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"The expression is nested more than {MAX_DEPTH} deep", position)

    def expression(self) -> Node:
        node = self.and_part()
        while token := self.accept("key", "or"):
            node = Logical("or", node, self.and_part(), token.position)
        return node

    def and_part(self) -> Node:
        node = self.not_part()
        while token := self.accept("key", "and"):
            node = Logical("and", node, self.not_part(), token.position)
        return node

    def not_part(self) -> Node:
        token = self.accept("key", "not")
        if token is None:
            return self.comparison()
        self.deeper(token.position)
        node = Not(self.not_part(), token.position)
        self.depth -= 1
        return node

    def comparison(self) -> Node:
        left = self.sum()
        token = self.now
        if token.kind == "op" and token.text in _COMPARISONS:
            self.take()
            node: Node = Comparison(_COMPARISONS[token.text], left, self.sum(), token.position)
            if self.now.kind == "op" and self.now.text in _COMPARISONS:
                message = "Comparisons cannot be chained; write `x between 1 and 2`, or join two with and"
                raise ExpressionError(message, self.now.position)
            return node
        if self.accept("key", "is"):
            negated = self.accept("key", "not") is not None
            self.expect("key", "null", "after is")
            return IsNull(left, negated, token.position)
        negated = self.accept("key", "not") is not None
        if self.accept("key", "in"):
            return Membership(left, self.options(), negated, token.position)
        if self.accept("key", "between"):
            low = self.sum()
            self.expect("key", "and", "between the two ends of between")
            return Between(left, low, self.sum(), negated, token.position)
        if negated:
            raise ExpressionError(f"Expected in or between after not{self.found()}", self.now.position)
        return left

    def options(self) -> tuple[Literal, ...]:
        opener = self.accept("op", "[", "(")
        if opener is None:
            raise ExpressionError(f"Expected a list such as ['a', 'b'] after in{self.found()}", self.now.position)
        closer = "]" if opener.text == "[" else ")"
        if self.accept("op", closer):
            raise ExpressionError("The list after in is empty", opener.position)
        values = [self.option()]
        while self.accept("op", ","):
            values.append(self.option())
            if len(values) > MAX_OPTIONS:
                raise ExpressionError(f"The list has more than {MAX_OPTIONS} values", opener.position)
        self.expect("op", closer, "at the end of the list")
        return tuple(values)

    def option(self) -> Literal:
        position = self.now.position
        sign = -1 if self.accept("op", "-") else 1
        node = self.factor()
        if not isinstance(node, Literal):
            raise ExpressionError("A list holds numbers, texts, true or false only", position)
        if sign == 1:
            return node
        if type(node.value) not in (int, float):
            raise ExpressionError("Minus needs a number", position)
        return Literal(_minus(node.value), position)

    def sum(self) -> Node:
        node = self.term()
        while token := self.accept("op", "+", "-"):
            node = Arithmetic(token.text, node, self.term(), token.position)
        return node

    def term(self) -> Node:
        node = self.factor()
        while token := self.accept("op", "*", "/"):
            node = Arithmetic(token.text, node, self.factor(), token.position)
        return node

    def factor(self) -> Node:
        token = self.take()
        if token.kind == "op" and token.text == "-":
            self.deeper(token.position)
            operand = self.factor()
            self.depth -= 1
            if isinstance(operand, Literal) and type(operand.value) in (int, float):
                return Literal(_minus(operand.value), token.position)
            return Negative(operand, token.position)
        if token.kind == "op" and token.text == "(":
            self.deeper(token.position)
            node = self.expression()
            self.depth -= 1
            self.expect("op", ")", "to close the bracket")
            return node
        if token.kind == "number":
            return Literal(_number(token), token.position)
        if token.kind == "text":
            quote = token.text[0]
            return Literal(token.text[1:-1].replace(quote * 2, quote), token.position)
        if token.kind == "key" and token.text in ("true", "false"):
            return Literal(token.text == "true", token.position)
        if token.kind == "ticked":
            name = token.text[1:-1].replace("``", "`")
            if not name:
                raise ExpressionError("A column name is empty", token.position)
            return Column(name, token.position)
        if token.kind == "name":
            return self.call(token) if self.accept("op", "(") else Column(token.text, token.position)
        self.at -= 1
        if token.kind == "key" and token.text == "null":
            raise ExpressionError("Nothing equals null; write is null or is not null", token.position)
        raise ExpressionError(f"Expected a column, a number or a text{self.found()}", token.position)

    def call(self, token: _Token) -> Node:
        name = token.text.lower()
        if name not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise ExpressionError(f"There is no function {token.text}; there are {known}", token.position)
        self.deeper(token.position)
        argument = self.expression()
        self.depth -= 1
        self.expect("op", ")", f"after the one argument of {name}")
        return Call(name, argument, token.position)


def _minus(value: int | float | str | bool) -> int | float:
    return -value if isinstance(value, float) else -int(value)


def _number(token: _Token) -> int | float:
    if token.text.isdigit():
        if len(token.text) > 18:
            raise ExpressionError("The number is too long; 18 digits at most", token.position)
        return int(token.text)
    value = float(token.text)
    if not math.isfinite(value):
        raise ExpressionError("The number is too large", token.position)
    return value


def _height(node: Node) -> int:
    deepest, stack = 0, [(node, 1)]
    while stack:
        current, height = stack.pop()
        deepest = max(deepest, height)
        stack.extend((child, height + 1) for child in children(current))
    return deepest


def parse(text: str) -> Node:
    """The syntax tree of an expression. Raises ExpressionError with the column of the first fault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"The expression is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    if "\x00" in text:
        raise ExpressionError("The expression holds a NUL character", text.index("\x00") + 1)
    if not text.strip():
        raise ExpressionError("The expression is empty", 1)
    parser = _Parser(text)
    node = parser.expression()
    if parser.now.kind != "end":
        message = f"Expected the end or an operator, but found {parser.now.text}"
        raise ExpressionError(message, parser.now.position)
    if _height(node) > 5 * MAX_DEPTH:
        raise ExpressionError(f"The expression chains more than {5 * MAX_DEPTH} operators", 1)
    return node
