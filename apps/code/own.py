"""This installation's own environment: which Python, on what, with which packages."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from apps.core.build import build


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """Python as "3.11", platform as "linux-x86_64", and a digest over them and the packages that are installed."""

    python: str
    platform: str
    digest: str
    packages: tuple[tuple[str, str], ...]


@cache
def own_environment() -> OwnEnvironment:
    """Facts of the running interpreter, read once."""
    python, platform = f"{sys.version_info[0]}.{sys.version_info[1]}", sysconfig.get_platform()
    rows = {(one.metadata["Name"] or "").lower(): one.version for one in metadata.distributions()}
    packages = tuple(sorted((name, version) for name, version in rows.items() if name))
    lines = [f"{name}=={version}" for name, version in packages]
    text = "\n".join([build().lock_digest, python, platform, *lines])
    return OwnEnvironment(python, platform, hashlib.sha256(text.encode()).hexdigest(), packages)
