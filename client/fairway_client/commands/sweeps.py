"""Searching over parameters: begin, look, cancel."""

from __future__ import annotations

import time
from typing import Any

import click

from fairway_client import find, options, output
from fairway_client.api import Api
from fairway_client.commands.training import value_of
from fairway_client.errors import Failed, Unclear

LOOK_S = 1.0


def axis_of(text: str) -> dict[str, Any]:
    """`0.01..0.3`, `0.01..0.3:log`, or choices such as `8,16,32`. Raises BadParameter."""
    ends, mark, way = text.partition(":")
    if ".." in ends:
        low, _, high = ends.partition("..")
        if mark and way != "log":
            raise click.BadParameter(f"“{text}”: after a range stands :log or nothing.")
        return {"low": value_of(low), "high": value_of(high), "log": bool(mark)}
    choices = [value_of(one) for one in text.split(",")]
    if len(choices) < 2:
        raise click.BadParameter(f"“{text}” is neither a range LOW..HIGH nor two choices or more.")
    return {"choices": choices}


def aim_of(text: str) -> dict[str, Any]:
    """`METRIC:min`, `METRIC:max`, with a limit `METRIC:max:0.7`. Raises BadParameter."""
    metric, _, rest = text.partition(":")
    way, _, limit = rest.partition(":")
    if way not in ("min", "max") or not metric:
        raise click.BadParameter(f"“{text}”: write METRIC:min or METRIC:max, then :LIMIT if there is one.")
    aim: dict[str, Any] = {"metric": metric, "direction": "MINIMISE" if way == "min" else "MAXIMISE"}
    if limit:
        aim["limit"] = value_of(limit)
    return aim


@click.command()
@click.argument("recipe")
@click.option("--data", help="The version to train on: NAME, NAME:2, or its id.")
@click.option("--problem", help="Name or id of the problem.")
@click.option("--bundle", help="Id of a code bundle; then RECIPE is its entry.")
@click.option("-s", "--search", "axes", multiple=True, metavar="NAME=RANGE", help="0.01..0.3, 1..9:log, or a,b,c.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="Stays as it is.")
@click.option("-o", "--objective", "aims", multiple=True, metavar="METRIC:min|max", help="By default the problem's.")
@click.option("--method", type=click.Choice(["tpe", "random", "grid"]), default="tpe", show_default=True)
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--parallel", type=click.IntRange(1), default=2, show_default=True, help="How many at once.")
@click.option("--seconds", type=click.IntRange(1), help="How long at most.")
@click.option("--cost", type=click.IntRange(1), help="How much at most, in cents of the target's currency.")
@click.option("--prune-after", type=click.IntRange(1), help="End hopeless trials early from this step on.")
@click.option("--seed", type=int, default=0)
@click.option("--name", default="", help="Name of the sweep.")
@click.option("-f", "--follow", is_flag=True, help="Wait until it has ended.")
@options.as_json
@options.with_api
def sweep(api: Api, recipe: str, follow: bool, as_json: bool, **said: Any) -> None:
    """Search over parameters of RECIPE, or of the entry of a bundle."""
    body: dict[str, Any] = {
        "method": said["method"].upper(),
        "space": {key: axis_of(value) for key, value in options.pairs(said["axes"], "a range").items()},
        "params": {key: value_of(value) for key, value in options.pairs(said["params"], "a param").items()},
        "max_trials": said["trials"],
        "parallel": said["parallel"],
        "max_seconds": said["seconds"],
        "cost_limit_minor": said["cost"],
        "prune_after": said["prune_after"],
        "seed": said["seed"],
        "name": said["name"],
    }
    if said["aims"]:
        body["objectives"] = [aim_of(one) for one in said["aims"]]
    if said["problem"]:
        body["problem_id"] = find.named(api, "problem", "problems", said["problem"])["id"]
    if said["bundle"]:
        body |= {"bundle_id": said["bundle"], "entry": recipe}
    else:
        if not said["data"] or not said["problem"]:
            raise Unclear("A sweep over a recipe takes --data and --problem.")
        body |= {"recipe": recipe, "dataset_version_id": find.data_version(api, said["data"])["id"]}
    begun = api.post("sweeps", body)
    _show(api, begun["id"], follow=follow, as_json=as_json)


@click.command()
@click.argument("sweep", required=False)
@click.option("--cancel", is_flag=True, help="End SWEEP and its open trials.")
@click.option("-f", "--follow", is_flag=True, help="Wait until SWEEP has ended.")
@options.limit
@options.as_json
@options.with_api
def sweeps(api: Api, sweep: str | None, cancel: bool, follow: bool, limit: int, as_json: bool) -> None:
    """List the sweeps; with the id of a SWEEP, its trials and the best."""
    if sweep is None:
        columns: output.Columns = {
            "name": "name",
            "state": lambda row: row["state"].lower(),
            "trials": "trial_count",
            "begun by": lambda row: row["begun_by"] or row["created_by_label"],
            "id": "id",
        }
        output.print_rows(api.rows("sweeps", limit), columns, as_json=as_json, empty="There are no sweeps.")
        return
    if find.id_of(sweep) is None:
        raise Unclear("SWEEP is an id; fairway sweeps lists them.")
    if cancel:
        api.post(f"sweeps/{sweep}/cancel", {})
    _show(api, sweep, follow=follow, as_json=as_json)


def _show(api: Api, pk: str, *, follow: bool, as_json: bool) -> None:
    found = api.get(f"sweeps/{pk}")
    said = -1
    while follow and found["state"] == "RUNNING":
        if found["trial_count"] != said:
            said = found["trial_count"]
            click.echo(f"{said} trials{_best(found)}", err=True)
        time.sleep(LOOK_S)
        found = api.get(f"sweeps/{pk}")
    facts = {
        "sweep": found["name"],
        "state": found["state"].lower(),
        "trials": found["trial_count"],
        "best": _best(found).removeprefix(", best "),
        "params": ", ".join(f"{key}={value}" for key, value in (found["best"] or {}).get("params", {}).items()),
        "run": (found["best"] or {}).get("run_id"),
        "because": found["cause"],
        "id": found["id"],
    }
    output.print_facts(found, facts, as_json=as_json)
    if follow and found["state"] == "FAILED":
        raise Failed(f"The sweep failed. {output.safe(found['cause'])}")


def _best(found: dict[str, Any]) -> str:
    best = found["best"]
    if not best:
        return ""
    names = [aim["name"] for aim in found["objectives"]]
    told = ", ".join(f"{name} {value:.6g}" for name, value in zip(names, best["values"], strict=True))
    return f", best {told} in trial {best['number']}"
