"""Launching a training, and registering what a run made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fairway_client import find, options, output, waiting
from fairway_client.api import Api
from fairway_client.bringing import bring, is_path
from fairway_client.errors import Unclear


def value_of(text: str) -> Any:
    """A param as JSON when it is some, else as text: `0.1`, `true`, `[1, 2]`, `lbfgs`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@click.command()
@click.argument("what")
@click.option("--data", help="What a recipe learns from: NAME, NAME:2, or an id.")
@click.option("--problem", help="Name or id of the problem; a recipe needs one.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="May be given several times.")
@click.option("--entry", default="", help="Which entry of the code, when it has several.")
@click.option("--command", default="", help="Instead of an entry: a command to run in the code's folder.")
@click.option(
    "--environment",
    type=click.Choice(["lock", "own"]),
    default="lock",
    show_default=True,
    help="Packages of the code's lockfile, or Fairway's own.",
)
@click.option("--seed", type=int, help="The same seed gives the same model.")
@click.option("--name", default="", help="Name of the run.")
@click.option("--target", help="Name or id of the compute target.")
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), help="Which jobs it waits behind.")
@click.option("--restartable", is_flag=True, help="With --priority low it gives up its place for one that is high.")
@click.option("--checkpoint", help="Folder whose files are kept to go on from; else as the code declares.")
@click.option("-f", "--follow", is_flag=True, help="Print the log until the job has ended.")
@options.team
@options.as_json
@options.with_api
def launch(
    api: Api,
    what: str,
    data: str | None,
    problem: str | None,
    params: tuple[str, ...],
    entry: str,
    command: str,
    environment: str,
    seed: int | None,
    name: str,
    target: str | None,
    priority: str | None,
    restartable: bool,
    checkpoint: str | None,
    follow: bool,
    team: str | None,
    as_json: bool,
) -> None:
    """Run code, or train by a recipe.

    WHAT is a script, notebook, wheel, zip or folder (train.py, ./churn), the id of a bundle, or a recipe (fairway
    recipes lists them). A param that takes a dataset or a model is given by its name: -p data=Boilers:2.
    """
    given = options.pairs(params, "a param")
    body: dict[str, Any] = {"name": name}
    if problem:
        body["problem_id"] = find.named(api, "problem", "problems", problem)["id"]
    if seed is not None:
        body["seed"] = seed
    if priority is not None:
        body["priority"] = priority
    if restartable:
        body["restartable"] = True
    if target:
        body["target_id"] = find.named(api, "compute target", "compute-targets", target)["id"]
    bundle = _bundle(api, what, team)
    if bundle is None:
        if not data or not problem:
            raise click.UsageError("A recipe learns from --data for a --problem.")
        path = "launches"
        body |= {"recipe": what, "dataset_version_id": find.data_version(api, data)["id"], "params": _typed(given)}
    else:
        path = "code-launches"
        body |= {"bundle_id": bundle["id"], "environment": environment}
        if checkpoint is not None:
            body["checkpoint"] = checkpoint
        if command:
            body["command"] = command
        else:
            chosen = _entry(bundle, entry)
            body |= {"entry": chosen["id"], "params": _inputs(api, chosen["schema"], given)}
    launched = api.post(path, body)
    job = api.get(f"jobs/{launched['job_id']}")
    if follow:
        click.echo(f"job {job['number']}", err=True)
        waiting.lines_print(api, job["id"], follow=True, beside=as_json)
        job = waiting.job_wait(api, job["id"])
        launched = api.get(f"{path}/{launched['id']}")
    facts = {
        "job": job["number"],
        "state": job["state"].lower(),
        "run": launched["run_id"],
        "version": launched["model_version_id"],
    }
    output.print_facts(launched, facts, as_json=as_json)


def _bundle(api: Api, what: str, team: str | None) -> dict[str, Any] | None:
    """The bundle of a path or an id, read by the server; None for what is a recipe."""
    found = find.id_of(what)
    if found is None and not is_path(what):
        return None
    bundle = api.get(f"code-bundles/{found}") if found else bring(api, Path(what), find.team_of(api, team))
    return waiting.bundle_wait(api, bundle)


def _entry(bundle: dict[str, Any], wanted: str) -> dict[str, Any]:
    """The entry that is named, or the only one. Raises Unclear."""
    entries = bundle["entries"]
    fits = [one for one in entries if wanted in ("", one["id"])]
    if len(fits) == 1:
        return dict(fits[0])
    names = ", ".join(one["id"] for one in entries) or "none: give a --command"
    raise Unclear(f"Say which entry with --entry; the code has {names}.")


def _typed(given: dict[str, str]) -> dict[str, Any]:
    return {name: value_of(text) for name, text in given.items()}


def _inputs(api: Api, schema: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """The params by their types; names of data and models as the ids that the server takes."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        one = schema["properties"].get(name, {})
        if one.get("format") == "dataset":
            found[name] = find.data_version(api, text)["id"]
        elif one.get("format") == "model":
            found[name] = find.model_version(api, text)["id"]
        else:
            found[name] = text if one.get("type") == "string" else value_of(text)
    return found


@click.command()
@click.argument("run")
@click.argument("path")
@click.option("--model", required=True, help="Name or id of the model.")
@click.option("--data", help="What it was trained on: NAME, NAME:2, or an id.")
@click.option("--class", "classes", multiple=True, help="The classes in the order of the outputs.")
@click.option("--description", default="")
@options.as_json
@options.with_api
def register(
    api: Api,
    run: str,
    path: str,
    model: str,
    data: str | None,
    classes: tuple[str, ...],
    description: str,
    as_json: bool,
) -> None:
    """Make a version of the files that RUN logged below PATH."""
    if find.id_of(run) is None:
        raise Unclear("RUN is the id of a run; fairway runs lists them.")
    body: dict[str, Any] = {"run_id": run, "path": path, "description": description}
    if data:
        body["dataset_version_id"] = find.data_version(api, data)["id"]
    if classes:
        body["classes"] = list(classes)
    held = find.named(api, "model", "models", model)
    version = api.post(f"models/{held['id']}/versions", body)
    facts = {
        "model": held["name"],
        "version": version["number"],
        "state": version["state"].lower(),
        "quarantined because": version["quarantine_reason"],
        "id": version["id"],
    }
    output.print_facts(version, facts, as_json=as_json)
