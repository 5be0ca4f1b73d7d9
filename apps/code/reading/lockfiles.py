"""Lockfiles: requirements with hashes, as `uv export`, `uv pip compile` and pip-compile write them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.core.errors import Invalid

MAX_PACKAGES = 1_000
_PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[A-Za-z0-9._,\s-]*)\])?\s*===?\s*"
    r"(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)\s*(?:;\s*(?P<marker>[^;#]+))?$"
)
_HASH = re.compile(r"--hash[=\s]+(\S+)")
_SHA = re.compile(r"^sha256:[0-9a-f]{64}$")
_CONDA = re.compile(
    r"^(name|channels|dependencies|prefix)\s*:|^@EXPLICIT|^[A-Za-z0-9_][A-Za-z0-9_.-]*=[^=\s]+=\S+$|^\s*-\s+[\w.-]+=[\w.]+"
)
HOW = "uv pip compile --generate-hashes requirements.in -o requirements.lock"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock in its canonical form: one line a package with all its hashes, sorted. `packages`: (name, version)."""

    text: str
    packages: tuple[tuple[str, str], ...]

    def digest(self, python: str, platform: str) -> str:
        """The name of the environment that it makes."""
        return hashlib.sha256(f"{self.text}\npython {python}\nplatform {platform}\n".encode()).hexdigest()


def _refuse(path: str, text: str) -> Invalid:
    return Invalid.field("lock", f"{path}: {text}")


def lock_read(text: str, path: str) -> Lock:
    """The lock of a file. Raises Invalid at `lock` with the line and what to do."""
    name = path.rpartition("/")[2]
    if name in ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock") or name.startswith("pylock"):
        raise _refuse(path, "export it: uv export --format requirements-txt -o requirements.lock (it has the hashes).")
    if any(_CONDA.match(line) for line in text.splitlines()[:200]):
        raise _refuse(
            path,
            "this is a conda list, whose packages pip does not install. Name those that are on the package index in "
            f"requirements.in and lock them: {HOW}.",
        )
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for number, line in _lines(text):
        name, version, whole = _requirement(path, number, line)
        marker = whole.partition(";")[2].partition("--hash")[0].strip()
        key = (name, marker)
        if key in found and found[key][1] != whole:
            raise _refuse(path, f"line {number}: {name} is pinned twice, to different files.")
        found[key] = (version, whole)
        if len(found) > MAX_PACKAGES:
            raise _refuse(path, f"it has more than {MAX_PACKAGES} packages.")
    if not found:
        raise _refuse(path, "it locks no package.")
    rows = sorted((name, version, whole) for (name, _), (version, whole) in found.items())
    packages = tuple(dict.fromkeys((name, version) for name, version, _ in rows))
    return Lock("".join(whole + "\n" for _, _, whole in rows), packages)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(line number, logical line) with continuations joined and comments gone."""
    held, begin = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        plain = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        begin = begin or number
        if plain.endswith("\\"):
            held += plain[:-1] + " "
            continue
        whole = (held + plain).strip()
        if whole:
            yield begin, whole
        held, begin = "", 0
    if held.strip():
        yield begin, held.strip()


def _requirement(path: str, number: int, line: str) -> tuple[str, str, str]:
    """(name, version, canonical line) of a requirement."""
    where = f"line {number}: "
    if line.startswith("-"):
        option = line.split()[0].partition("=")[0]
        if option in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"):
            raise _refuse(path, f"{where}{option} is not taken: the package index is a setting of the installation.")
        raise _refuse(path, f"{where}{option} is not taken: a lock names packages with == and --hash alone.")
    hashes = _HASH.findall(line)
    plain = _HASH.sub("", line).strip()
    if " @ " in plain or "://" in plain or plain.startswith((".", "/")):
        raise _refuse(path, f"{where}“{plain[:60]}” comes from an address or a folder. Lock it from the package index.")
    match = _PINNED.match(plain)
    if match is None:
        raise _refuse(path, f"{where}“{plain[:60]}” is not pinned with ==. Lock it: {HOW}.")
    shas = sorted({one for one in hashes if _SHA.match(one)})
    if not shas:
        raise _refuse(path, f"{where}{match['name']} has no --hash=sha256:…. Lock with hashes: {HOW}.")
    name = re.sub(r"[-_.]+", "-", match["name"]).lower()
    extras = sorted({one.strip().lower() for one in (match["extras"] or "").split(",") if one.strip()})
    shown = f"{name}[{','.join(extras)}]" if extras else name
    marker = " ".join((match["marker"] or "").split())
    return (
        name,
        match["version"],
        " ".join(
            [f"{shown}=={match['version']}", *([f"; {marker}"] if marker else []), *(f"--hash={sha}" for sha in shas)]
        ),
    )
