"""Entry of the child: says hello at once, fetches its spec, then loads what the job's kind needs and does
it.
"""

import os
import sys
import time


def _say(text: str) -> None:
    """One line of the job's log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


_STARTED = time.monotonic()
_NAME = f"Job {os.environ.get('FAIRWAY_JOB_ID', '?')}, attempt {os.environ.get('FAIRWAY_ATTEMPT', '?')}"
if __name__ == "__main__":
    _say(f"{_NAME}: started")  # before anything heavy is imported, so that somebody waiting sees life

import importlib  # noqa: E402 - the first line must not wait for these
import signal  # noqa: E402
import traceback  # noqa: E402
from pathlib import Path  # noqa: E402
from types import FrameType  # noqa: E402

from workers.contracts.jobspec import EXIT_BAD_INPUT, EXIT_CANCELLED, EXIT_OUT_OF_MEMORY  # noqa: E402
from workers.runner.client import ApiError, Cancelled, client_from_environment  # noqa: E402
from workers.runner.errors import BadInput  # noqa: E402
from workers.runner.job import Job  # noqa: E402

KINDS: dict[str, str] = {
    "profile": "workers.runner.profile",
    "train": "workers.runner.train",
    "evaluate": "workers.runner.evaluate",
    "export": "workers.runner.export",
    "score": "workers.runner.score",
    "command": "workers.runner.own_code",
    "build": "workers.runner.build",
    "fetch": "workers.runner.git",
}
"""Job kind -> the module whose `run(job)` does it."""
OWN_CODE = "workers.runner.own_code"
"""Does every job whose spec has code of its own, whatever its kind."""


def _terminated(number: int, frame: FrameType | None) -> None:
    raise Cancelled


def main() -> int:
    """Does the job; returns the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    client = client_from_environment()
    try:
        told = client.attempt()
        job = Job(client, told, Path.cwd())
        module = OWN_CODE if "code" in job.spec else KINDS.get(job.kind)
        if module is None:
            job.say(f"There is no job kind {job.kind!r}.")
            return 1
        importlib.import_module(module).run(job)
        job.say(f"Done after {time.monotonic() - _STARTED:.1f} s.")
        return 0
    except Cancelled:
        _say("Cancelled.")
        return EXIT_CANCELLED
    except BadInput as error:
        _say(str(error))
        try:
            client.results({"error": error.to_json()})
        except ApiError as problem:
            _say(f"The reason could not be delivered: {problem}")
            return 1
        return EXIT_BAD_INPUT
    except ApiError as error:
        _say(f"The web did not take part: {error}")
        return 1
    except MemoryError:
        _say("There is not enough memory for this job.")
        return EXIT_OUT_OF_MEMORY
    except Exception:  # noqa: BLE001 - the log is the only place where this can be told
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
