"""Parameters of a command line, read from the calls of argparse and the decorators of click and typer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from apps.code.contracts import Entry
from apps.code.reading.functions import Read, choices_read, default_read, input_kind, parameters_of, signature_read
from apps.code.reading.trees import (
    called,
    descriptions_of,
    dotted,
    functions_of,
    is_literal,
    keywords,
    limits_of,
    literal,
)
from workers.contracts.parameters import ParameterError, property_check

_TYPES = {
    "int": "integer", "float": "number", "str": "string", "INT": "integer", "FLOAT": "number", "STRING": "string",
    "bool": "boolean", "BOOL": "boolean", "IntRange": "integer", "FloatRange": "number",
}  # fmt: skip
_PATHS = {"Path", "File", "FileType", "open"}


def _name(flags: list[str], dest: Any = None) -> str:
    """The parameter's name: what the program calls it, else its longest option."""
    if isinstance(dest, str) and dest:
        return dest
    long = [flag for flag in flags if flag.startswith("--")] or flags
    return long[0].lstrip("-").replace("-", "_")


def _flag(flags: list[str]) -> str:
    return ([flag for flag in flags if flag.startswith("--")] or flags)[0]


def _add(read: Read, name: str, one: dict[str, Any], *, required: bool) -> None:
    try:
        read.properties[name] = property_check(name, one)
    except ParameterError as error:
        if required:
            read.problem = read.problem or str(error)
        else:
            read.notes.append(f"{name} keeps its default: {error}")
        return
    if required:
        read.required.append(name)


# --- argparse


def argparse_read(tree: ast.Module) -> Read | None:
    """The options that a script adds to an ArgumentParser; None when it makes none."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if not any(called(node) == "ArgumentParser" for node in calls):
        return None
    read = Read()
    if any(called(node) == "add_subparsers" for node in calls):
        read.problem = "it has subcommands, whose options cannot be told apart without running it"
        return read
    position = 0
    for node in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            position += _argument(read, node, position)
    return read


def _argument(read: Read, node: ast.Call, position: int) -> int:
    """Take one add_argument; returns 1 for one that stands by position."""
    flags = [text for text in (literal(one) for one in node.args) if isinstance(text, str)]
    if not flags:
        read.notes.append(f"The option of line {node.lineno} is worked out when it runs.")
        return 0
    said = keywords(node)
    placed = not flags[0].startswith("-")
    name = flags[0] if placed else _name(flags, literal(said.get("dest")))
    action = literal(said.get("action"))
    if action is None and called(said["action"] if "action" in said else ast.Constant(0)) == "BooleanOptionalAction":
        action = "both"
    one: dict[str, Any] = {"x-position": position} if placed else {"x-flag": _flag(flags)}
    text = literal(said.get("help"))
    if isinstance(text, str):
        one["description"] = text.replace("%(default)s", "the default")[:300]
    if action in ("store_true", "store_false", "both"):
        value = literal(said.get("default"), action == "store_false")
        one |= {"type": "boolean", "default": bool(value)}
        flag = one["x-flag"]
        if action == "both":
            one["x-off"] = "--no-" + flag.lstrip("-")
        elif action == "store_false":
            one |= {"x-off": flag, "x-flag": ""}  # true is what it is without the option
        _add(read, name, one, required=False)
        return 0
    required = placed or literal(said.get("required")) is True
    kind = _kind(said.get("type"), said.get("default"), name, bare="default" not in said)
    choices = (
        choices_read(literal(said.get("choices"))) if isinstance(literal(said.get("choices")), list | tuple) else None
    )
    if "nargs" in said and literal(said.get("nargs")) == "?" and placed:
        required = False
    elif "nargs" in said or action not in (None, "store") or kind is None:
        if required:
            read.problem = f"its argument {name} takes several values or is read in a way of its own"
        else:
            read.notes.append(f"{name} keeps its default: it is read in a way that a form does not have.")
        return int(placed)
    one |= choices or kind or {"type": "string"}
    if "choices" in said and choices is None:
        read.notes.append(f"{name}: its choices are worked out when it runs.")
    if is_literal(said.get("default")) and literal(said["default"]) is not None:
        value = literal(said["default"])
        one["default"] = float(value) if one["type"] == "number" and type(value) is int else value
        required = False
    _add(read, name, one, required=required)
    return int(placed)


def _kind(node: ast.expr | None, default: ast.expr | None, name: str, *, bare: bool) -> dict[str, Any] | None:
    """The type that `type=` says, else the default, else text; None for one that converts in its own way."""
    if node is None:
        return default_read(literal(default)) or {"type": "string"}
    word = called(node)
    if word in _PATHS:
        return {"type": "string", "format": input_kind(name)} if bare else {"type": "string"}
    if word in _TYPES:
        found: dict[str, Any] = {"type": _TYPES[word]}
        if isinstance(node, ast.Call):
            found |= _range(node)
        return found
    if word == "Choice" and isinstance(node, ast.Call) and node.args:
        return choices_read(list(literal(node.args[0], []) or []))
    return {"type": "string"} if word == "" and not isinstance(node, ast.Lambda) else None


def _range(node: ast.Call) -> dict[str, float]:
    """Limits of click's IntRange(1, 10) and FloatRange(min=0, max_open=True)."""
    said = keywords(node)
    found = limits_of(node)
    for key, argument in zip(("minimum", "maximum"), node.args, strict=False):
        value = literal(argument)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = value
    for key, exclusive, word in (
        ("minimum", "exclusiveMinimum", "min_open"),
        ("maximum", "exclusiveMaximum", "max_open"),
    ):
        if literal(said.get(word)) is True and key in found:
            found[exclusive] = found.pop(key)
    return found


# --- click and typer


def click_entries(tree: ast.Module, path: str) -> list[Entry]:
    """One entry for each command that click or typer decorates."""
    found: list[tuple[ast.FunctionDef, Read, str]] = []
    grouped = False
    for function in functions_of(tree):
        words = [dotted(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list]
        if any(word.rpartition(".")[2] == "group" for word in words):
            grouped = True
        if not any(word.rpartition(".")[2] == "command" for word in words):
            continue
        named = _command_name(function)
        if any(called(one) in ("option", "argument") for one in function.decorator_list) or "click.command" in words:
            found.append((function, _click_read(function), named))
        else:
            found.append((function, typer_read(function), named))
    found += [(function, typer_read(function), "") for function in _typer_run(tree)]
    several = grouped or len(found) > 1
    return [
        Entry(
            id=f"{path}:{name}" if several else path,
            how="script",
            target=path,
            schema=read.schema(),
            source="click" if any(called(one) == "option" for one in function.decorator_list) else "typer",
            title=descriptions_of(function)[0],
            before=(name,) if several else (),
            notes=(*read.notes, *([f"It may not start from a form: {read.problem}."] if read.problem else [])),
        )
        for function, read, name in found
    ]


def _command_name(function: ast.FunctionDef) -> str:
    for one in function.decorator_list:
        if isinstance(one, ast.Call) and called(one) == "command":
            given = literal(one.args[0]) if one.args else literal(keywords(one).get("name"))
            if isinstance(given, str):
                return given
    return function.name.replace("_", "-")


def _typer_run(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that are handed to typer.run."""
    names = {
        dotted(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) == "typer.run" and node.args
    }
    yield from (one for one in functions_of(tree) if one.name in names)


def _click_read(function: ast.FunctionDef) -> Read:
    read, position = Read(), 0
    for node in function.decorator_list:
        if not isinstance(node, ast.Call):
            continue
        if called(node) == "option":
            _option(read, node)
        elif called(node) == "argument":
            _placed(read, node, position)
            position += 1
    return read


def _option(read: Read, node: ast.Call) -> None:
    texts = [text for text in (literal(one) for one in node.args) if isinstance(text, str)]
    flags = [text for text in texts if text.startswith("-")]
    if not flags:
        return
    said = keywords(node)
    on, _, off = flags[0].partition("/")
    plain = next((text for text in texts if not text.startswith("-")), None)
    name = _name([flag.partition("/")[0].strip() for flag in flags], plain)
    one: dict[str, Any] = {"x-flag": _flag([flag.partition("/")[0].strip() for flag in flags])}
    if isinstance(literal(said.get("help")), str):
        one["description"] = str(literal(said["help"]))[:300]
    default = literal(said.get("default"))
    if off or literal(said.get("is_flag")) is True:
        one |= {"type": "boolean", "default": bool(default)}
        if off:
            one |= {"x-flag": on.strip(), "x-off": off.strip()}
        _add(read, name, one, required=False)
        return
    required = literal(said.get("required")) is True
    kind = _kind(said.get("type"), said.get("default"), name, bare="default" not in said)
    if kind is None or literal(said.get("multiple")) is True or "nargs" in said or literal(said.get("count")) is True:
        if required:
            read.problem = f"its option {name} takes several values or is read in a way of its own"
        else:
            read.notes.append(f"{name} keeps its default: it is read in a way that a form does not have.")
        return
    one |= kind
    if default is not None:
        one["default"] = float(default) if one["type"] == "number" and type(default) is int else default
        required = False
    _add(read, name, one, required=required)


def _placed(read: Read, node: ast.Call, position: int) -> None:
    name = literal(node.args[0]) if node.args else None
    said = keywords(node)
    if not isinstance(name, str):
        return
    name = name.replace("-", "_")
    required = literal(said.get("required")) is not False and "default" not in said
    kind = _kind(said.get("type"), said.get("default"), name, bare="default" not in said)
    if kind is None or "nargs" in said:
        if required:
            read.problem = f"its argument {name} takes several values or is read in a way of its own"
        return
    one = {**kind, "x-position": position}
    if is_literal(said.get("default")) and literal(said["default"]) is not None:
        one["default"] = literal(said["default"])
    _add(read, name, one, required=required)


def typer_read(function: ast.FunctionDef) -> Read:
    """The command line that typer makes of a signature: what has a default is an option, the rest by position."""
    read = signature_read(_plain_defaults(function))
    position = 0
    options = {argument.arg: default for argument, default in parameters_of(function)}
    for name, one in read.properties.items():
        flag, default = "--" + name.replace("_", "-"), options[name]
        if (default is None and one["type"] != "boolean") or (default is not None and called(default) == "Argument"):
            one["x-position"] = position
            position += 1
            continue
        one["x-flag"] = flag
        if one["type"] == "boolean":
            one["x-off"] = "--no-" + flag[2:]
    return read


def _plain_defaults(function: ast.FunctionDef) -> ast.FunctionDef:
    """The same function with typer.Option(0.1, min=0) for the default 0.1, and its limits kept as annotations."""
    copied = ast.FunctionDef(**{name: getattr(function, name) for name in function._fields})
    arguments = ast.arguments(**{name: getattr(function.args, name) for name in function.args._fields})
    arguments.args = [ast.arg(one.arg, one.annotation) for one in function.args.args]
    arguments.defaults = list(function.args.defaults)
    first = len(arguments.args) - len(arguments.defaults)
    for index, default in enumerate(arguments.defaults):
        if isinstance(default, ast.Call) and called(default) in ("Option", "Argument"):
            held = arguments.args[first + index]
            if held.annotation is not None:
                inner = ast.Tuple([held.annotation, default])
                held.annotation = ast.Subscript(ast.Name("Annotated"), inner)
            given = default.args[0] if default.args else keywords(default).get("default", ast.Constant(None))
            arguments.defaults[index] = given
    copied.args = arguments
    return copied
