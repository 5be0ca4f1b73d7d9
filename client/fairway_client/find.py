"""Things by the names that people use: `Boilers`, `Boilers:2`, `Failures@champion`, job `12`; an id always works."""

from __future__ import annotations

import re
import uuid
from typing import Any

from fairway_client.api import Api
from fairway_client.errors import Refused, Unclear

_NUMBER = re.compile(r"^#?(\d{1,18})$")


def id_of(text: str) -> str | None:
    """The id when the text is one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def team_of(api: Api, name: str | None) -> str:
    """The id of the team: the one that is named, or the only one. Raises Unclear."""
    teams = list(api.rows("teams"))
    fits = [team for team in teams if name in (None, team["name"], team["id"])]
    if len(fits) == 1:
        return str(fits[0]["id"])
    names = ", ".join(sorted(team["name"] for team in teams)) or "none"
    raise Unclear(f"Say which team with --team; yours are: {names}.")


def named(api: Api, kind: str, path: str, text: str, **query: Any) -> dict[str, Any]:
    """The one thing of this name among those of the list; by id too. Raises Unclear, Refused."""
    found = id_of(text)
    if found is not None:
        return dict(api.get(f"{path}/{found}"))
    fits = [row for row in api.rows(path, **query) if row.get("name") == text]
    return _only(kind, text, fits)


def numbered(api: Api, kind: str, path: str, text: str, **query: Any) -> dict[str, Any]:
    """The one thing of this number; by id too. Raises Unclear, Refused."""
    found = id_of(text)
    if found is not None:
        return dict(api.get(f"{path}/{found}"))
    match = _NUMBER.match(text)
    if match is None:
        raise Unclear(f"“{text}” is neither a number nor an id of a {kind}.")
    fits = [row for row in api.rows(path, **query) if row.get("number") == int(match[1])]
    row = _only(kind, text, fits)
    return dict(api.get(f"{path}/{row['id']}"))


def _only(kind: str, text: str, fits: list[dict[str, Any]]) -> dict[str, Any]:
    if len(fits) == 1:
        return fits[0]
    if not fits:
        raise Unclear(f"There is no {kind} “{text}”, or you may not see it.")
    ids = "\n".join(f"  {row['id']}" for row in fits)
    raise Unclear(f"There are {len(fits)} of the {kind}s “{text}”, in more than one team; give the id:\n{ids}")


def _split(text: str, mark: str) -> tuple[str, str]:
    name, found, rest = text.rpartition(mark)
    return (name, rest) if found and rest else (text, "")


def data_version(api: Api, text: str) -> dict[str, Any]:
    """`NAME`, the newest version that is sealed, `NAME:N`, or a version's id. Raises Unclear, Refused."""
    found = id_of(text)
    if found is not None:
        return dict(api.get(f"dataset-versions/{found}"))
    name, number = _split(text, ":")
    if number and not number.isdigit():
        name, number = text, ""
    dataset = named(api, "dataset", "datasets", name)
    versions = list(api.rows(f"datasets/{dataset['id']}/versions"))
    fits = [row for row in versions if (str(row["number"]) == number if number else row["state"] == "SEALED")]
    if not fits:
        raise Unclear(f"“{name}” has no version {number}." if number else f"“{name}” has no sealed version yet.")
    return max(fits, key=lambda row: int(row["number"]))


def model_version(api: Api, text: str) -> dict[str, Any]:
    """`NAME`, its newest version, `NAME:N`, `NAME@ALIAS`, or a version's id. Raises Unclear, Refused."""
    found = id_of(text)
    if found is not None:
        return dict(api.get(f"versions/{found}"))
    name, alias = _split(text, "@")
    name, number = (name, "") if alias else _split(name, ":")
    if number and not number.isdigit():
        name, number = text, ""
    model = named(api, "model", "models", name)
    if alias:
        number = _number_of_alias(api, model["name"], alias)
    versions = [row for row in api.rows(f"models/{model['id']}/versions") if number in ("", str(row["number"]))]
    if not versions:
        raise Unclear(f"“{name}” has no version {number}." if number else f"“{name}” has no version yet.")
    return max(versions, key=lambda row: int(row["number"]))


def _number_of_alias(api: Api, model: str, alias: str) -> str:
    try:
        told = api.get("/api/2.0/mlflow/registered-models/alias", name=model, alias=alias)
    except Refused as error:
        raise Unclear(f"“{model}” has no alias “{alias}”.") from error
    return str(told["model_version"]["version"])
