"""Writing teams."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from apps.accounts.contracts import RESERVED_SLUGS
from apps.accounts.models import Team
from apps.accounts.policies import require_site_people
from apps.accounts.selectors import team_get
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require_verb_in


def team_create(*, actor: Actor, name: str, slug: str = "", decide_needs_mfa: bool = False) -> Team:
    """Create a team; without a short name (`slug`) it gets one made of its name.

    Raises Forbidden, Invalid when the name is taken or empty, Conflict when the short name is taken.
    """
    require_site_people(actor)
    name = _name(name)
    if slug and Team.objects.filter(slug=slug).exists():
        raise Conflict("A team of this short name exists.", code="name_taken")
    with transaction.atomic():
        try:
            with transaction.atomic():
                team = Team.objects.create(name=name, slug=slug or _slug(name), decide_needs_mfa=decide_needs_mfa)
        except IntegrityError as error:
            raise Invalid.field("name", "A team of this name exists.") from error
        audit_record(
            actor=actor,
            action="team.create",
            thing=team,
            team_id=team.pk,
            after={"name": name, "decide_needs_mfa": decide_needs_mfa},
        )
    return team


def team_update(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    row_version: int,
    name: str | None = None,
    decide_needs_mfa: bool | None = None,
) -> Team:
    """Change name or the demand of a second factor.

    Raises NotFound, Forbidden, Invalid (name taken), Conflict when somebody else changed the team since.
    """
    with transaction.atomic():
        team = team_get(actor, team_id)
        require_verb_in(actor, "people.manage", team.pk)
        team = Team.objects.select_for_update().get(pk=team.pk)
        if team.row_version != row_version:
            raise Conflict(
                "Somebody else changed this team while you were editing it. Nothing was saved.",
                code="stale",
                items=[{"field": "name", "theirs": team.name, "yours": name}],
            )
        before = {"name": team.name, "decide_needs_mfa": team.decide_needs_mfa}
        if name is not None:
            team.name = _name(name)
        if decide_needs_mfa is not None:
            team.decide_needs_mfa = decide_needs_mfa
        after = {"name": team.name, "decide_needs_mfa": team.decide_needs_mfa}
        if after == before:
            return team
        team.row_version += 1
        try:
            with transaction.atomic():
                team.save(update_fields=["name", "decide_needs_mfa", "row_version"])
        except IntegrityError as error:
            raise Invalid.field("name", "A team of this name exists.") from error
        audit_record(actor=actor, action="team.update", thing=team, team_id=team.pk, before=before, after=after)
    return team


def team_archive(*, actor: Actor, team_id: uuid.UUID, archived: bool = True, reason: str = "") -> Team:
    """Put a team away, or bring it back: its roles rest while it is archived. Raises NotFound, Forbidden."""
    with transaction.atomic():
        require_site_people(actor)
        team = team_get(actor, team_id, archived=True)
        team = Team.objects.select_for_update().get(pk=team.pk)
        if (team.archived_at is not None) == archived:
            return team
        team.archived_at = timezone.now() if archived else None
        team.row_version += 1
        team.save(update_fields=["archived_at", "row_version"])
        action = "team.archive" if archived else "team.restore"
        audit_record(actor=actor, action=action, thing=team, team_id=team.pk, reason=reason)
    return team


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid.field("name", "A team needs a name.")
    if len(name) > 120:
        raise Invalid.field("name", "At most 120 characters.")
    return name


def _slug(name: str) -> str:
    base = slugify(name)[:50] or "team"
    taken = {*RESERVED_SLUGS, *Team.objects.filter(slug__startswith=base).values_list("slug", flat=True)}
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"
