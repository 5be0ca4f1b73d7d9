"""Small questions to the syntax tree of a source that is never run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NOTHING: Final = object()
_SAID = re.compile(
    r"^\s*(?::param\s+(?:[\w.\[\], |]+\s)?(?P<sphinx>\w+)\s*:|(?P<google>\w+)\s*(?:\([^)]*\))?:)\s*(?P<text>\S.*)$"
)


class Unreadable(Exception):
    """The source is no Python of this version; the message says where."""


def tree_of(source: bytes, name: str) -> ast.Module:
    """The syntax tree. Raises Unreadable, also for a source made to exhaust the parser."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, filename=name)
    except SyntaxError as error:
        raise Unreadable(f"{name}, line {error.lineno}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"{name} cannot be read as Python: {type(error).__name__}.") from error


def literal(node: ast.expr | None, default: Any = _NOTHING) -> Any:
    """The plain value that an expression spells; `default` (else None) where it spells none."""
    fallback = None if default is _NOTHING else default
    if node is None:
        return fallback
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return fallback


def is_literal(node: ast.expr | None) -> bool:
    """Does the expression spell a plain value?"""
    return node is not None and literal(node, _NOTHING) is not _NOTHING


def dotted(node: ast.expr | None) -> str:
    """ "a.b.c" of a name or attribute; "" of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def called(node: ast.expr) -> str:
    """The last part of what is called, or of a plain name: "option" of `click.option(...)`."""
    return dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]


def keywords(node: ast.Call) -> dict[str, ast.expr]:
    return {one.arg: one.value for one in node.keywords if one.arg}


def limits_of(node: ast.Call) -> dict[str, float]:
    """Limits that a call states, as in Ge(0), Interval(ge=0, lt=1), Field(ge=0) and Option(min=0)."""
    words = {
        "ge": "minimum", "min": "minimum", "gt": "exclusiveMinimum",
        "le": "maximum", "max": "maximum", "lt": "exclusiveMaximum",
    }  # fmt: skip
    found: dict[str, float] = {}
    single = words.get(called(node).lower())
    if single and node.args:
        found[single] = literal(node.args[0])
    for name, value in keywords(node).items():
        if name in words:
            found[words[name]] = literal(value)
    return {
        key: value for key, value in found.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """The functions at the top of a module."""
    yield from (node for node in tree.body if isinstance(node, ast.FunctionDef))


def descriptions_of(function: ast.FunctionDef) -> tuple[str, Mapping[str, str]]:
    """(first line of the docstring, {parameter: what the docstring says of it})."""
    text = ast.get_docstring(function) or ""
    found: dict[str, str] = {}
    names = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
    for line in text.splitlines():
        match = _SAID.match(line) if len(line) <= 400 else None
        if match:
            name = match["sphinx"] or match["google"]
            if name in names:
                found.setdefault(name, match["text"].strip()[:300])
    return (text.strip().splitlines() or [""])[0][:200], found
