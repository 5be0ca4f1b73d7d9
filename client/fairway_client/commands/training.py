"""Launching a training, and registering what a run made."""

from __future__ import annotations

import json
from typing import Any

import click

from fairway_client import find, options, output, waiting
from fairway_client.api import Api
from fairway_client.errors import Unclear


def value_of(text: str) -> Any:
    """A param as JSON when it is some, else as text: `0.1`, `true`, `[1, 2]`, `lbfgs`."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@click.command()
@click.argument("recipe")
@click.option("--data", required=True, help="The version to train on: NAME, NAME:2, or its id.")
@click.option("--problem", required=True, help="Name or id of the problem.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="May be given several times.")
@click.option("--seed", type=int, help="The same seed gives the same model.")
@click.option("--name", default="", help="Name of the run.")
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), help="Which jobs it waits behind.")
@click.option("--restartable", is_flag=True, help="With --priority low it gives up its place for one that is high.")
@click.option("-f", "--follow", is_flag=True, help="Print the log until the job has ended.")
@options.as_json
@options.with_api
def launch(
    api: Api,
    recipe: str,
    data: str,
    problem: str,
    params: tuple[str, ...],
    seed: int | None,
    name: str,
    priority: str | None,
    restartable: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Train by RECIPE; fairway recipes lists them."""
    body: dict[str, Any] = {
        "recipe": recipe,
        "dataset_version_id": find.data_version(api, data)["id"],
        "problem_id": find.named(api, "problem", "problems", problem)["id"],
        "params": {key: value_of(value) for key, value in options.pairs(params, "a param").items()},
        "name": name,
    }
    if seed is not None:
        body["seed"] = seed
    if priority is not None:
        body["priority"] = priority
    if restartable:
        body["restartable"] = True
    launched = api.post("launches", body)
    job = api.get(f"jobs/{launched['job_id']}")
    if follow:
        click.echo(f"job {job['number']}", err=True)
        waiting.lines_print(api, job["id"], follow=True, beside=as_json)
        job = waiting.job_wait(api, job["id"])
        launched = api.get(f"launches/{launched['id']}")
    facts = {
        "job": job["number"],
        "state": job["state"].lower(),
        "run": launched["run_id"],
        "version": launched["model_version_id"],
    }
    output.print_facts(launched, facts, as_json=as_json)


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
