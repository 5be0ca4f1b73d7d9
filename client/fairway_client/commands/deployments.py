"""What is live: starting, going back, stopping, asking."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import quote

import click
import httpx

from fairway_client import find, login, options, output
from fairway_client.api import Api
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
