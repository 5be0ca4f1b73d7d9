"""`make reset`: ask, then wipe the folder with everything of this installation. Standard library only."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Only what the stack itself makes is deleted, so that a wrongly set FAIRWAY_HOME costs nothing else.
OURS = ("postgres", "valkey", "secrets", "logs", "run", "storage", "gateway", "static", "jobs", "spool", "backups")


def main(arguments: list[str]) -> int:
    """Delete the installation's data after a yes (`--yes` answers for the person). Returns the exit code."""
    home = Path(os.environ.get("FAIRWAY_HOME") or ROOT / "var").expanduser().resolve()
    if not home.is_dir():
        sys.stdout.write(f"{home} does not exist, so there is nothing to wipe.\n")
        return 0
    if not (home / "run").is_dir() and any(home.iterdir()):
        sys.stderr.write(f"{home} was not made by Fairway, so it is left alone: look at FAIRWAY_HOME.\n")
        return 1
    if running(home):
        sys.stderr.write(f"Fairway runs on {home}: stop it first, then run the same command again.\n")
        return 1
    if "--yes" not in arguments:
        sys.stdout.write(
            f"This deletes the database, the stored files, the secrets and the logs in {home}.\nType yes to go on: "
        )
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() != "yes":
            sys.stdout.write("Nothing was deleted.\n")
            return 1
    try:
        for name in OURS:
            if (home / name).is_symlink():
                (home / name).unlink()
            elif (home / name).exists():
                shutil.rmtree(home / name)
    except OSError as error:
        sys.stderr.write(f"{error.filename} cannot be deleted ({error.strerror}): delete it as the user who made it.\n")
        return 1
    left = sorted(path.name for path in home.iterdir())
    if left:
        sys.stdout.write(f"Wiped; {', '.join(left)} in {home} was not made by Fairway and is kept.\n")
    else:
        home.rmdir()
        sys.stdout.write(f"{home} is wiped.\n")
    return 0


def running(home: Path) -> bool:
    """Whether a supervisor holds the lock of this home."""
    try:
        with open(home / "run" / "supervisor.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
    except OSError:
        return False
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
