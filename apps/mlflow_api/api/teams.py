"""Which team a call without an experiment means: MLflow's workspaces are our teams."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Forbidden, NotFound
from apps.core.policies import require

HEADER = "HTTP_X_MLFLOW_WORKSPACE"
"""X-MLFLOW-WORKSPACE, as WSGI names it."""
# The workspace that is in every MLflow: here the team that one works in.
DEFAULT = "default"


def team_named(request: HttpRequest) -> uuid.UUID | None:
    """The team of the workspace header, by its short name; None without one. Raises NotFound."""
    wanted = request.META.get(HEADER, "")
    if not wanted or wanted == DEFAULT:
        return None
    team = next((team for team in accounts.teams_of_request(request) if team.slug == wanted), None)
    if team is None:
        raise NotFound(f"Workspace '{wanted[:60]}' not found: it names one of your teams in Fairway.")
    return team.pk


def actor_in_workspace(actor: Actor, request: HttpRequest) -> Actor:
    """The actor with what it may see and do in the named workspace; as it is without one. Raises NotFound.

    So a run, an experiment, a model or a trace of another workspace is not found by its id either. A job's attempt
    sees its own run alone, whatever the header says.
    """
    if HEADER not in request.META or not actor.is_person:
        return actor
    team_id = team_named(request)
    return actor.within(team_id) if team_id is not None else actor


def team_of(actor: Actor, request: HttpRequest) -> uuid.UUID:
    """The team of the workspace header (its short name), else the one the person works in, else the first.

    A job's attempt works in the team of its run. Raises NotFound, and Forbidden for who belongs to no team.
    """
    if actor.team_id is not None:
        return actor.team_id
    named = team_named(request)
    if named is not None:
        return named
    require(actor.verb_in_scope("view"), "This takes a token with the scope “read”.")
    current = accounts.team_current(request)
    if current is None:
        raise Forbidden("You belong to no team. An administrator can add you to one.")
    return current.pk
