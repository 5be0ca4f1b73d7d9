"""Files to and from the server: datasets, artifacts of runs, exports of evaluations."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import click

from fairway_client import find, options, output, waiting
from fairway_client.api import Api

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TARGET = click.Path(path_type=Path)


@click.command()
@click.argument("dataset")
@click.argument("file", type=FILE)
@click.option("--new", is_flag=True, help="Register the dataset when there is none of this name.")
@click.option("--problem", help="Of which problem a new dataset is.")
@click.option("--source", default="", help="Where the rows of a new dataset come from.")
@click.option("--role", "roles", multiple=True, metavar="COLUMN=ROLE", help="TARGET, SEGMENT, ID, TIME, FEATURE, …")
@click.option("--target", help="Name or id of the compute target that reads the file.")
@options.team
@options.as_json
@options.with_api
def upload(
    api: Api,
    dataset: str,
    file: Path,
    new: bool,
    problem: str | None,
    source: str,
    roles: tuple[str, ...],
    target: str | None,
    team: str | None,
    as_json: bool,
) -> None:
    """Upload FILE as a version of DATASET.

    CSV, TSV or Parquet; the same bytes are the same version.
    """
    wanted = options.pairs(roles, "a column's role")
    kept = _dataset(api, dataset, new, problem, source, team)
    where = find.named(api, "compute target", "compute-targets", target)["id"] if target else None
    done = _send(api, kept["id"], file, where)
    version = done["version"]
    if done["same"]:
        click.echo(f"These bytes are version {version['number']} already.", err=True)
    elif version.get("job_id"):
        waiting.job_wait(api, version["job_id"])
    if wanted:
        api.put(f"dataset-versions/{version['id']}/roles", {"roles": {n: role.upper() for n, role in wanted.items()}})
    version = api.get(f"dataset-versions/{version['id']}")
    facts = {
        "dataset": kept["name"],
        "version": version["number"],
        "state": version["state"].lower(),
        "rows": version["row_count"],
        "columns": len(version["columns"]),
        "id": version["id"],
    }
    output.print_facts(version, facts, as_json=as_json)


def _dataset(api: Api, name: str, new: bool, problem: str | None, source: str, team: str | None) -> dict[str, Any]:
    team_id = find.team_of(api, team) if new or team else ""
    if new and find.id_of(name) is None:
        fits = [row for row in api.rows("datasets", team=team_id) if row["name"] == name]
        if not fits:
            fields: dict[str, Any] = {"team_id": team_id, "name": name, "source": source}
            if problem:
                fields["problem_id"] = find.named(api, "problem", "problems", problem)["id"]
            return dict(api.post("datasets", fields))
    return find.named(api, "dataset", "datasets", name, team=team_id)


def _send(api: Api, dataset_id: str, file: Path, target_id: str | None) -> dict[str, Any]:
    """The file part by part, each from where the server stands: what arrived is not sent again."""
    total = file.stat().st_size
    begun = api.post(f"datasets/{dataset_id}/uploads", {"filename": file.name, "size": total})
    where = f"uploads/{begun['id']}"
    label = f"{file.name}, {output.size(total)}"
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar, file.open("rb") as source:
        sent = 0
        while sent < total:
            source.seek(sent)
            part = source.read(begun["part_size"])
            if not part:
                raise click.UsageError(f"{file} became shorter while it was sent; nothing was stored.")
            received = int(api.call("PUT", f"{where}/parts", content=part, query={"offset": sent})["received"])
            bar.update(received - sent)
            sent = received
    return dict(api.post(f"{where}/complete", {"target_id": target_id} if target_id else None))


@click.command()
@click.argument("what")
@click.option("-o", "--output", "target", type=TARGET, help="File to write; by default the name that it has.")
@options.with_api
def download(api: Api, what: str, target: Path | None) -> None:
    """Fetch a file. WHAT is NAME or NAME:2 of a dataset, run:ID/PATH or version:ID/PATH."""
    kind, _, rest = what.partition(":")
    if kind in ("run", "version") and "/" in rest:
        holder, _, path = rest.partition("/")
        folder = "runs" if kind == "run" else "versions"
        middle = "artifacts" if kind == "run" else "files"
        address, name = f"{folder}/{holder}/{middle}/{quote(path)}", PurePosixPath(path).name
    else:
        version = find.data_version(api, what)
        address, name = f"dataset-versions/{version['id']}/file", version["filename"]
    fetch(api, address, target or Path(PurePosixPath(name).name))


def fetch(api: Api, address: str, target: Path) -> None:
    """Writes a file and says so. Raises UsageError when it is there already."""
    if target.exists():
        raise click.UsageError(f"{target} exists; name another file with --output.")
    done = api.download(address, target)
    click.echo(f"{target}, {output.size(done)}", err=True)


@click.command()
@click.argument("run")
@options.as_json
@options.with_api
def artifacts(api: Api, run: str, as_json: bool) -> None:
    """The files that RUN logged (its id)."""
    found = api.rows(f"runs/{run}/artifacts")
    columns: output.Columns = {"path": "path", "size": lambda row: output.size(row["size"]), "sha256": "sha256"}
    output.print_rows(found, columns, as_json=as_json, empty="The run logged no files.")
