"""Following a job until it ends: its lines once each, its end as an exit code."""

from __future__ import annotations

import time
from typing import Any

import click

from fairway_client.api import Api
from fairway_client.errors import Failed
from fairway_client.output import safe

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"})
LOOK_S = 0.5
PAGE = 1000


def lines_print(api: Api, job_id: str, *, follow: bool, beside: bool = False) -> None:
    """The lines of the log by their numbers; with `follow` until the job has ended and none is left.

    `beside` prints them to standard error, where the output is for a script.
    """
    after = 0
    while True:
        page = api.get(f"jobs/{job_id}/log", after=after, limit=PAGE)
        for line in page["lines"]:
            click.echo(safe(line["text"]), err=beside)
        after = page["next"]
        if page["lines"] and after < page["line_count"]:
            continue
        if page["ended"] or not follow:
            return
        time.sleep(LOOK_S)


def job_wait(api: Api, job_id: str) -> dict[str, Any]:
    """The job once it is over; its progress goes to standard error. Raises Failed with its cause."""
    said = ""
    while True:
        job: dict[str, Any] = api.get(f"jobs/{job_id}")
        word = job["state"].lower().replace("_", " ")
        share = f" {job['progress']:.0%}" if job["progress"] is not None and job["state"] not in FINAL else ""
        now = f"job {job['number']} {word}{share} {safe(job['progress_text'])}".strip()
        if now != said:
            click.echo(now, err=True)
            said = now
        if job["state"] in FINAL:
            return job_check(job)
        time.sleep(LOOK_S)


def job_check(job: dict[str, Any]) -> dict[str, Any]:
    """The job when it succeeded. Raises Failed with its cause."""
    if job["state"] != "SUCCEEDED":
        word = job["state"].lower().replace("_", " ")
        raise Failed(f"Job {job['number']} ended {word}. {safe(job['cause'] or job['cancel_reason'])}".strip())
    return job


def bundle_wait(api: Api, bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle once the job that reads it has ended. Raises Failed with what cannot be read."""
    if bundle["job_id"] and bundle["state"] not in ("READY", "FAILED"):
        job_wait(api, bundle["job_id"])
        bundle = api.get(f"code-bundles/{bundle['id']}")
    if bundle["state"] == "FAILED":
        raise Failed(f"The code cannot be used. {safe(bundle['cause'])}")
    return bundle
