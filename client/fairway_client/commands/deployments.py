"""What is live: starting, going back, stopping, asking."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx

from fairway_client import find, login, options, output, waiting
from fairway_client.api import Api
from fairway_client.commands.data import TARGET, fetch
from fairway_client.errors import Away, Refused


def _found(api: Api, name: str) -> dict[str, Any]:
    row = find.named(api, "deployment", "deployments", name)
    return dict(api.get(f"deployments/{row['id']}"))


def _print(told: dict[str, Any], as_json: bool) -> None:
    live: dict[str, Any] = next((row for row in told.get("rollouts", []) if row["state"] == "LIVE"), {})
    facts = {
        "deployment": told["name"],
        "environment": told["environment"],
        "state": told["state"].lower(),
        "because": told["state_reason"],
        "live version": live.get("model_version_id"),
        "ask at": told.get("infer_url"),
        "id": told["id"],
    }
    output.print_facts(told, facts, as_json=as_json)


@click.command()
@click.argument("request")
@options.as_json
@options.with_api
def deploy(api: Api, request: str, as_json: bool) -> None:
    """Put live again what REQUEST approved.

    REQUEST is a number or an id. An approval puts its version live by itself.
    """
    found = find.numbered(api, "request", "requests", request)
    told = api.post("deployments", {"request_id": found["id"]})
    _print(api.get(f"deployments/{told['id']}"), as_json)


def _act(name: str, text: str) -> click.Command:
    """A command for a step that takes a reason."""

    def acted(api: Api, deployment: str, reason: str, as_json: bool) -> None:
        found = _found(api, deployment)
        api.post(f"deployments/{found['id']}/{name}", {"reason": reason})
        _print(api.get(f"deployments/{found['id']}"), as_json)

    acted.__doc__ = text
    command = click.option("--reason", required=True, help="Why; it is kept.")(options.as_json(options.with_api(acted)))
    return click.command(name)(click.argument("deployment")(command))


rollback = _act("rollback", "Put back what was live before.")
kill = _act("kill", "Stop the present version at once.")
pause = _act("pause", "Answer nothing until it is resumed.")
resume = _act("resume", "Let it answer again.")


@click.command()
@click.argument("deployment")
@click.argument("rows", type=click.File("r"), default="-")
@options.with_api
def predict(api: Api, deployment: str, rows: Any) -> None:
    """Ask DEPLOYMENT about rows.

    ROWS is a file with a JSON object or a list of them; without one they are read from standard input.
    """
    try:
        records = json.load(rows)
    except ValueError as error:
        raise click.UsageError(f"The rows are not JSON: {error}.") from error
    found = _found(api, deployment)
    address = found["infer_url"].rpartition("/v2/models/")[0] + f"/{quote(found['name'])}/invocations"
    body = {"dataframe_records": records if isinstance(records, list) else [records]}
    headers = {"Authorization": f"Bearer {login.load().token}"}
    try:
        answer = httpx.post(address, json=body, headers=headers, timeout=30)
    except httpx.TransportError as error:
        raise Away(f"{address} cannot be reached: {error}.") from error
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if answer.status_code != httpx.codes.OK:
        raise Refused({"status": answer.status_code, "detail": f"The gateway answered {answer.status_code}.", **told})
    json.dump(told, sys.stdout, indent=2)
    click.echo()


@click.command()
@click.argument("deployment")
@click.argument("data")
@click.option("--version", "expected", help="NAME:2, NAME@ALIAS or an id; refused when another version answers.")
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), default="normal", show_default=True)
@click.option("--target", help="Name or id of the compute target.")
@click.option("--wait", is_flag=True, help="Wait until the table is scored.")
@click.option("-o", "--output", "to", type=TARGET, help="File to write, which waits; CSV when its name ends so.")
@options.as_json
@options.with_api
def score(
    api: Api,
    deployment: str,
    data: str,
    expected: str | None,
    priority: str,
    target: str | None,
    wait: bool,
    to: Path | None,
    as_json: bool,
) -> None:
    """Score the table DATA with what DEPLOYMENT answers with.

    DATA is NAME or NAME:2 of a dataset, or an id. Each row is answered as a call would be.
    """
    if to is not None and to.exists():
        raise click.UsageError(f"{to} exists; name another file with --output.")
    body: dict[str, Any] = {"dataset_version_id": find.data_version(api, data)["id"], "priority": priority}
    if expected:
        body["model_version_id"] = find.model_version(api, expected)["id"]
    if target:
        body["target_id"] = find.named(api, "compute target", "compute-targets", target)["id"]
    where = f"deployments/{_found(api, deployment)['id']}/batch-scores"
    made = api.post(where, body)
    if wait or to is not None:
        waiting.job_wait(api, made["job_id"])
        made = api.get(f"{where}/{made['id']}")
    facts = {
        "batch score": made["number"],
        "state": made["state"].lower(),
        "scored": made["scored"],
        "refused": made["refused"],
        "job": made["job_id"],
        "id": made["id"],
    }
    output.print_facts(made, facts, as_json=as_json)
    if to is not None:
        kind = "csv" if to.suffix.lower() == ".csv" else "parquet"
        fetch(api, f"{where}/{made['id']}/file?kind={kind}", to)
