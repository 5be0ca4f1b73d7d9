"""How much of a Parquet file a preview shows, and what starts the process that reads it (`workers.runner.peek`)."""

import sys
from pathlib import Path

from workers.contracts.jobspec import PROJECT_ROOT

ROWS, COLUMNS, CELL = 200, 60, 200
"""The most rows and columns, and characters of a cell."""


def command() -> tuple[list[str], dict[str, str], Path]:
    """Arguments, an environment without anything of the caller's, and the directory; the file is its standard input."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-m", "workers.runner.peek"], environment, PROJECT_ROOT
