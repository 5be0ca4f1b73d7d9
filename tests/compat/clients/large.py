"""An artifact of 1 GB, up and down again."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import mlflow

BLOCK = 1024 * 1024


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    mlflow.set_experiment("compat large")
    path = Path("large.bin")
    with path.open("wb") as file:
        for _ in range(1000):
            file.write(os.urandom(BLOCK))
    wanted = digest(path)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(path))
    path.unlink()
    there = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/large.bin", dst_path="back"))
    said = {"size": there.stat().st_size, "same": digest(there) == wanted}
    there.unlink()
    sys.stdout.write(json.dumps(said) + "\n")


main()
