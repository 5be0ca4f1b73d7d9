"""Writing roles."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.accounts.contracts import grant_refusals
from apps.accounts.models import Grant, Team, User
from apps.accounts.policies import DECIDING_ROLES, may_grant_to
from apps.accounts.selectors import administrators_of_site, grant_get, team_get
from apps.audit.services import audit_record
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.policies import require_verb_in


def grant_add(*, actor: Actor, user: User, team: Team | None, role: Role | str, until: datetime | None = None) -> Grant:
    """Give a person a role in a team, or on the whole site (team None); an existing grant gets the new end.

    Raises NotFound (team of others), Forbidden, Invalid (role, end in the past, person removed), Conflict when an
    upper room refuses (invariant I10) or when the last administrator's role would get an end.
    """
    team_id = team.pk if team else None
    if team_id is not None:
        team_get(actor, team_id)
    require_verb_in(actor, "people.manage", team_id)
    role = _role(role)
    if until is not None and until <= timezone.now():
        raise Invalid.field("until", "The end must lie in the future.")
    with transaction.atomic():
        if role == Role.ADMINISTRATOR and team_id is None:
            administrators_lock()
        user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        if not user.is_active:
            raise Invalid.field("user", "This person was removed. Invite them again.")
        _guard(actor, user, team_id, role)
        grant = Grant.objects.filter(user=user, team=team, role=role.value).first()
        if grant is not None and grant.until == until:
            return grant
        before = {"until": grant.until} if grant is not None else None
        if grant is None:
            grant = Grant(user=user, team=team, role=role.value)
        elif until is not None:
            _keep_an_administrator(grant)
        else:
            grant.row_version += 1
        grant.until = until
        grant.granted_by_label = actor.label[:200]
        grant.save()
        audit_record(
            actor=actor,
            action="grant.add",
            thing=user,
            team_id=team_id,
            before=before,
            after={"role": role.value, "team": str(team) if team else "the whole site", "until": until},
        )
    return grant


def grant_remove(*, actor: Actor, grant_id: uuid.UUID, reason: str = "") -> None:
    """Take a role away. Raises NotFound, Forbidden, Conflict for the last administrator of the site."""
    with transaction.atomic():
        administrators_lock()
        grant = grant_get(actor, grant_id)
        require_verb_in(actor, "people.manage", grant.team_id)
        _keep_an_administrator(grant)
        refusals = grant_refusals(actor, grant.user, grant.team_id, Role(grant.role))
        if refusals:
            raise Conflict(" ".join(refusals), code="second_person_needed", items=refusals)
        user, team = grant.user, grant.team
        grant.delete()
        audit_record(
            actor=actor,
            action="grant.remove",
            thing=user,
            team_id=team.pk if team else None,
            before={"role": grant.role, "team": str(team) if team else "the whole site", "until": grant.until},
            reason=reason,
        )


def administrators_lock() -> None:
    """Make changes to the site's administrators wait for each other, so that the last one is really kept."""
    list(
        Grant.objects.select_for_update()
        .filter(team__isnull=True, role=Role.ADMINISTRATOR.value)
        .order_by("id")
        .values_list("id", flat=True)
    )


def _keep_an_administrator(grant: Grant) -> None:
    if grant.team_id is None and grant.role == Role.ADMINISTRATOR and grant.until is None:
        others = administrators_of_site(lasting=True).exclude(pk=grant.user_id)
        if not others.exists():
            raise Conflict(
                "This is the last administrator of the site. Make another person administrator first.",
                code="last_administrator",
            )


def _guard(actor: Actor, user: User, team_id: uuid.UUID | None, role: Role) -> None:
    if not may_grant_to(actor, user.pk, role):
        names = " and ".join(sorted(r.value.replace("_", " ").lower() for r in DECIDING_ROLES))
        raise Forbidden(
            f"Nobody makes themselves {names}: another administrator has to grant it.", code="second_person_needed"
        )
    refusals = grant_refusals(actor, user, team_id, role)
    if refusals:
        raise Conflict(" ".join(refusals), code="second_person_needed", items=refusals)


def _role(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        raise Invalid.field("role", "Choose one of: " + ", ".join(r.value for r in Role) + ".") from error
