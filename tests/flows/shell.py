"""The command line as a person's shell runs it: a process of its own, that knows nothing of the server's code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.stack.config import ROOT


@dataclass(frozen=True)
class Shell:
    """One person's shell, with a folder for what `fairway login` keeps."""

    folder: Path
    url: str = ""
    token: str = ""

    def run(self, *words: str, text: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """One command, whatever its end."""
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "client"), "FAIRWAY_CONFIG": str(self.folder)}
        if self.url:
            env |= {"FAIRWAY_URL": self.url, "FAIRWAY_TOKEN": self.token}
        return subprocess.run(
            [sys.executable, "-m", "fairway_client", *words],
            cwd=self.folder,
            env=env,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def say(self, *words: str, text: str = "", ends: int = 0) -> str:
        """What a command prints; it must end with this exit code."""
        done = self.run(*words, text=text)
        assert done.returncode == ends, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if ends == 0 else done.stdout + done.stderr

    def tell(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.say(*words, "--json"))
