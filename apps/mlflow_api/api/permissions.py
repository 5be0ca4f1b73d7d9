"""users/permissions/*: what somebody may do, from the roles they hold. No right is given for a single thing."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts import selectors
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Invalid, NotFound
from apps.experiments import selectors as experiments
from apps.mlflow_api.account_shapes import WRITING, held_permission_shapes, is_administrator, permission_of
from apps.mlflow_api.api.registry_names import model_named
from apps.mlflow_api.api.teams import team_of
from apps.mlflow_api.api.users import grants_of, named, require_knows_people
from apps.mlflow_api.door import answer, args_of, text_of
from apps.mlflow_api.errors import NotImplementedHere

_EVERY = "*"


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Every right of a person, as far as the actor may see it."""
    grants = grants_of(actor, named(actor, args_of(request)))
    return answer({"is_admin": is_administrator(grants), "permissions": held_permission_shapes(grants)})


def current(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    require_knows_people(actor)
    grants = grants_of(actor, selectors.user_get(actor, actor.person_id))
    return answer({"is_admin": is_administrator(grants), "permissions": held_permission_shapes(grants)})


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """What a person may do with one thing; of a thing that the actor does not see: nothing."""
    source = args_of(request)
    user, kind, key = named(actor, source), text_of(source, "resource_type"), text_of(source, "resource_id")
    if kind not in WRITING:
        raise Invalid.field("resource_type", f"Invalid resource type '{kind[:60]}'. One of {', '.join(WRITING)}.")
    team_id = _team_of_thing(actor, request, kind, key)
    held = [Role(grant.role) for grant in grants_of(actor, user) if grant.team_id in (None, team_id)]
    permission = permission_of(held if team_id else [], kind)
    return answer({"allowed": permission == "EDIT", "permission": permission})


def _team_of_thing(actor: Actor, request: HttpRequest, kind: str, key: str) -> uuid.UUID | None:
    if key == _EVERY:
        return team_of(actor, request)
    try:
        if kind == "experiment":
            number = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0
            return experiments.experiment_by_number(actor, number).team_id
        if kind == "registered_model":
            return model_named(actor, request, key).team_id
    except (NotFound, Conflict):
        return None
    raise Invalid.field("resource_id", f"A right on a {kind} holds for all of a team's: ask for '*'.")


def refuse(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedHere(
        "Fairway gives rights by roles in a team, not for single things: roles/assign, or Admin, People."
    )
