"""Lists of what is there, newest first."""

from __future__ import annotations

from typing import Any

import click

from fairway_client import find, options, output
from fairway_client.api import Api
from fairway_client.output import Columns, moment


def _team(api: Api, team: str | None) -> str:
    return find.team_of(api, team) if team else ""


def _problem(api: Api, problem: str | None) -> str:
    return str(find.named(api, "problem", "problems", problem)["id"]) if problem else ""


def _list(name: str, path: str, columns: Columns, text: str, *, problem: bool = True) -> click.Command:
    """A command that prints the rows of one list."""

    def printed(api: Api, as_json: bool, limit: int, team: str | None, problem: str | None = None) -> None:
        query: dict[str, Any] = {"team": _team(api, team), "problem": _problem(api, problem)}
        rows = api.rows(path, limit, **query)
        output.print_rows(rows, columns, as_json=as_json, empty=f"There are no {name}.")

    printed.__doc__ = text
    command = options.with_api(printed)
    if problem:
        command = click.option("--problem", help="Only those of this problem, by name or id.")(command)
    return click.command(name)(options.as_json(options.limit(options.team(command))))


def _state(row: dict[str, Any]) -> str:
    return str(row.get("state") or row.get("status") or "").lower().replace("_", " ")


problems = _list(
    "problems",
    "problems",
    {"name": "name", "state": _state, "owner": "owner", "id": "id"},
    "List the problems.",
    problem=False,
)
data = _list(
    "datasets",
    "datasets",
    {"name": "name", "source": "source", "registered by": "registered_by", "id": "id"},
    "List the datasets.",
)
runs = _list(
    "runs",
    "runs",
    {
        "name": "name",
        "state": _state,
        "begun by": "begun_by",
        "started": lambda row: moment(row["started_at"]),
        "id": "id",
    },
    "List the runs.",
)
models = _list(
    "models",
    "models",
    {"name": "name", "task": "task", "registered by": "registered_by", "id": "id"},
    "List the models.",
)
evaluations = _list(
    "evaluations",
    "evaluations",
    {"number": "number", "state": _state, "verdict": "headline", "id": "id"},
    "List the evaluations.",
)
requests = _list(
    "requests",
    "requests",
    {"number": "number", "state": _state, "due": lambda row: moment(row["due_at"]), "id": "id"},
    "List the requests for approval.",
)
deployments = _list(
    "deployments",
    "deployments",
    {"name": "name", "environment": "environment", "state": _state, "id": "id"},
    "List the deployments.",
)


@click.command()
@click.option("--task", type=click.Choice(["BINARY", "MULTICLASS", "REGRESSION"], case_sensitive=False))
@options.as_json
@options.with_api
def recipes(api: Api, task: str | None, as_json: bool) -> None:
    """What can be trained without code of one's own."""
    columns: Columns = {
        "recipe": "id",
        "title": "title",
        "params": lambda row: ", ".join(row["schema"].get("properties", {})),
        "cannot run because": "unavailable",
    }
    output.print_rows(api.rows("recipes", task=task), columns, as_json=as_json, empty="There are no recipes.")
