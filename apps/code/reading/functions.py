"""Parameters of a typed function, read from its annotations and defaults."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.code.reading.trees import called, descriptions_of, dotted, functions_of, is_literal, limits_of, literal
from workers.contracts.parameters import ParameterError, property_check, schema_make

_PLAIN = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
# Functions that a person means to launch, the likeliest first.
LIKELY = ("main", "train", "run", "fit", "evaluate", "score", "predict")


@dataclass
class Read:
    """What is known of a signature: properties by name, required names, and sentences on what was left out."""

    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    def schema(self) -> dict[str, Any]:
        """The whole schema."""
        return schema_make(self.properties, self.required)


def parameters_of(function: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """(parameter, its default) of a function, in order."""
    places = [*function.args.posonlyargs, *function.args.args]
    defaults: list[ast.expr | None] = [None] * (len(places) - len(function.args.defaults))
    yield from zip(places, [*defaults, *function.args.defaults], strict=True)
    yield from zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)


def input_kind(name: str) -> str:
    """Which input a parameter that takes a path is for: a model where its name says so, else data."""
    return "model" if "model" in name.lower() else "dataset"


def annotation_read(node: ast.expr | None, name: str, *, bare: bool) -> dict[str, Any] | None:
    """The property that an annotation means; None for a type that no form has. `bare`: there is no default."""
    if node is None:
        return None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return annotation_read(ast.parse(node.value, mode="eval").body, name, bare=bare)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    kind = dotted(node).rpartition(".")[2]
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind in ("Path", "PathLike", "PurePath"):
        return {"type": "string", "format": input_kind(name)} if bare else {"type": "string"}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        found = annotation_read(sides[0], name, bare=bare) if len(sides) == 1 else None
        return {**found, "optional": True} if found else None
    if isinstance(node, ast.Subscript):
        return _subscript(node, name, bare=bare)
    return None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _subscript(node: ast.Subscript, name: str, *, bare: bool) -> dict[str, Any] | None:
    outer = dotted(node.value).rpartition(".")[2]
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer == "Optional":
        found = annotation_read(inner[0], name, bare=bare)
        return {**found, "optional": True} if found else None
    if outer == "Literal":
        return choices_read([literal(one) for one in inner])
    if outer != "Annotated" or not inner:
        return None
    found = annotation_read(inner[0], name, bare=bare)
    for said in inner[1:]:
        found = _annotated(found, said)
    return found


def _annotated(found: dict[str, Any] | None, said: ast.expr) -> dict[str, Any] | None:
    """What more an Annotated says: a word for an input, a description, limits."""
    text = literal(said)
    if text in ("dataset", "model"):
        return {"type": "string", "format": text}
    if found is None:
        return None
    if text == "text":
        return {key: value for key, value in found.items() if key != "format"}
    if isinstance(text, str):
        return {**found, "description": text[:300]}
    if isinstance(said, ast.Call):
        if found["type"] in ("integer", "number"):
            found = {**found, **limits_of(said)}
        for one in said.keywords:
            if one.arg in ("help", "description", "doc") and isinstance(literal(one.value), str):
                found = {**found, "description": str(literal(one.value))[:300]}
    return found


def choices_read(values: list[Any]) -> dict[str, Any] | None:
    """The property of a choice among plain values of one type; None when they are none."""
    for kind, types in (("string", str), ("integer", int), ("number", (int, float))):
        if values and all(isinstance(one, types) and not isinstance(one, bool) for one in values):
            return {"type": kind, "enum": values}
    return None


def default_read(value: Any) -> dict[str, Any] | None:
    """The property that a plain default means on its own."""
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string")):
        if isinstance(value, kind):
            return {"type": name}
    return None


def signature_read(function: ast.FunctionDef, *, lenient: bool = False) -> Read:
    """The parameters of a function. `problem` says why it cannot be called from a form; `lenient` takes defaults of
    parameters without an annotation for their type.
    """
    read = Read()
    _, said = descriptions_of(function)
    if function.args.posonlyargs:
        read.problem = "it has parameters that are given by position only"
        return read
    for argument, default in parameters_of(function):
        name = argument.arg
        if name in ("self", "cls"):
            read.problem = "it is a method"
            return read
        found = annotation_read(argument.annotation, name, bare=default is None)
        if found is None and argument.annotation is None and lenient and is_literal(default):
            found = default_read(literal(default))
        if found is None:
            if default is None:
                what = ast.unparse(argument.annotation)[:60] if argument.annotation else "no type"
                read.problem = f"its parameter {name} has {what}, which a form cannot ask for"
                return read
            read.notes.append(f"{name} keeps its default: its type is none that a form asks for.")
            continue
        _take(read, name, found, default, said.get(name, ""))
    return read


def _take(read: Read, name: str, found: Mapping[str, Any], default: ast.expr | None, description: str) -> None:
    """Add a property with its default, as far as that can be read."""
    one = {key: value for key, value in found.items() if key != "optional"}
    if description:
        one.setdefault("description", description)
    optional = bool(found.get("optional")) or default is not None
    if default is not None:
        value = literal(_spelt(default))
        if one["type"] == "number" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if value is ...:
            optional = False
        elif value is not None:
            one["default"] = value
        elif not _is_none(default):
            read.notes.append(f"{name}: its default is worked out when it runs; leave it empty to have that.")
    try:
        read.properties[name] = property_check(name, one)
    except ParameterError as error:
        read.notes.append(f"{name} keeps its default: {error}")
        return
    if not optional:
        read.required.append(name)


def _spelt(node: ast.expr) -> ast.expr:
    """The text inside Path("text"), else the expression itself."""
    if isinstance(node, ast.Call) and called(node) == "Path" and len(node.args) == 1:
        return node.args[0]
    return node


def launchable(tree: ast.Module) -> list[ast.FunctionDef]:
    """Public functions that look as if meant to be launched: those of a likely name, else the only typed one."""
    public = [one for one in functions_of(tree) if not one.name.startswith("_")]
    likely = [one for name in LIKELY for one in public if one.name == name and _typed(one)]
    if likely:
        return likely
    typed = [one for one in public if _typed(one) and (one.args.args or one.args.kwonlyargs)]
    return typed if len(typed) == 1 else []


def _typed(function: ast.FunctionDef) -> bool:
    return all(argument.annotation is not None or default is not None for argument, default in parameters_of(function))
