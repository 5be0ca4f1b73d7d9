"""Whether the collected static files are still those of the sources: collecting and compressing takes seconds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SOURCES = ("frontend/static", "frontend/css", "frontend/js", "frontend/icons", "frontend/vendor")


def static_digest(root: Path) -> str:
    """Names, sizes and times of every source of a static file, and the versions of the packages that bring some."""
    digest = hashlib.sha256()
    for source in SOURCES:
        for folder, folders, files in os.walk(root / source, followlinks=True):
            folders.sort()
            for name in sorted(files):
                status = os.stat(os.path.join(folder, name))
                digest.update(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    for path in (root / "requirements" / "base.txt", *sorted((root / "controlplane" / "settings").glob("*.py"))):
        if path.exists():
            digest.update(path.read_bytes())
    for own in sorted((root / "apps").glob("*/static")):
        for path in sorted(own.rglob("*")):
            digest.update(f"{path} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def static_current(root: Path, home: Path) -> bool:
    """Whether the last collection was made of the sources as they are."""
    stamp = home / "run" / "static.stamp"
    try:
        return (home / "static").is_dir() and stamp.read_text() == static_digest(root)
    except OSError:
        return False


def static_stamp(root: Path, home: Path) -> None:
    """Note that the collection is made of the sources as they are."""
    (home / "run" / "static.stamp").write_text(static_digest(root))
