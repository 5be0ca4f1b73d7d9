"""A kind of job for fault tests: its child runs the Python text of the spec. Loaded by the test's own worker."""

from __future__ import annotations

import sys

from apps.jobs.contracts import JobKind, job_kind_register


def argv(job) -> tuple[str, ...]:
    return (sys.executable, "-u", "-I", "-c", str(job.spec["program"]))


job_kind_register(JobKind("flow.program", "Program of a test", argv=argv))
