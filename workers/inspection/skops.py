"""Judges a skops archive: its directory, the types in its schema, the heads of its arrays. Unpacks nothing else."""

from __future__ import annotations

import io
import json
import re
import stat
import struct
import threading
import zipfile
from typing import IO, Any

from workers.contracts.model_files import MAX_MODEL_BYTES
from workers.inspection.allowed import NODES, PROTOCOL
from workers.inspection.files import Refused
from workers.inspection.lightgbm import lightgbm_read

MAX_SCHEMA_BYTES = 128 * 1024**2
MAX_MEMBERS = 65_000
MAX_DIRECTORY_BYTES = 16 * 1024**2
MAX_EXPANSION = 200
MAX_ARRAY_HEAD = 16 * 1024
_BROKEN = (zipfile.BadZipFile, OSError, ValueError, KeyError, RecursionError, EOFError, NotImplementedError)
_END = struct.Struct("<4s4H2LH")
_OBJECTS = re.compile(rb"['\"][<>|=]?O\d*['\"]")
_one_at_a_time = threading.Lock()
"""A schema in memory is several times its size; a process reads one at a time."""


def skops_check(file: IO[bytes], size: int) -> None:
    """Raises Refused unless every node of the archive is of a type on our list."""
    try:
        _directory_check(file, size)
        with zipfile.ZipFile(file) as archive:
            names = _members_check(archive, size)
            for name in names - {"schema.json"}:
                _array_check(archive, name)
            with _one_at_a_time:
                schema_check(archive.read("schema.json"), names)
    except _BROKEN:
        raise Refused("The skops file cannot be read.") from None


def _directory_check(file: IO[bytes], size: int) -> None:
    """The archive fills the file from its first to its last byte, and its directory is of a sane size.

    So the file is nothing else besides (a pickle with an archive behind it), and reading the directory is cheap.
    """
    if size < _END.size:
        raise Refused("The skops file cannot be read.")
    file.seek(size - _END.size)
    mark, disk, first, here, count, length, start, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or disk or first or comment or here != count:
        raise Refused("The skops file cannot be read: it is not a plain archive.")
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise Refused("The skops file has too many members.")
    file.seek(0)
    opening = file.read(4)
    if start + length != size - _END.size or opening != b"PK\x03\x04":
        raise Refused("The skops file cannot be read: it holds something beside its archive.")
    file.seek(start + length - 20 if length >= 20 else start)
    if file.read(4) == b"PK\x06\x07":
        raise Refused("The skops file cannot be read: it is not a plain archive.")


def _members_check(archive: zipfile.ZipFile, size: int) -> frozenset[str]:
    members = archive.infolist()
    names = frozenset(member.filename for member in members)
    if len(names) != len(members):
        raise Refused("The skops file holds a member twice.")
    for member in members:
        name = member.orig_filename
        plain = name == "schema.json" or (name.endswith(".npy") and not re.search(r"[/\\:\x00-\x1f]", name))
        if not plain or stat.S_ISLNK(member.external_attr >> 16) or name != member.filename:
            raise Refused(f"The skops file holds {name[:100]!r}, which does not belong there.")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("The skops file is packed in a way that is not read.")
        if member.file_size > MAX_EXPANSION * max(member.compress_size, 4096):
            raise Refused("The skops file unpacks to far more than it holds.")
    if sum(member.file_size for member in members) > MAX_MODEL_BYTES:
        raise Refused("The skops file unpacks to more than 2 GiB.")
    if sum(member.compress_size for member in members) > size:
        raise Refused("The skops file unpacks to far more than it holds: its members overlap.")
    if "schema.json" not in names or archive.getinfo("schema.json").file_size > MAX_SCHEMA_BYTES:
        raise Refused("The skops file has no schema, or one that is too large.")
    return names


def _array_check(archive: zipfile.ZipFile, name: str) -> None:
    """An array of plain numbers or text, by its own head."""
    with archive.open(name) as file:
        head = file.read(12)
        if head[:6] == b"\x93NUMPY" and len(head) == 12:
            wide = head[6] >= 2
            length = int.from_bytes(head[8:12] if wide else head[8:10], "little")
            if length <= MAX_ARRAY_HEAD:
                words = head[12 if wide else 10 :] + file.read(length)
                if b"\\" not in words[:length] and not _OBJECTS.search(words[:length]):
                    return
    raise Refused(f"{name[:100]} in the skops file is not an array of plain numbers or text.")


def schema_check(text: bytes, members: frozenset[str]) -> None:
    """Raises Refused unless the schema holds an estimator and only nodes of our list.

    Each object is judged as soon as it is read and then forgotten, so that memory does not follow the schema.
    """
    nodes = _Nodes(members)
    schema = json.loads(text, object_pairs_hook=nodes.judge)
    if nodes.foreign:
        shown = ", ".join(sorted(nodes.foreign)[:5])[:300]
        raise Refused(f"The model holds types that are not on Fairway's list: {shown}.")
    if not isinstance(schema, _Read):
        raise Refused("The skops file's schema is not an object.")
    if schema.protocol != PROTOCOL or isinstance(schema.protocol, bool):
        raise Refused(
            f"The skops file has protocol {str(schema.protocol)[:20]!r}; only {PROTOCOL} is read. Save it again."
        )
    if schema.loader not in ("ObjectNode", "TreeNode"):
        raise Refused("The skops file holds no model.")


class _Read:
    """What is remembered of an object of the schema."""

    __slots__ = ("loader", "protocol")

    def __init__(self, loader: object, protocol: object) -> None:
        self.loader = loader
        self.protocol = protocol


class _Nodes:
    def __init__(self, members: frozenset[str]) -> None:
        self._members = members
        self.foreign: set[str] = set()

    def judge(self, pairs: list[tuple[str, Any]]) -> _Read:
        """One object with all inside it read already. Raises Refused; foreign types are collected."""
        node = dict(pairs)
        if len(node) != len(pairs):
            raise Refused("The skops file's schema says the same thing twice.")
        loader = node.get("__loader__")
        if not node.keys().isdisjoint(("__loader__", "__class__", "__module__")):
            module, name = node.get("__module__"), node.get("__class__")
            if not all(isinstance(part, str) for part in (loader, module, name)):
                raise Refused("The skops file holds a node without a type.")
            allowed = NODES.get(str(loader))
            if allowed is None:
                self._note(f"{module}.{name} (by {loader})")
            elif f"{module}.{name}" not in allowed:
                self._note(f"{module}.{name}")
            if loader == "NdArrayNode" and node.get("type") == "numpy" and node.get("file") not in self._members:
                raise Refused("The skops file names an array that it does not hold.")
            if loader == "JsonNode":
                _booster_check(node.get("content"))
        return _Read(loader, node.get("protocol"))

    def _note(self, name: str) -> None:
        if len(self.foreign) < 100:
            self.foreign.add(name[:200])


def _booster_check(content: object) -> None:
    """A LightGBM model inside an estimator is a text in the schema, and judged like one in a file."""
    if isinstance(content, str) and content.startswith('"tree\\nversion='):
        lightgbm_read(io.BytesIO(json.loads(content).encode()))
