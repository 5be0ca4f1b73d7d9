"""What this installation is: version, commit, and a digest of its locked dependencies."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Build:
    """`commit` is empty where the installation is not a git checkout."""

    version: str
    commit: str
    lock_digest: str
    python: str


def _commit() -> str:
    head = _ROOT / ".git" / "HEAD"
    try:
        text = head.read_text().strip()
        if not text.startswith("ref: "):
            return text
        name = text.removeprefix("ref: ")
        loose = _ROOT / ".git" / name
        if loose.exists():
            return loose.read_text().strip()
        for line in (_ROOT / ".git" / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return line.split(" ")[0]
    except OSError:
        pass
    return ""


@cache
def build() -> Build:
    """Facts of the running code, read once."""
    try:
        number = version("fairway")
    except PackageNotFoundError:
        number = "0.1.0"
    lock = _ROOT / "requirements" / "base.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else ""
    return Build(version=number, commit=_commit(), lock_digest=digest, python=platform.python_version())
