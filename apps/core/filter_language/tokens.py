"""The words of a filter, with where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from apps.core.errors import Invalid
from apps.core.filter_language.tree import Operator


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    NAME = "name"
    WORD = "word"
    OPERATOR = "operator"
    MARK = "mark"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`position` counts characters from 1. A name's `parts` are what stands between its points, without quotes."""

    kind: Kind
    text: str
    position: int
    parts: tuple[str, ...] = ()


class Unreadable(Invalid):
    """A text that breaks the language at a character, counted from 1; `reason` says how."""

    def __init__(self, source: str, position: int, reason: str) -> None:
        message = f"Invalid {source}, character {position}: {reason}."
        super().__init__(message, fields={source: [message]})
        self.position = position
        self.reason = reason


WORDS = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS", "NULL", "ASC", "DESC"})
_OPERATORS = frozenset(o.value for o in Operator if not o.value[0].isalpha())
_TEXT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w)", re.ASCII)
_FIRST = re.compile(r"[^\W\d]\w*|`[^`]+`")
# After the point no operator can begin, so that signs which names often hold need no quotes.
_FURTHER = re.compile(r"""\.(\w[\w/:\-]*|`[^`]+`|"[^"]+")""")
_SIGNS = re.compile(r"[<>=!]+")


def tokens_of(text: str, source: str) -> list[Token]:
    """All words of a text and an end. Raises Invalid."""
    found = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = _token(text, place, source)
        found.append(token)
        place += len(token.text)
    found.append(Token(Kind.END, "", len(text) + 1))
    return found


def _token(text: str, place: int, source: str) -> Token:
    position, sign = place + 1, text[place]
    if match := _TEXT.match(text, place):
        quote = match[0][0]
        return Token(Kind.TEXT, match[0], position, (match[0][1:-1].replace(quote * 2, quote),))
    if match := _NUMBER.match(text, place):
        return Token(Kind.NUMBER, match[0], position)
    if match := _FIRST.match(text, place):
        return _name(text, match, position)
    if match := _SIGNS.match(text, place):
        if match[0] not in _OPERATORS:
            raise Unreadable(source, position, f"there is no comparison '{match[0][:10]}'; use =, !=, <, <=, > or >=")
        return Token(Kind.OPERATOR, match[0], position)
    if sign in "(),":
        return Token(Kind.MARK, sign, position)
    if sign in "'\"`":
        raise Unreadable(source, position, f"the quote {sign} is not closed")
    raise Unreadable(source, position, f"'{sign}' does not belong here; names with such signs stand in `backticks`")


def _name(text: str, first: re.Match[str], position: int) -> Token:
    parts, end = [first[0].strip("`")], first.end()
    while match := _FURTHER.match(text, end):
        part = match[1]
        parts.append(part[1:-1] if part[0] in '`"' else part)
        end = match.end()
    whole = text[first.start() : end]
    kind = Kind.WORD if whole.upper() in WORDS else Kind.NAME
    return Token(kind, whole, position, tuple(parts))
