"""`make lock`: write requirements/ again from pyproject.toml, with every wheel's hash and no host."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from controlplane.stack.config import ROOT
from controlplane.stack.messages import StackError, Step

# Each file with what it is made of. Later files keep to the versions of the first, so that one environment fits all;
# what is a group alone is an environment of its own.
SETS: dict[str, tuple[str, ...]] = {
    "base": (),
    "cloud": ("--extra", "cloud"),
    "ray": ("--extra", "ray"),
    "test": ("--group", "test"),
    "node": ("--only-group", "node"),
    "clients/mlflow-3": ("--only-group", "client-3"),
    "clients/mlflow-2": ("--only-group", "client-2"),
    "clients/mlflow-server": ("--only-group", "server-3"),
}
HOST = re.compile(r"https?://|--index-url|--extra-index-url|--find-links|--trusted-host", re.I)


def lock_write(root: Path = ROOT, *, upgrade: bool = True) -> None:
    """Resolve for every platform and Python from 3.11 on, wheels only. Raises StackError with the resolver's words."""
    with tempfile.TemporaryDirectory(prefix="fairway-lock-") as folder:
        step = Step("Fetching the resolver")
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], root)
        step.done()
        for name, options in SETS.items():
            step = Step(f"requirements/{name}.txt")
            target = root / "requirements" / f"{name}.txt"
            only = bool(options) and options[0] == "--only-group"
            source = ["--group", options[1]] if only else ["pyproject.toml", *options]
            new = Path(folder) / f"{name}.txt"
            new.parent.mkdir(exist_ok=True)
            target.parent.mkdir(exist_ok=True)
            if not upgrade and target.exists():
                new.write_text(target.read_text())
            constraints = [] if only or name == "base" else ["--constraint", str(root / "requirements" / "base.txt")]
            _run(
                [
                    str(python), "-m", "uv", "pip", "compile", *source, *constraints, "--universal",
                    "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate",
                    "--no-emit-index-url", "--no-build", "--quiet", "--output-file", str(new),
                ],
                root,
            )  # fmt: skip
            text = new.read_text()
            if HOST.search(text):
                raise StackError(f"The resolver wrote a host's name into {name}.txt, so the old file is kept.")
            target.write_text(text)
            step.done(f"{sum(1 for line in text.splitlines() if line[:1].isalnum())} packages")


def _run(command: list[str], root: Path) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise StackError(f"{' '.join(command[2:5])} failed: {said}")


if __name__ == "__main__":
    try:
        lock_write(upgrade="--upgrade" in sys.argv)
    except StackError as failure:
        sys.exit(str(failure))
