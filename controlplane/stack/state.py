"""What the supervisor writes down for `manage.py status`, tests and the guard: `run/supervisor.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from controlplane.stack.secret_files import private_write


def state_path(home: Path) -> Path:
    """Where the state of this home's supervisor is kept; it holds no secret."""
    return home / "run" / "supervisor.json"


def state_write(home: Path, state: dict[str, Any]) -> None:
    """Replace the state at once. A full disk must not stop the supervisor, so that failure is left to its log."""
    private_write(state_path(home), json.dumps(state, indent=1))


def state_read(home: Path) -> dict[str, Any]:
    """The last state that was written; empty when none was."""
    try:
        value = json.loads(state_path(home).read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
