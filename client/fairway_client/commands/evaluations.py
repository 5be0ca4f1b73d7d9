"""Judging a version, its gates, and the report as a file."""

from __future__ import annotations

from pathlib import Path

import click

from fairway_client import find, options, output, waiting
from fairway_client.api import Api
from fairway_client.commands.data import TARGET, fetch
from fairway_client.errors import Failed

FORMATS = {"HTML": "html", "PDF": "pdf", "PARQUET": "parquet", "MODEL_CARD": "md"}
KIND = click.Choice([*FORMATS], case_sensitive=False)
GATES: output.Columns = {
    "gate": "name",
    "group": "group_label",
    "outcome": lambda row: row["outcome"].lower().replace("_", " "),
    "why": "sentence",
}


@click.command()
@click.argument("version")
@click.option("--baseline", help="To compare with: NAME:2, NAME@ALIAS, or an id; by default what is live.")
@click.option("--data", help="Other rows than the held-out ones it was trained beside.")
@click.option("--target", help="Name or id of the compute target.")
@click.option("-f", "--follow", is_flag=True, help="Wait for the verdict; the exit code is 4 while a gate blocks.")
@options.as_json
@options.with_api
def evaluate(
    api: Api, version: str, baseline: str | None, data: str | None, target: str | None, follow: bool, as_json: bool
) -> None:
    """Judge VERSION by segment.

    VERSION is NAME, NAME:2, NAME@ALIAS or an id.
    """
    body = {"model_version_id": find.model_version(api, version)["id"]}
    if baseline:
        body["baseline_version_id"] = find.model_version(api, baseline)["id"]
    if data:
        body["dataset_version_id"] = find.data_version(api, data)["id"]
    if target:
        body["target_id"] = find.named(api, "compute target", "compute-targets", target)["id"]
    launched = api.post("evaluations", body)
    if not follow:
        facts = {"evaluation": launched["number"], "state": launched["state"].lower(), "id": launched["id"]}
        output.print_facts(launched, facts, as_json=as_json)
        return
    waiting.job_wait(api, launched["job_id"])
    _verdict(api, launched["id"], as_json)


@click.command()
@click.argument("evaluation")
@options.as_json
@options.with_api
def gates(api: Api, evaluation: str, as_json: bool) -> None:
    """Say what stands in the way of an approval.

    EVALUATION is a number or an id. The exit code is 4 while a gate blocks.
    """
    found = find.numbered(api, "evaluation", "evaluations", evaluation)
    _verdict(api, found["id"], as_json)


def _verdict(api: Api, evaluation_id: str, as_json: bool) -> None:
    done, verdict = api.get(f"evaluations/{evaluation_id}"), api.get(f"evaluations/{evaluation_id}/gates")
    if as_json:
        output.print_json({"evaluation": {**done, "report": None}, "gates": verdict})
    else:
        click.echo(output.safe(done["headline"]))
        output.print_rows(verdict["results"], GATES, as_json=False, empty="The problem sets no limits.")
        click.echo(f"evaluation {done['number']}, {done['id']}", err=True)
    if not verdict["clear"]:
        raise Failed(f"{verdict['blocking']} of {len(verdict['results'])} gates stand in the way of an approval.")


@click.command()
@click.argument("evaluation")
@click.option(
    "--format", "kind", type=click.Choice([*FORMATS], case_sensitive=False), default="HTML", show_default=True
)
@click.option("-o", "--output", "target", type=TARGET, help="File to write.")
@options.with_api
def export(api: Api, evaluation: str, kind: str, target: Path | None) -> None:
    """Fetch the report of EVALUATION as a file.

    EVALUATION is a number or an id. The file is made by a job where there is none yet.
    """
    found = find.numbered(api, "evaluation", "evaluations", evaluation)
    where = f"evaluations/{found['id']}/exports"
    made = api.post(where, {"format": kind.upper()})
    if made["state"] == "RUNNING":
        waiting.job_wait(api, made["job_id"])
        made = next(row for row in api.rows(where) if row["id"] == made["id"])
    if made["state"] != "READY":
        raise Failed(f"The file was not made. {made['cause']}")
    name = f"evaluation-{found['number']}.{FORMATS[kind.upper()]}"
    fetch(api, f"{where}/{made['id']}/file", target or Path(name))
