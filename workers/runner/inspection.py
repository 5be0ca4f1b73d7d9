"""Judges a model directory by reading it, never by loading it: which format it really is, or why it is
quarantined.

Names come first, then contents: the first bytes of every file, the members and the schema of a skops archive,
the head of a LightGBM text. What MLmodel says (loader, trusted types, code paths) is not even read.
"""

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.contracts.model_files import (
    MAX_MODEL_BYTES,
    MAX_MODEL_FILES,
    ModelFormat,
    format_by_extension,
    format_of_files,
)
from workers.runner.trusted_types import NODES, PROTOCOL

MAX_SCHEMA_BYTES = 512 * 1024**2
MAX_MEMBERS = 200_000
MAX_EXPANSION = 200
_PICKLE_OPENINGS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x80\x01", b"\x80\x00")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`format` and `path` of the one model file when it may be loaded, else `quarantine`: one sentence why
    not.
    """

    format: ModelFormat | None
    path: str | None
    quarantine: str | None


def inspect_model(directory: Path) -> Verdict:
    """The judgement of a model directory. Runs nothing of it; a broken or hostile directory gets a reason."""
    paths: list[str] = []
    size = 0
    for root, folders, files in os.walk(directory, followlinks=False):
        for name in (*folders, *files):
            entry = Path(root) / name
            if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                return _no(f"{entry.relative_to(directory)} is not a plain file.")
        for name in files:
            paths.append((Path(root) / name).relative_to(directory).as_posix())
            size += (Path(root) / name).stat().st_size
    if len(paths) > MAX_MODEL_FILES:
        return _no(f"The model has more than {MAX_MODEL_FILES} files.")
    if size > MAX_MODEL_BYTES:
        return _no("The model is larger than 2 GiB.")
    found, why = format_of_files(sorted(paths))
    if found is None or why is not None:
        return _no(why or "No format.")
    path = next(one for one in paths if format_by_extension(one) is not None)
    for one in paths:
        with open(directory / one, "rb") as file:
            opening = file.read(4)
        if opening.startswith(_PICKLE_OPENINGS):
            return _no(f"{one} begins like a pickle, which can run code when it is loaded.")
    judge = {
        ModelFormat.SKOPS: skops_judge,
        ModelFormat.LIGHTGBM: lightgbm_judge,
        ModelFormat.ONNX: onnx_judge,
    }[found]
    reason = judge(directory / path)
    return _no(reason) if reason else Verdict(found, path, None)


def _no(reason: str) -> Verdict:
    return Verdict(None, None, reason)


def skops_judge(path: Path) -> str | None:
    """None when every node of the archive is of a type on our list, else the reason. Loads nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                return "The skops file has too many members."
            names = [member.filename for member in members]
            if len(set(names)) != len(names):
                return "The skops file holds a member twice."
            for member in members:
                plain = member.filename == "schema.json" or (
                    member.filename.endswith(".npy") and "/" not in member.filename
                )
                if not plain:
                    return f"The skops file holds {member.filename[:100]!r}, which does not belong there."
                if member.file_size > MAX_EXPANSION * max(member.compress_size, 4096):
                    return "The skops file unpacks to far more than it holds."
            if sum(member.file_size for member in members) > MAX_MODEL_BYTES:
                return "The skops file unpacks to more than 2 GiB."
            if "schema.json" not in names or archive.getinfo("schema.json").file_size > MAX_SCHEMA_BYTES:
                return "The skops file has no schema, or one that is too large."
            schema = json.loads(archive.read("schema.json"))
            for member in members:
                if member.filename != "schema.json":
                    with archive.open(member) as file:
                        head = file.read(1024)
                    if not head.startswith(b"\x93NUMPY") or b"'|O'" in head or b"'O'" in head:
                        return f"{member.filename[:100]} in the skops file is not an array of plain numbers or text."
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, RecursionError, EOFError, NotImplementedError):
        return "The skops file cannot be read."
    return schema_judge(schema, frozenset(names))


def schema_judge(schema: object, members: frozenset[str]) -> str | None:
    """None when the schema holds only nodes of our list. Walks without recursion, so that depth is no
    weapon.
    """
    if not isinstance(schema, dict):
        return "The skops file's schema is not an object."
    if schema.get("protocol") != PROTOCOL or isinstance(schema.get("protocol"), bool):
        return f"The skops file has protocol {schema.get('protocol')!r}; only {PROTOCOL} is read. Save it again."
    queue: list[Any] = [schema]
    foreign: set[str] = set()
    while queue:
        node = queue.pop()
        if isinstance(node, list):
            queue.extend(one for one in node if isinstance(one, (dict, list)))
            continue
        if any(key in node for key in ("__loader__", "__class__", "__module__")):
            loader, module, name = node.get("__loader__"), node.get("__module__"), node.get("__class__")
            if not all(isinstance(part, str) for part in (loader, module, name)):
                return "The skops file holds a node without a type."
            allowed = NODES.get(str(loader))
            if allowed is None:
                foreign.add(f"{module}.{name} (by {loader})")
            elif f"{module}.{name}" not in allowed:
                foreign.add(f"{module}.{name}")
            if loader == "NdArrayNode" and node.get("type") == "numpy" and node.get("file") not in members:
                return "The skops file names an array that it does not hold."
        queue.extend(one for one in node.values() if isinstance(one, (dict, list)))
    if foreign:
        shown = ", ".join(sorted(foreign)[:5])[:300]
        return f"The model holds types that are not on Fairway's list: {shown}."
    return None


def lightgbm_judge(path: Path) -> str | None:
    """None for a LightGBM text model, else the reason."""
    with open(path, "rb") as file:
        head = file.read(64 * 1024)
    if not head.startswith(b"tree\n") or b"\nversion=" not in head or b"\nfeature_names=" not in head:
        return f"{path.name} is not a LightGBM text model."
    return None


def onnx_judge(path: Path) -> str | None:
    """None for an ONNX model that stands on its own, else the reason.

    External data would let a model name other files; custom operator domains would need foreign code.
    """
    if path.stat().st_size > MAX_MODEL_BYTES:
        return "The ONNX file is larger than 2 GiB."
    data = path.read_bytes()
    if len(data) < 16 or data[0] != 0x08:
        return f"{path.name} is not an ONNX model."
    if b"external_data" in data or b"\x0a\x08location\x12" in data:
        return "The ONNX model keeps data in other files, which is not allowed."
    return None
