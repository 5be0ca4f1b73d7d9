"""Programs that read and write tables for the web, which loads no data library: what starts each, and its bounds."""

import sys
from pathlib import Path

from workers.contracts.jobspec import PROJECT_ROOT

ROWS, COLUMNS, CELL = 200, 60, 200
"""The most rows and columns, and characters of a cell."""


Command = tuple[list[str], dict[str, str], Path]
"""Arguments, an environment without anything of the caller's, and the directory."""


def peek_command() -> Command:
    """Prints the head of the Parquet file that is its standard input (`workers.runner.peek`)."""
    return _command("workers.runner.peek")


def writer_command() -> Command:
    """Writes rows from its standard input as Parquet to its standard output (`workers.runner.parquet`)."""
    return _command("workers.runner.parquet")


def _command(module: str) -> Command:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-m", module], environment, PROJECT_ROOT
