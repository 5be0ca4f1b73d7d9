"""People, roles and rights in MLflow's JSON.

Fairway's roles are fixed and held in a team or on the whole site, so a role of MLflow is one of ours in one of its
workspaces: `<team>:<ROLE>`, or `*:<ROLE>` for the whole site. What a role may do is derived from the table of verbs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apps.core.actors import VERB_ROLES, Role

if TYPE_CHECKING:
    from apps.accounts.models import Grant, User

SITE = "*"
# The verb that writes each kind of thing; everybody in the team reads.
WRITING = {
    "experiment": "job.run",
    "run": "job.run",
    "logged_model": "job.run",
    "trace": "job.run",
    "assessment": "job.run",
    "registered_model": "model.register",
    "registered_model_version": "model.register",
}
_CREATING = VERB_ROLES["job.run"] | VERB_ROLES["model.register"]


def permission_of(roles: Iterable[Role], kind: str) -> str:
    """What these roles of one team may do with its things of a kind: EDIT, READ, or NO_PERMISSIONS without a role."""
    held = set(roles)
    if not held:
        return "NO_PERMISSIONS"
    return "EDIT" if held & VERB_ROLES[WRITING[kind]] else "READ"


def role_id_of(workspace: str, role: Role) -> str:
    return f"{workspace}:{role}"


def permission_shapes(workspace: str, role: Role) -> list[dict[str, Any]]:
    """The rights of a role, one row for each kind of thing."""
    levels = {kind: permission_of([role], kind) for kind in WRITING}
    if role in VERB_ROLES["people.manage"]:
        levels["workspace"] = "MANAGE"
    elif role in _CREATING:
        levels["workspace"] = "USE"
    role_id = role_id_of(workspace, role)
    return [
        {
            "id": f"{role_id}:{kind}",
            "role_id": role_id,
            "resource_type": kind,
            "resource_pattern": "*",
            "permission": level,
        }
        for kind, level in levels.items()
    ]


def role_shape(workspace: str, role: Role) -> dict[str, Any]:
    where = "on the whole site" if workspace == SITE else "in the team"
    return {
        "id": role_id_of(workspace, role),
        "name": role.value,
        "workspace": workspace,
        "description": f"{role.value.replace('_', ' ').capitalize()} {where}",
        "permissions": permission_shapes(workspace, role),
    }


def workspace_of_grant(grant: Grant) -> str:
    return grant.team.slug if grant.team else SITE


def grant_role_shape(grant: Grant) -> dict[str, Any]:
    """The role that a grant gives."""
    return role_shape(workspace_of_grant(grant), Role(grant.role))


def assignment_shape(grant: Grant) -> dict[str, Any]:
    return {
        "id": str(grant.pk),
        "user_id": str(grant.user_id),
        "role_id": role_id_of(workspace_of_grant(grant), Role(grant.role)),
    }


def is_administrator(grants: Iterable[Grant]) -> bool:
    """Does one of a person's grants make them administrator of the whole site?"""
    return any(grant.team_id is None and grant.role == Role.ADMINISTRATOR for grant in grants)


def user_shape(user: User, grants: Iterable[Grant]) -> dict[str, Any]:
    return {"id": str(user.pk), "username": user.username, "is_admin": is_administrator(grants)}


def held_permission_shapes(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """Every right that a person's grants give, with the role it comes from."""
    return [
        {
            "role_id": row["role_id"],
            "role_name": grant.role,
            "workspace": workspace_of_grant(grant),
            "resource_type": row["resource_type"],
            "resource_pattern": row["resource_pattern"],
            "permission": row["permission"],
        }
        for grant in grants
        for row in permission_shapes(workspace_of_grant(grant), Role(grant.role))
    ]
