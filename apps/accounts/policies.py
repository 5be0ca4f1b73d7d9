"""Who may do what. The table of roles and verbs is `apps.core.actors.VERB_ROLES`."""

from __future__ import annotations

import uuid

from apps.accounts.models import Team
from apps.core.actors import VERB_ROLES, Actor, ActorKind, Role
from apps.core.errors import Forbidden
from apps.core.policies import require

# Roles whose holders decide on other people's work: nobody takes one for themselves (invariants I9, I10).
DECIDING_ROLES = frozenset(VERB_ROLES["approval.decide"] | VERB_ROLES["problem.accept"])


def can(actor: Actor, verb: str, team_id: uuid.UUID | None) -> bool:
    """May the actor do `verb` in the team (None: on the whole site)?"""
    return actor.can(verb, team_id)


def decide_strength_ok(actor: Actor, team: Team) -> bool:
    """Is the sign-in strong enough to decide in this team?

    A team may demand a second factor of those who decide. A token then never suffices, whatever its scopes and
    however its owner signed in when it was made: it proves possession of a file, not the presence of a person.
    """
    if not team.decide_needs_mfa:
        return True
    return actor.kind == ActorKind.USER and actor.mfa


def require_decide_strength(actor: Actor, team: Team) -> None:
    """Raise Forbidden with what to do, unless `decide_strength_ok`."""
    require(
        decide_strength_ok(actor, team),
        f"{team} asks for a second factor from those who decide. Add one under your account, sign in with it "
        "and repeat; a token is not enough.",
        code="second_factor_needed",
    )


def may_administer(actor: Actor) -> bool:
    """Does the actor manage people somewhere: the site, or one team at least?"""
    teams = actor.team_ids("people.manage")
    return teams is None or bool(teams)


def may_administer_site(actor: Actor) -> bool:
    """Does the actor manage people and teams of the whole site?"""
    return actor.team_ids("people.manage") is None


def require_site_people(actor: Actor) -> None:
    """Raise Forbidden unless the actor manages people of the whole site."""
    require(may_administer_site(actor), "Only an administrator of the whole site can do this.")


def may_grant_to(actor: Actor, user_id: uuid.UUID, role: Role) -> bool:
    """Nobody gives themselves a role that decides; another administrator has to."""
    return not (actor.is_person and actor.id == user_id and role in DECIDING_ROLES)


def require_present(actor: Actor, *, what: str) -> None:
    """Raise Forbidden unless a person is signed in (or the system acts): a token never widens itself."""
    if actor.kind not in (ActorKind.USER, ActorKind.SYSTEM):
        raise Forbidden(f"{what} takes a signed-in person; a token cannot do it.", code="session_needed")
