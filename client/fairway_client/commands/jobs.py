"""Jobs: what runs, its log, and its end."""

from __future__ import annotations

import click

from fairway_client import find, options, output, waiting
from fairway_client.api import Api
from fairway_client.output import moment

STATES = ["PENDING", "QUEUED", "STARTING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]


@click.command()
@click.option("--state", type=click.Choice(STATES, case_sensitive=False))
@click.option("--kind", help="For example train or evaluate.")
@options.team
@options.limit
@options.as_json
@options.with_api
def jobs(api: Api, state: str | None, kind: str | None, team: str | None, limit: int, as_json: bool) -> None:
    """List the jobs."""
    found = api.rows("jobs", limit, state=state, kind=kind, team=find.team_of(api, team) if team else "")
    columns: output.Columns = {
        "job": "number",
        "state": lambda row: row["state"].lower().replace("_", " "),
        "title": "title",
        "launched by": "launched_by",
        "queued": lambda row: moment(row["queued_at"]),
        "id": "id",
    }
    output.print_rows(found, columns, as_json=as_json, empty="There are no such jobs.")


@click.command()
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended; the exit code says how.")
@options.with_api
def logs(api: Api, job: str, follow: bool) -> None:
    """Print the log of JOB, a number or an id."""
    found = find.numbered(api, "job", "jobs", job)
    waiting.lines_print(api, found["id"], follow=follow)
    if follow:
        waiting.job_check(api.get(f"jobs/{found['id']}"))


@click.command()
@click.argument("job")
@click.option("--reason", default="", help="Why, for whoever finds the job ended.")
@options.as_json
@options.with_api
def cancel(api: Api, job: str, reason: str, as_json: bool) -> None:
    """End JOB and every process it began."""
    found = find.numbered(api, "job", "jobs", job)
    told = api.post(f"jobs/{found['id']}/cancel", {"reason": reason})
    _print(told, as_json)


@click.command()
@click.argument("job")
@options.as_json
@options.with_api
def retry(api: Api, job: str, as_json: bool) -> None:
    """Begin an ended JOB again, as a new job."""
    found = find.numbered(api, "job", "jobs", job)
    _print(api.post(f"jobs/{found['id']}/retry"), as_json)


def _print(job: dict[str, object], as_json: bool) -> None:
    state = str(job["state"]).lower().replace("_", " ")
    facts = {"job": job["number"], "state": state, "title": job["title"], "id": job["id"]}
    output.print_facts(job, facts, as_json=as_json)
