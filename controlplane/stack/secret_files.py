"""Secrets of this installation: made once, kept in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NAMES = ("secret-key", "gateway-key", "database-password", "valkey-password")


def secret(home: Path, name: str) -> str:
    """The secret of this name, made at the first call. Raises OSError when it can be neither read nor made."""
    path = secret_path(home, name)
    if path.exists():
        value = path.read_text().strip()
        if value:
            return value
        path.unlink()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    value = secrets.token_urlsafe(48)
    private_write(path, value)
    return value


def secret_path(home: Path, name: str) -> Path:
    """Where the secret is kept."""
    return home / "secrets" / name


def private_write(path: Path, text: str) -> None:
    """Replace a file at once by one that only its owner reads."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
