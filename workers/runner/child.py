"""Entry of the child: says hello at once, fetches its spec, then loads what the job's kind needs and does it."""

import os
import sys
import time

_STARTED = time.monotonic()
_NAME = f"Job {os.environ.get('FAIRWAY_JOB_ID', '?')}, attempt {os.environ.get('FAIRWAY_ATTEMPT', '?')}"
if __name__ == "__main__":
    print(
        f"{_NAME}: started", flush=True
    )  # before anything heavy is imported, so that somebody waiting sees life

import importlib  # noqa: E402 - the first line must not wait for these
import signal  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from types import FrameType  # noqa: E402
from typing import Any  # noqa: E402

from workers.contracts.jobspec import EXIT_BAD_INPUT, EXIT_CANCELLED, EXIT_OUT_OF_MEMORY  # noqa: E402
from workers.runner.client import ApiError, Cancelled, Client, client_from_environment  # noqa: E402
from workers.runner.errors import BadInput  # noqa: E402

KINDS: dict[str, str] = {
    "profile": "workers.runner.profile",
    "train": "workers.runner.train",
    "evaluate": "workers.runner.evaluate",
}
"""Job kind -> the module whose `run(job)` does it."""


class Job:
    """What a kind's module works with: the spec, the client, a private directory, and a way to say things."""

    def __init__(self, client: Client, told: Mapping[str, Any], directory: Path) -> None:
        self.client = client
        self.kind = str(told["kind"])
        self.run_id = str(told.get("run_id") or os.environ.get("FAIRWAY_RUN_ID") or "")
        self.spec: dict[str, Any] = dict(told["spec"])
        self.directory = directory
        self.cores = max(1, int(os.environ.get("FAIRWAY_CORES", "1")))

    def say(self, text: str) -> None:
        """One line of the job's log."""
        print(text, flush=True)

    def progress(self, fraction: float | None, text: str) -> None:
        """Tells the web, and the log, how far the job is. Raises Cancelled."""
        self.say(text)
        self.client.progress(fraction, text)

    def fetch(self, file: Mapping[str, Any], name: str) -> Path:
        """A file of the spec, downloaded once."""
        target = self.directory / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return target if target.exists() else self.client.fetch(str(file["sha256"]), target)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def main() -> int:
    """Does the job; returns the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    client = client_from_environment()
    try:
        told = client.attempt()
        job = Job(client, told, Path.cwd())
        module = KINDS.get(job.kind)
        if module is None:
            job.say(f"There is no job kind {job.kind!r}.")
            return 1
        importlib.import_module(module).run(job)
        job.say(f"Done after {time.monotonic() - _STARTED:.1f} s.")
        return 0
    except Cancelled:
        print("Cancelled.", flush=True)
        return EXIT_CANCELLED
    except BadInput as error:
        print(str(error), flush=True)
        try:
            client.results({"error": error.to_json()})
        except ApiError as problem:
            print(f"The reason could not be delivered: {problem}", flush=True)
            return 1
        return EXIT_BAD_INPUT
    except ApiError as error:
        print(f"The web did not take part: {error}", flush=True)
        return 1
    except MemoryError:
        print("There is not enough memory for this job.", flush=True)
        return EXIT_OUT_OF_MEMORY
    except Exception:  # noqa: BLE001 - the log is the only place where this can be told
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
