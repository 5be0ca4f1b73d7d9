"""workspaces: MLflow's are our teams. A workspace's name is the team's short name, its description the team's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.accounts import selectors as accounts
from apps.accounts import services
from apps.accounts.contracts import RESERVED_SLUGS
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.experiments import selectors as experiments
from apps.experiments.contracts import View
from apps.mlflow_api.api.teams import DEFAULT
from apps.mlflow_api.door import Source, answer, body_of, text_of
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.accounts.models import Team

NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_NAME_LENGTHS = range(2, 61)
_MODES = ("SET_DEFAULT", "CASCADE", "RESTRICT")


def workspace_shape(team: Team) -> dict[str, Any]:
    return {"name": team.slug, "description": team.name}


def workspace_of(request: HttpRequest, name: str) -> Team:
    """The team of a workspace's name; `default` is the one the person works in. Raises NotFound."""
    if name == DEFAULT:
        team = accounts.team_current(request)
    else:
        team = next((team for team in accounts.teams_of_request(request) if team.slug == name), None)
    if team is None:
        raise NotFound(f"Workspace '{name[:60]}' not found")
    return team


def _name_new(body: Source) -> str:
    name = text_of(body, "name")
    if len(name) not in _NAME_LENGTHS:
        raise Invalid.field("name", f"Workspace name '{name[:70]}' must be between 2 and 60 characters.")
    if not NAME.match(name):
        raise Invalid.field(
            "name",
            f"Workspace name '{name}' must match the pattern {NAME.pattern} "
            "(lowercase alphanumeric with optional internal hyphens).",
        )
    if name in RESERVED_SLUGS:
        raise Invalid.field("name", f"The '{name}' workspace is reserved and cannot be created")
    return name


def _places_refuse(body: Source) -> None:
    """Raise Invalid for a place of its own: every team's files are in the installation's one store."""
    archival = body.get("trace_archival_config") or {}
    if not isinstance(archival, dict):
        raise Invalid.field("trace_archival_config", "Invalid value for parameter 'trace_archival_config' supplied.")
    named = [name for name in ("default_artifact_root", "trace_archival_config") if body.get(name)]
    if any(archival.values()) or "default_artifact_root" in named:
        raise Invalid(f"Fairway keeps the files of all teams itself; leave out {' and '.join(named)}.")


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Teams of the actor, by name."""
    teams = [workspace_shape(team) for team in accounts.teams_of_request(request)]
    return answer({"workspaces": teams} if teams else {})


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    name = _name_new(body)
    _places_refuse(body)
    description = text_of(body, "description", required=False) or name
    try:
        team = services.team_create(actor=actor, name=description, slug=name)
    except Conflict as error:
        raise Conflict(f"Workspace '{name}' already exists.", code=error.code) from error
    response = answer({"workspace": workspace_shape(team)})
    response.status_code = 201
    return response


def get(actor: Actor, request: HttpRequest, name: str) -> HttpResponseBase:
    return answer({"workspace": workspace_shape(workspace_of(request, name))})


def update(actor: Actor, request: HttpRequest, name: str) -> HttpResponseBase:
    """A new description is a new name of the team; its short name stays."""
    body, team = body_of(request), workspace_of(request, name)
    if not {"description", "default_artifact_root", "trace_archival_config"} & set(body):
        raise Invalid("Workspace update must have at least one key")
    _places_refuse(body)
    if "description" in body:
        description = text_of(body, "description", required=False)
        team = services.team_update(actor=actor, team_id=team.pk, row_version=team.row_version, name=description)
    return answer({"workspace": workspace_shape(team)})


def delete(actor: Actor, request: HttpRequest, name: str) -> HttpResponseBase:
    """Put the team away; nothing of it is lost. An empty one, unless the call says that it may hold something."""
    if name == DEFAULT:
        raise Invalid(f"The '{DEFAULT}' workspace is reserved and cannot be deleted")
    mode = text_of(request.GET, "mode", required=False, default="RESTRICT")
    if mode not in _MODES:
        raise Invalid.field("mode", f"Invalid deletion mode '{mode[:60]}'. Must be one of: {', '.join(_MODES)}")
    team = workspace_of(request, name)
    if mode == "SET_DEFAULT":
        raise Invalid.field("mode", "What a team made stays the team's. Use CASCADE: the team is archived with it.")
    if mode == "RESTRICT" and _holds_something(actor, team):
        raise Conflict(
            f"Cannot delete workspace '{name}': it holds experiments or models. CASCADE archives the team with them."
        )
    services.team_archive(actor=actor, team_id=team.pk, reason="MLflow's delete of a workspace")
    return HttpResponse(status=204)


def _holds_something(actor: Actor, team: Team) -> bool:
    found, _ = experiments.experiment_search_page(actor, team_id=team.pk, view=View.ALL, limit=1)
    return bool(found) or registry.model_list(actor, team_id=team.pk).exists()
