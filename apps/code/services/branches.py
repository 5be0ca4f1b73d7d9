"""Asking a git repository which commit a branch is at."""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from apps.code.services.bundles import repository_check
from apps.compute.selectors import target_local
from apps.compute.services import executor_of
from apps.core.errors import Invalid, Unavailable
from workers.contracts.jobspec import JobLimits, JobSpec, JobState
from workers.executors.base import ExecutorError

_BRANCH = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}$")
_ANSWER = re.compile(r"^(commit|problem) (.+)$")
_LIMITS = JobLimits(wall_seconds=60, cpu_seconds=30, memory_bytes=1024**3, output_bytes=64 * 1024)
PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.05


def branch_check(branch: str) -> str:
    """The name of a branch. Raises Invalid at `branch`."""
    name = branch.strip().removeprefix("refs/heads/")
    if not _BRANCH.match(name) or ".." in name or "//" in name or name.endswith(("/", ".", ".lock")):
        raise Invalid.field("branch", "Give the name of a branch, such as main.")
    return name


def branch_commit(repository: str, branch: str) -> str:
    """The commit that the branch is at now, told by the remote; called by a worker, outside any transaction.

    git runs as a job's child does: in a sandbox of this machine that reaches the repository's port alone, without any
    secret. It takes up to a minute. Raises Invalid for what cannot be asked, Unavailable with why nothing was told.
    """
    url, name = repository_check(repository), branch_check(branch)
    parts = urlsplit(url)
    asked = f"branch-{uuid.uuid4()}"
    directory = Path(settings.FAIRWAY_HOME) / "jobs" / asked / "1"
    spec = JobSpec(
        job_id=asked,
        attempt=1,
        kind="branch",
        argv=(sys.executable, "-P", "-m", "workers.runner.branch"),
        directory=str(directory),
        env={"FAIRWAY_REPOSITORY": url, "FAIRWAY_BRANCH": name},
        limits=_LIMITS,
        connect_ports=(parts.port or (80 if parts.scheme == "http" else 443),),
    )
    try:
        executor = executor_of(target_local())
        handle = executor.submit(spec)
        wait, end = threading.Event().wait, time.monotonic() + PATIENCE_SECONDS
        while (status := executor.status(handle)).state is JobState.RUNNING and time.monotonic() < end:
            wait(_POLL_SECONDS)
        if status.state is JobState.RUNNING:
            executor.stop(handle, 0.0)
        lines = [line.text for line in executor.lines(handle)]
    except ExecutorError as error:
        raise Unavailable(f"The repository could not be asked: {error}") from error
    finally:
        shutil.rmtree(directory.parent, ignore_errors=True)
    found = next((match for line in reversed(lines) if (match := _ANSWER.match(line))), None)
    if found is None or found[1] == "problem":
        why = found[2] if found is not None else status.cause or "git told nothing."
        raise Unavailable(why[:500])
    return found[2].strip()
