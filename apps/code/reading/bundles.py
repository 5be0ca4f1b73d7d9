"""Reading a bundle: its files, the ways into it and their parameters. Nothing of it is imported or run."""

from __future__ import annotations

import ast
import configparser
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import IO, Any

from apps.code.contracts import MAX_LOCK, MAX_SOURCE, Entry
from apps.code.reading.archives import Member, archive_members, archive_read, archive_root
from apps.code.reading.commands import argparse_read, click_entries
from apps.code.reading.functions import launchable, signature_read
from apps.code.reading.notebooks import Notebook, notebook_read
from apps.code.reading.projects import Declared, Project, project_read
from apps.code.reading.trees import Unreadable, descriptions_of, functions_of, tree_of
from apps.core.errors import Invalid
from workers.contracts.parameters import EMPTY

LOCKS = ("requirements.lock", "requirements.txt", "pylock.toml", "uv.lock", "environment.yml", "environment.yaml")
_MAX_LOOKED = 60
_MAX_LOOKED_BYTES = 2 * MAX_SOURCE
_MODULE = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
ReadFile = Callable[[str, int], bytes | None]
"""(path, most bytes) -> the file; None when there is none, or it is larger."""


@dataclass(slots=True)
class Reading:
    """What is known of a bundle. `lock_text` is the lockfile that it names, as it stands there."""

    kind: str
    name: str
    files: list[Member]
    root: str = ""
    entries: list[Entry] = field(default_factory=list)
    requires_python: str = ""
    lock_path: str = ""
    lock_text: str = ""
    notes: list[str] = field(default_factory=list)


def bundle_read(file: IO[bytes], filename: str, size: int) -> Reading:
    """The reading of a sent file. Raises Invalid at `file` for what is none of the kinds, or hostile."""
    try:
        return _read(file, filename, size)
    except RecursionError as error:
        raise Invalid.field("file", "The source is nested too deeply to be read.") from error


def _read(file: IO[bytes], filename: str, size: int) -> Reading:
    stem, _, end = filename.rpartition(".")
    end = end.lower()
    if end == "py":
        return _single(file, filename, stem, size)
    if end == "ipynb":
        return _notebook(file, filename, stem, size)
    if end in ("zip", "whl"):
        members = archive_members(file)
        return _archive(file, members, "WHEEL" if end == "whl" else "ARCHIVE", stem)
    raise Invalid.field("file", "Send a .py script, an .ipynb notebook, a .zip of a folder, or a .whl wheel.")


def _single(file: IO[bytes], filename: str, stem: str, size: int) -> Reading:
    if size > MAX_SOURCE:
        raise Invalid.field("file", "A script is at most 1 MiB. Send larger things as a zip.")
    source = file.read()
    if b"\x00" in source:
        raise Invalid.field("file", "The script holds NUL bytes: it is no source.")
    try:
        tree_of(source, filename)
    except Unreadable as error:
        raise Invalid.field("file", f"The script is no Python that runs here. {error}") from error
    notes: list[str] = []
    return Reading(
        "SCRIPT", stem, [Member(filename, size)], entries=source_entries(filename, source, notes), notes=notes
    )


def _notebook(file: IO[bytes], filename: str, stem: str, size: int) -> Reading:
    if size > 16 * MAX_SOURCE:
        raise Invalid.field("file", "A notebook is at most 16 MiB. Clear its outputs first.")
    found = notebook_read(file.read())
    return Reading("NOTEBOOK", stem, [Member(filename, size)], entries=[_notebook_entry(filename, filename, found)])


def _notebook_entry(name: str, path: str, found: Notebook, schema: dict[str, Any] | None = None) -> Entry:
    """The entry of a notebook, with its own parameters unless others are declared."""
    return Entry(
        name,
        "notebook",
        path,
        schema if schema is not None else found.schema,
        "pyproject" if schema is not None else "notebook",
        found.title,
        blocks=tuple(found.sentences),
        imports=tuple(found.imports.items()),
    )


def _archive(file: IO[bytes], members: list[Member], kind: str, stem: str) -> Reading:
    paths = [member.path for member in members]
    root = archive_root(paths) if kind == "ARCHIVE" else ""
    inside = {path[len(root) + 1 :] if root else path for path in paths}

    def read(path: str, limit: int) -> bytes | None:
        return archive_read(file, f"{root}/{path}" if root else path, limit)

    data = read("pyproject.toml", MAX_SOURCE) if "pyproject.toml" in inside else None
    project = project_read(data) if data is not None else Project()
    reading = Reading(
        kind, project.name or (root or stem.partition("-")[0] if kind == "WHEEL" else root or stem), members
    )
    reading.root, reading.requires_python = root, project.requires_python
    _lock(reading, project, inside, read)
    if kind == "WHEEL":
        _wheel(reading, inside, read)
    for declared in project.entries:
        entry = _declared(declared, inside, read, reading.notes)
        reading.entries.append(replace(entry, checkpoint=declared.checkpoint or project.checkpoint))
    if not reading.entries:
        left = _MAX_LOOKED_BYTES
        for path in _candidates(inside):
            source = read(path, min(left, MAX_SOURCE))
            if source is not None:
                left -= len(source)
                here = source_entries(path, source, reading.notes)
                reading.entries += [replace(one, checkpoint=project.checkpoint) for one in here]
        for path in sorted(one for one in inside if one.endswith(".ipynb") and "/" not in one):
            found = notebook_read(read(path, 16 * MAX_SOURCE) or b"{}")
            reading.entries.append(_notebook_entry(path, path, found))
    reading.entries = list({one.id: one for one in reading.entries}.values())[:100]
    return reading


def _lock(reading: Reading, project: Project, inside: set[str], read: ReadFile) -> None:
    """The lockfile that the project names, else the first of a usual name."""
    if project.lock and project.lock not in inside:
        raise Invalid.field("file", f"pyproject.toml names the lockfile “{project.lock}”, which is not in the archive.")
    path = project.lock or next((one for one in LOCKS if one in inside), "")
    if not path:
        return
    data = read(path, MAX_LOCK)
    if data is None:
        raise Invalid.field("file", f"The lockfile “{path}” is larger than {MAX_LOCK // 2**20} MiB.")
    reading.lock_path, reading.lock_text = path, data.decode(errors="replace").replace("\x00", "�")


def _wheel(reading: Reading, inside: set[str], read: ReadFile) -> None:
    """Console scripts of a wheel, and the Python that it asks for."""
    info = next((one.partition("/")[0] for one in sorted(inside) if one.endswith(".dist-info/WHEEL")), "")
    if not info:
        raise Invalid.field("file", "The wheel has no .dist-info/WHEEL: it is none.")
    for line in (read(f"{info}/METADATA", MAX_SOURCE) or b"").decode(errors="replace").splitlines():
        if line.startswith("Requires-Python:"):
            reading.requires_python = line.partition(":")[2].strip()[:100]
        if not line:
            break
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((read(f"{info}/entry_points.txt", MAX_SOURCE) or b"").decode(errors="replace"))
        scripts = dict(parser.items("console_scripts")) if parser.has_section("console_scripts") else {}
    except configparser.Error:
        scripts = {}
    for name, target in scripts.items():
        target = target.partition("[")[0].strip()
        if _MODULE.match(target):
            reading.entries.append(_program(name, target, inside, read, reading.notes))


def _candidates(inside: set[str]) -> list[str]:
    """Source files that may be an entry: those at the top, the likely names first; then the packages' own."""
    sources = [path for path in inside if path.endswith(".py")]
    top = [path for path in sources if "/" not in path and path not in ("setup.py", "conftest.py", "__init__.py")]
    likely = {"train.py": 0, "main.py": 1, "run.py": 2, "app.py": 3}
    if top:
        return sorted(top, key=lambda path: (likely.get(path, 9), path))[:_MAX_LOOKED]
    return sorted(path for path in sources if path.rpartition("/")[2] in (*likely, "__main__.py", "cli.py"))[
        :_MAX_LOOKED
    ]


def source_entries(path: str, source: bytes, notes: list[str]) -> list[Entry]:
    """The ways into one source file: commands of click or typer, argparse, typed functions, or as it stands."""
    try:
        tree = tree_of(source, path)
    except Unreadable as error:
        notes.append(str(error))
        return []
    commands = click_entries(tree, path)
    if commands:
        return commands
    parsed = argparse_read(tree)
    if parsed is not None:
        if parsed.problem:
            notes.append(f"{path} cannot be asked for its parameters: {parsed.problem}. Launch it as a command.")
            return []
        return [Entry(path, "script", path, parsed.schema(), "argparse", "", (), tuple(parsed.notes))]
    found: list[Entry] = []
    for function in launchable(tree):
        read = signature_read(function, lenient=True)
        if read.problem:
            notes.append(f"{path}, {function.name}: {read.problem}.")
            continue
        target = f"{path}:{function.name}"
        title, _ = descriptions_of(function)
        found.append(Entry(target, "function", target, read.schema(), "function", title, (), tuple(read.notes)))
    if found:
        return found
    runs = any(not _is_definition(node) for node in tree.body)
    return [Entry(path, "script", path, EMPTY, "none")] if runs else []


def _is_definition(node: Any) -> bool:
    """Does the statement only define or import something?"""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return isinstance(node, kinds)


def _source_of(module: str, inside: set[str]) -> str:
    """The file of a dotted module, also below src/; "" when it is not in the bundle."""
    base = module.replace(".", "/")
    for path in (f"{base}.py", f"{base}/__init__.py", f"src/{base}.py", f"src/{base}/__init__.py"):
        if path in inside:
            return path
    return ""


def _program(name: str, target: str, inside: set[str], read: ReadFile, notes: list[str]) -> Entry:
    """A console script: a function that reads its command line itself."""
    module, _, function = target.partition(":")
    path = _source_of(module, inside)
    schema, source = EMPTY, "none"
    extra: tuple[str, ...] = ()
    data = read(path, MAX_SOURCE) if path else None
    if data is not None:
        try:
            tree = tree_of(data, path)
            parsed = argparse_read(tree)
            commands = [one for one in click_entries(tree, path) if not one.before]
            if parsed is not None and not parsed.problem:
                schema, source, extra = parsed.schema(), "argparse", tuple(parsed.notes)
            elif len(commands) == 1:
                schema, source, extra = dict(commands[0].schema), commands[0].source, commands[0].notes
        except Unreadable as error:
            notes.append(str(error))
    return Entry(name, "program", f"{module}:{function}", schema, source, "", (), extra)


def _declared(declared: Declared, inside: set[str], read: ReadFile, notes: list[str]) -> Entry:
    """A declared entry, its parameters as declared, else as its target shows them. Raises Invalid without a target."""
    target = declared.target

    def made(how: str, where: str, schema: Any, source: str, more: tuple[str, ...] = ()) -> Entry:
        return Entry(declared.name, how, where, schema, source, declared.title, (), more)

    if target.endswith((".py", ".ipynb")):
        data = read(target, 16 * MAX_SOURCE) if target in inside else None
        if data is None:
            raise Invalid.field("file", f"pyproject.toml names the entry “{target}”, which is not in the archive.")
        if target.endswith(".ipynb"):
            found = notebook_read(data)
            notes += [f"{target}: {one}" for one in found.sentences]
            return made(
                "notebook", target, declared.schema or found.schema, "pyproject" if declared.schema else "notebook"
            )
        if declared.schema is not None:
            return made("script", target, declared.schema, "pyproject")
        commands = [one for one in source_entries(target, data, notes) if one.how == "script" and not one.before]
        if commands:
            return made("script", target, dict(commands[0].schema), commands[0].source, commands[0].notes)
        return made("script", target, EMPTY, "none")
    module, _, name = target.partition(":")
    path = module if module in inside else _source_of(module, inside)
    if not name or not path:
        raise Invalid.field(
            "file",
            f"pyproject.toml names the entry “{target}”: neither a file of the archive nor package.module:function.",
        )
    if declared.schema is not None:
        return made("function", target, declared.schema, "pyproject")
    try:
        tree = tree_of(read(path, MAX_SOURCE) or b"", path)
    except Unreadable as error:
        raise Invalid.field("file", f"The entry “{target}” cannot be read. {error}") from error
    function = next((one for one in functions_of(tree) if one.name == name), None)
    if function is None:
        raise Invalid.field("file", f"{path} has no function “{name}”, which pyproject.toml names as the entry.")
    signature = signature_read(function, lenient=True)
    if signature.problem:
        raise Invalid.field("file", f"The entry “{target}” cannot be launched: {signature.problem}.")
    return made("function", target, signature.schema(), "function", tuple(signature.notes))


def reading_of(data: bytes, filename: str) -> Reading:
    """As `bundle_read`, of bytes in memory."""
    return bundle_read(io.BytesIO(data), filename, len(data))
