"""What runs by itself: list, make, pause, resume, take over, run now, remove."""

from __future__ import annotations

from typing import Any

import click

from fairway_client import find, options, output
from fairway_client.api import Api
from fairway_client.errors import Unclear

ROWS: output.Columns = {
    "name": "name",
    "state": lambda row: row["state"].lower(),
    "runs": lambda row: row["act"].lower(),
    "when": lambda row: f"{row['cron']} {row['zone']}" if row["cron"] else row["trigger"].lower(),
    "next": lambda row: output.moment(row["next_at"]),
    "id": "id",
}
RUNS: output.Columns = {
    "due": lambda row: output.moment(row["due_at"]),
    "begun by": "cause",
    "state": lambda row: row["state"].lower(),
    "job": "job_id",
    "why": "note",
}
ACTS = {"template": "launch-templates", "launch": "", "model": "models", "sweep": ""}


@click.group(invoke_without_command=True)
@options.limit
@options.as_json
@click.pass_context
def schedules(context: click.Context, limit: int, as_json: bool) -> None:
    """List what runs by itself; make, show or change one."""
    if context.invoked_subcommand is None:
        _list(limit=limit, as_json=as_json)


@options.with_api
def _list(api: Api, limit: int, as_json: bool) -> None:
    output.print_rows(api.rows("schedules", limit), ROWS, as_json=as_json, empty="Nothing runs by itself.")


@schedules.command()
@click.argument("schedule")
@options.limit
@options.as_json
@options.with_api
def show(api: Api, schedule: str, limit: int, as_json: bool) -> None:
    """What SCHEDULE did: each time with what began it."""
    found = find.named(api, "schedule", "schedules", schedule)
    rows = api.rows(f"schedules/{found['id']}/runs", limit)
    output.print_rows(rows, RUNS, as_json=as_json, empty="It has not run yet.")


@schedules.command()
@click.argument("name")
@click.option("--template", help="Name or id of a template to launch.")
@click.option("--launch", help="Id of a launch to do again on the newest data.")
@click.option("--model", help="Name or id of a model whose newest version is evaluated.")
@click.option("--sweep", help="Id of a sweep to begin again on the newest data.")
@click.option("--cron", help='Five fields: "0 2 * * 1-5".')
@click.option("--zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option("--data", help="Name or id of a dataset: each new version.")
@click.option("--code", help="Name of code: each new version.")
@click.option("--git", help="Https address of a repository: each new commit of its branch.")
@click.option("--branch", default="main", show_default=True, help="With --git.")
@click.option("--problem", help="Name or id of a problem: each accepted version.")
@click.option("--missed", type=click.Choice(["skip", "once"]), default="skip", show_default=True)
@click.option("--overlap", type=click.Choice(["skip", "queue"]), default="skip", show_default=True)
@options.as_json
@options.with_api
def create(api: Api, name: str, as_json: bool, **said: Any) -> None:
    """Make a schedule called NAME: one thing to run, and one of --cron, --data, --code, --git, --problem."""
    acts = [one for one in ACTS if said[one]]
    whens = [one for one in ("cron", "data", "code", "git", "problem") if said[one]]
    if len(acts) != 1 or len(whens) != 1:
        raise Unclear(
            "Name one of --template, --launch, --model, --sweep, and one of --cron, --data, --code, --git, --problem."
        )
    act, when = acts[0], whens[0]
    body: dict[str, Any] = {
        "name": name,
        "act": {"template": "TEMPLATE", "launch": "TRAINING", "model": "EVALUATION", "sweep": "SWEEP"}[act],
        "trigger": when.upper(),
        "missed": said["missed"].upper(),
        "overlap": said["overlap"].upper(),
        "zone": said["zone"],
    }
    body[f"{act}_id"] = find.named(api, act, ACTS[act], said[act])["id"] if ACTS[act] else said[act]
    if when == "cron":
        body["cron"] = said["cron"]
    elif when == "code":
        body["bundle_name"] = said["code"]
    elif when == "git":
        body |= {"repository": said["git"], "branch": said["branch"]}
    elif when == "data":
        body["dataset_id"] = find.named(api, "dataset", "datasets", said["data"])["id"]
    else:
        body["problem_id"] = find.named(api, "problem", "problems", said["problem"])["id"]
    _facts(api.post("schedules", body), as_json)


@schedules.command()
@click.argument("schedule")
@click.option("--name", help="Another name.")
@click.option("--cron", help='Other times, five fields: "0 2 * * 1-5".')
@click.option("--zone", help="Such as Europe/Berlin.")
@click.option("--branch", help="Another branch of its repository.")
@click.option("--missed", type=click.Choice(["skip", "once"]))
@click.option("--overlap", type=click.Choice(["skip", "queue"]))
@options.as_json
@options.with_api
def change(api: Api, schedule: str, as_json: bool, **said: Any) -> None:
    """Let SCHEDULE say something else; it runs in your name from then on."""
    body = {name: value for name, value in said.items() if value is not None}
    if not body:
        raise Unclear("Say what is to be otherwise: --name, --cron, --zone, --branch, --missed, --overlap.")
    for name in ("missed", "overlap"):
        if name in body:
            body[name] = body[name].upper()
    found = find.named(api, "schedule", "schedules", schedule)
    body["row_version"] = found["row_version"]
    _facts(api.call("PATCH", f"schedules/{found['id']}", body), as_json)


def _verb(verb: str, text: str) -> click.Command:
    def called(api: Api, schedule: str, as_json: bool) -> None:
        found = find.named(api, "schedule", "schedules", schedule)
        if verb == "remove":
            api.call("DELETE", f"schedules/{found['id']}")
            click.echo(f"{output.safe(found['name'])} is removed.", err=True)
            return
        api.post(f"schedules/{found['id']}/{verb}", {})
        _facts(api.get(f"schedules/{found['id']}"), as_json)

    called.__doc__ = text
    return click.command(verb)(click.argument("schedule")(options.as_json(options.with_api(called))))


def _facts(found: dict[str, Any], as_json: bool) -> None:
    facts = {
        "schedule": found["name"],
        "state": found["state"].lower(),
        "next": output.moment(found["next_at"]),
        "because": found["cause"],
        "id": found["id"],
    }
    output.print_facts(found, facts, as_json=as_json)


for _name, _text in (
    ("pause", "Let nothing begin until SCHEDULE is resumed."),
    ("resume", "Let SCHEDULE go on."),
    ("take", "Run SCHEDULE in your own name."),
    ("start", "Run SCHEDULE once now."),
    ("remove", "Put SCHEDULE away."),
):
    schedules.add_command(_verb(_name, _text))
