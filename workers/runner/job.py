"""What the module of a job kind works with."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.runner.client import Client

MAX_PROGRESS = 200
"""Characters that the web takes as a step's text; the log has all of it."""


class Job:
    """What a kind's module works with: the spec, the client, a private directory, and a way to say things."""

    def __init__(self, client: Client, told: Mapping[str, Any], directory: Path) -> None:
        self.client = client
        self.kind = str(told["kind"])
        self.run_id = str(told.get("run_id") or os.environ.get("FAIRWAY_RUN_ID") or "")
        self.spec: dict[str, Any] = dict(told["spec"])
        # The checkpoint that this attempt begins with, or None.
        self.begun: dict[str, Any] | None = told.get("checkpoint")
        self.directory = directory
        self.cores = max(1, int(os.environ.get("FAIRWAY_CORES", "1")))

    def say(self, text: str) -> None:
        """One line of the job's log."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def progress(self, fraction: float | None, text: str) -> None:
        """Tells the web, and the log, how far the job is. Raises Cancelled."""
        self.say(text)
        self.client.progress(fraction, text[:MAX_PROGRESS])

    def fetch(self, file: Mapping[str, Any], name: str) -> Path:
        """A file of the spec, downloaded once."""
        target = self.directory / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return target if target.exists() else self.client.fetch(str(file["sha256"]), target)
