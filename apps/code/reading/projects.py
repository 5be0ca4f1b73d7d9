"""What `[tool.fairway]` of a pyproject.toml declares."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core.errors import Invalid
from workers.contracts.checkpoints import folder_of
from workers.contracts.parameters import ParameterError, schema_check


@dataclass(frozen=True, slots=True)
class Declared:
    """One declared entry: its target, and its schema where parameters or inputs are declared."""

    name: str
    target: str
    schema: dict[str, Any] | None = None
    title: str = ""
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """What of a project matters here."""

    name: str = ""
    requires_python: str = ""
    lock: str = ""
    entries: tuple[Declared, ...] = field(default=())
    scripts: Mapping[str, str] = field(default_factory=dict)
    # For every entry that declares none of its own.
    checkpoint: str = ""


_KEYS = {"entry", "title", "parameters", "inputs", "environment", "python", "entries", "checkpoint"}


def _bad(text: str) -> Invalid:
    return Invalid.field("file", f"pyproject.toml: {text}")


def project_read(data: bytes) -> Project:
    """The project. Raises Invalid with what is wrong in it."""
    try:
        found = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(f"it cannot be read: {error}.") from error
    project = _table(found, "project")
    said = _table(_table(found, "tool"), "fairway")
    unknown = sorted(set(said) - _KEYS)
    if unknown:
        raise _bad(f"[tool.fairway] has no key “{unknown[0]}”; known are {', '.join(sorted(_KEYS))}.")
    entries: list[Declared] = []
    if "entry" in said:
        entries.append(_entry("main", said))
    for name, one in _table(said, "entries").items():
        if not isinstance(one, Mapping) or "entry" not in one:
            raise _bad(f'[tool.fairway.entries.{name}] needs an entry, such as "train.py" or "package.module:run".')
        entries.append(_entry(str(name)[:60], one))
    return Project(
        name=str(project.get("name", ""))[:120],
        requires_python=str(said.get("python") or project.get("requires-python") or "")[:100],
        lock=str(said.get("environment", ""))[:400],
        entries=tuple(entries),
        scripts={str(key): str(value) for key, value in _table(project, "scripts").items()},
        checkpoint=_checkpoint(said),
    )


def _checkpoint(said: Mapping[str, Any]) -> str:
    value = said.get("checkpoint", "")
    if not isinstance(value, str):
        raise _bad('a checkpoint is the name of a folder, such as "checkpoints".')
    try:
        return folder_of(value) if value else ""
    except ValueError as error:
        raise _bad(str(error)) from error


def _table(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key, {})
    if not isinstance(value, Mapping):
        raise _bad(f"“{key}” must be a table.")
    return value


def _entry(name: str, said: Mapping[str, Any]) -> Declared:
    target = said["entry"]
    if not isinstance(target, str) or not 0 < len(target) <= 400:
        raise _bad('an entry is a text such as "train.py" or "package.module:run".')
    schema = None
    if "parameters" in said or "inputs" in said:
        properties: dict[str, Any] = {}
        for key, one in _table(said, "inputs").items():
            kind = one.get("type", "dataset") if isinstance(one, Mapping) else one
            if kind not in ("dataset", "model"):
                raise _bad(f"the input “{key}” is of type dataset or model.")
            more = {k: v for k, v in one.items() if k != "type"} if isinstance(one, Mapping) else {}
            properties[str(key)] = {**more, "type": "string", "format": kind}
        for key, one in _table(said, "parameters").items():
            properties[str(key)] = (
                {"x-flag" if k == "flag" else k: v for k, v in one.items()}
                if isinstance(one, Mapping)
                else {"default": one, **_type_of(one)}
            )
        try:
            schema = schema_check(properties)
        except ParameterError as error:
            raise _bad(str(error)) from error
    return Declared(name, target, schema, str(said.get("title", ""))[:200], _checkpoint(said))


def _type_of(value: Any) -> dict[str, str]:
    """`rate = 0.1` declares a number whose default that is."""
    for kind, word in ((bool, "boolean"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return {"type": word}
    return {"type": "string"}
