"""roles/*: Fairway's fixed roles in each team, as MLflow's roles of a workspace; assigning one is a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts import selectors, services
from apps.accounts.policies import may_administer_site
from apps.core.actors import Actor, Role
from apps.core.errors import NotFound
from apps.core.policies import require
from apps.mlflow_api.account_shapes import (
    SITE,
    assignment_shape,
    grant_role_shape,
    permission_shapes,
    role_shape,
    workspace_of_grant,
)
from apps.mlflow_api.api.users import grants_of, named, require_knows_people
from apps.mlflow_api.api.workspaces import workspace_of
from apps.mlflow_api.door import Source, answer, args_of, body_of, list_of, text_of
from apps.mlflow_api.errors import NotImplementedHere

if TYPE_CHECKING:
    from apps.accounts.models import Team

_WORKSPACES_PER_CALL = 100


def _role_of(actor: Actor, request: HttpRequest, source: Source) -> tuple[str, Role, Team | None]:
    """(workspace, role, team) of a role's id. Raises Forbidden, Invalid, NotFound."""
    require_knows_people(actor)
    role_id = text_of(source, "role_id")
    workspace, _, word = role_id.rpartition(":")
    if word not in set(Role):
        raise NotFound(f"Role with id={role_id[:100]} not found")
    team = None if workspace == SITE else workspace_of(request, workspace)
    return workspace, Role(word), team


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    workspace, role, _ = _role_of(actor, request, args_of(request))
    return answer({"role": role_shape(workspace, role)})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Roles of the named workspaces; without a name those of all and of the site, for its administrators."""
    require_knows_people(actor)
    asked = [str(name) for name in list_of(request.GET, "workspace", _WORKSPACES_PER_CALL)]
    if asked:
        workspaces = [workspace_of(request, name).slug for name in dict.fromkeys(asked)]
    else:
        require(may_administer_site(actor), "Name a workspace; only administrators of the whole site list all roles.")
        workspaces = [SITE, *(team.slug for team in selectors.teams_of_request(request))]
    return answer({"roles": [role_shape(workspace, role) for workspace in workspaces for role in Role]})


def permissions(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    workspace, role, _ = _role_of(actor, request, args_of(request))
    return answer({"role_permissions": permission_shapes(workspace, role)})


def holders(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Who holds a role."""
    _, role, team = _role_of(actor, request, args_of(request))
    held = selectors.grants_held(actor).filter(team=team, role=role.value, user__is_active=True)
    return answer({"assignments": [assignment_shape(grant) for grant in held.order_by("id")]})


def of_user(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """The roles of a person, as far as the actor may see them."""
    user = named(actor, args_of(request))
    return answer({"roles": [grant_role_shape(grant) for grant in grants_of(actor, user)]})


def assign(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """A grant without an end."""
    body = body_of(request)
    _, role, team = _role_of(actor, request, body)
    grant = services.grant_add(actor=actor, user=named(actor, body), team=team, role=role)
    return answer({"assignment": assignment_shape(grant)})


def unassign(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    workspace, role, _ = _role_of(actor, request, body)
    user = named(actor, body)
    held = [g for g in grants_of(actor, user) if (workspace_of_grant(g), g.role) == (workspace, role.value)]
    if not held:
        raise NotFound(f"{user.username} does not hold the role {workspace}:{role}.")
    services.grant_remove(actor=actor, grant_id=held[0].pk)
    return answer({})


def refuse(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedHere("Fairway's roles are fixed; Admin, “Who can do this?” lists what each may do.")
