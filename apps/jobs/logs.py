"""What a line of a log says of itself: its level, and the colours that it asks a terminal for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

# A level stands among the first words, as loggers write it.
_HEAD = 80
_ERROR = re.compile(r"\b(?i:error|exception|traceback|critical|fatal)\b|\w(?:Error|Exception)\b")
_WARNING = re.compile(r"\b(?i:warn|warning)\b|\wWarning\b")


class Level(IntFlag):
    """How bad a line is, as one bit."""

    PLAIN = 1
    WARNING = 2
    ERROR = 4


ALL = Level.PLAIN | Level.WARNING | Level.ERROR
# What may be asked for, by the word in an address.
AT_LEAST: dict[str, Level] = {"warning": Level.WARNING | Level.ERROR, "error": Level.ERROR}


def level_of(text: str) -> Level:
    """The level of a line; `frontend/js/lib/lines.js` judges by the same words."""
    head = colourless(text[: 2 * _HEAD])[:_HEAD]
    if _ERROR.search(head):
        return Level.ERROR
    return Level.WARNING if _WARNING.search(head) else Level.PLAIN


def levels_of(texts: Iterable[str]) -> int:
    """The bits of all levels among lines."""
    found = Level(0)
    for text in texts:
        found |= level_of(text)
        if found == ALL:
            break
    return int(found)


# CSI sequences (colours among them), OSC and other strings up to their end, two-character escapes.
_ESCAPE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-~]|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line with one look: names of colours and weights, "" for a plain part."""

    text: str
    look: str


def colourless(text: str) -> str:
    """The line without escapes and control characters: what is searched and read aloud."""
    return _CONTROL.sub("", _ESCAPE.sub("", text)) if _CONTROL.search(text) else text


def spans_of(text: str) -> list[Span]:
    """A line in parts by the 8 colours, bold and dim that it asks for; every other escape is dropped.

    Never what a terminal would do: nothing moves, nothing is hidden, no link is made.
    """
    if "\x1b" not in text:
        return [Span(colourless(text), "")]
    spans: list[Span] = []
    colour, weight, at = "", "", 0
    for found in _ESCAPE.finditer(text):
        _add(spans, text[at : found.start()], colour, weight)
        at = found.end()
        if found[2] == "m":
            colour, weight = _look(found[1], colour, weight)
    _add(spans, text[at:], colour, weight)
    return spans or [Span("", "")]


def _add(spans: list[Span], text: str, colour: str, weight: str) -> None:
    shown = _CONTROL.sub("", text)
    if shown:
        spans.append(Span(shown, " ".join(part for part in (colour, weight) if part)))


def _look(codes: str, colour: str, weight: str) -> tuple[str, str]:
    """Colour and weight after an SGR sequence."""
    numbers = [int(code) if code.isdigit() else 0 for code in codes[:100].split(";")]
    while numbers:
        number = numbers.pop(0)
        if number in (38, 48):
            # A colour of 256 or of 16 million: its numbers are no codes.
            del numbers[: 2 if numbers[:1] == [5] else 4]
        elif number == 0:
            colour, weight = "", ""
        elif number in (1, 2):
            weight = "bold" if number == 1 else "dim"
        elif number == 22:
            weight = ""
        elif 30 <= number <= 37 or 90 <= number <= 97:
            colour = _COLOURS[number % 10]
        elif number == 39:
            colour = ""
    return colour, weight
