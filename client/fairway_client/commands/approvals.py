"""Asking for an approval, and deciding on one."""

from __future__ import annotations

import click

from fairway_client import find, options, output
from fairway_client.api import Api


@click.command()
@click.argument("version")
@click.option("--evaluation", help="Number or id; by default the newest that counts.")
@click.option("-m", "--message", default="", help="What the product owner should look at.")
@click.option("--environment", help="Where it shall go live.")
@options.as_json
@options.with_api
def request(
    api: Api, version: str, evaluation: str | None, message: str, environment: str | None, as_json: bool
) -> None:
    """Ask for the approval of VERSION.

    VERSION is NAME, NAME:2, NAME@ALIAS or an id.
    """
    body = {"model_version_id": find.model_version(api, version)["id"], "message": message}
    if evaluation:
        body["evaluation_id"] = find.numbered(api, "evaluation", "evaluations", evaluation)["id"]
    if environment:
        body["environment"] = environment
    _print(api.post("requests", body), as_json)


@click.command()
@click.argument("request")
@click.argument("vote", type=click.Choice(["approve", "refuse"]))
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@click.option("--override", default="", help="What the server asks to be typed to approve against a failing gate.")
@options.as_json
@options.with_api
def decide(api: Api, request: str, vote: str, reason: str, override: str, as_json: bool) -> None:
    """Approve or refuse REQUEST on the evidence as it is now.

    REQUEST is a number or an id.
    """
    found = find.numbered(api, "request", "requests", request)
    body = {"vote": vote.upper(), "reason": reason, "evidence_digest": found["evidence_digest"]}
    if override:
        body["override_confirmation"] = override
    api.post(f"requests/{found['id']}/decision", body)
    _print(api.get(f"requests/{found['id']}"), as_json)


def _print(told: dict[str, object], as_json: bool) -> None:
    facts = {
        "request": told["number"],
        "state": str(told["state"]).lower(),
        "environment": told["environment"],
        "due": output.moment(told["due_at"]),
        "id": told["id"],
    }
    output.print_facts(told, facts, as_json=as_json)
