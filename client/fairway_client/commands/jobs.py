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
@click.option("--resume", is_flag=True, help="Go on from its newest checkpoint.")
@options.as_json
@options.with_api
def retry(api: Api, job: str, resume: bool, as_json: bool) -> None:
    """Begin an ended JOB again, as a new job."""
    found = find.numbered(api, "job", "jobs", job)
    _print(api.post(f"jobs/{found['id']}/{'resume' if resume else 'retry'}"), as_json)


@click.command()
@click.argument("target", required=False)
@options.as_json
@options.with_api
def queue(api: Api, target: str | None, as_json: bool) -> None:
    """Say what runs on TARGET and what waits in which order.

    TARGET is a name or an id; without one the targets are listed with how many jobs run and wait on each.
    """
    queues = api.get("queues")
    if target is None:
        heads: output.Columns = {
            "target": "target",
            "state": lambda row: row["state"].lower(),
            "running": "running",
            "waiting": "waiting",
        }
        output.print_rows(queues, heads, as_json=as_json, empty="There are no targets that you may use.")
        return
    fits = [row for row in queues if target in (row["target"], row["target_id"])]
    if not fits:
        raise click.UsageError(f"There is no target {target}; fairway queue lists them.")
    found = api.get(f"queues/{fits[0]['target_id']}")
    if as_json:
        output.print_json(found)
        return
    columns: output.Columns = {
        "no.": lambda row: row["position"] or "runs",
        "job": lambda row: row["number"] or "–",
        "title": lambda row: row["title"] or "a job of another team",
        "team": "team",
        "priority": "priority",
        "expected": lambda row: moment(row["moment"]) if row["moment"] else "not known",
    }
    rows = [*found["running_jobs"], *found["waiting_jobs"]]
    output.print_rows(rows, columns, as_json=False, empty="Nothing runs or waits there.")
    click.echo(f"{found['running']} of {found['places']} places taken, {found['waiting']} waiting", err=True)
    if found["standing"]:
        click.echo(output.safe(found["standing"]), err=True)


def _print(job: dict[str, object], as_json: bool) -> None:
    state = str(job["state"]).lower().replace("_", " ")
    facts = {"job": job["number"], "state": state, "title": job["title"], "id": job["id"]}
    output.print_facts(job, facts, as_json=as_json)
