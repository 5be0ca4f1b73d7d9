"""Reading people, and who can do what."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from apps.accounts.models import ApiToken, Grant, User
from apps.core.actors import SCOPE_VERBS, VERB_ROLES, Actor, ActorKind, Role
from apps.core.errors import NotFound


def _people(actor: Actor) -> QuerySet[User]:
    """People the actor may know of: all for the site's administrators, else those who share a team, and oneself."""
    if actor.kind == ActorKind.SYSTEM or actor.can("people.manage", None):
        return User.objects.all()
    team_ids = actor.team_ids("view")
    if team_ids is None:
        return User.objects.all()
    # Who holds a role on the whole site belongs to every team.
    shared = Grant.objects.filter(Q(team_id__in=team_ids) | Q(team__isnull=True)).values("user_id")
    return User.objects.filter(Q(pk=actor.id) | Q(pk__in=shared))


def user_get(actor: Actor, pk: uuid.UUID) -> User:
    """A person. Raises NotFound when the actor may not know of them."""
    user = _people(actor).filter(pk=pk).first()
    if user is None:
        raise NotFound("There is no such person, or you may not see them.")
    return user


def user_named(actor: Actor, username: str) -> User:
    """An active person by user name. Raises NotFound when the actor may not know of them."""
    user = _people(actor).filter(username=username, is_active=True).first()
    if user is None:
        raise NotFound(f"There is no person '{username[:60]}', or you may not see them.")
    return user


def user_list(
    actor: Actor, *, text: str = "", role: str = "", team_id: uuid.UUID | None = None, state: str = ""
) -> QuerySet[User]:
    """People by name part, role held now, team and state (ACTIVE, REMOVED; empty: both)."""
    rows = _people(actor)
    if text:
        rows = rows.filter(
            Q(username__icontains=text)
            | Q(first_name__icontains=text)
            | Q(last_name__icontains=text)
            | Q(email__icontains=text)
        )
    if role or team_id:
        grants = Grant.objects.filter(Q(until__isnull=True) | Q(until__gt=timezone.now()))
        if role:
            grants = grants.filter(role=role)
        if team_id:
            grants = grants.filter(Q(team_id=team_id) | Q(team__isnull=True))
        rows = rows.filter(pk__in=grants.values("user_id"))
    if state == "ACTIVE":
        rows = rows.filter(is_active=True)
    elif state == "REMOVED":
        rows = rows.filter(is_active=False)
    return rows


def people_with_verb(verb: str, team_id: uuid.UUID) -> QuerySet[User]:
    """Active people who hold `verb` in a team now, through a team or site role."""
    now = timezone.now()
    grants = Grant.objects.filter(
        Q(team_id=team_id) | Q(team__isnull=True),
        Q(until__isnull=True) | Q(until__gt=now),
        role__in=[r.value for r in VERB_ROLES.get(verb, frozenset())],
    )
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by("username", "id")


def site_people_with_verb(verb: str) -> QuerySet[User]:
    """Active people who hold `verb` on the whole site now."""
    grants = Grant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=timezone.now()),
        team__isnull=True,
        role__in=[role.value for role in VERB_ROLES.get(verb, frozenset())],
    )
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by("username", "id")


def administrators_of_site(*, lasting: bool = False) -> QuerySet[User]:
    """Active administrators of the whole site; `lasting`: only those whose role has no end."""
    grants = Grant.objects.filter(team__isnull=True, role=Role.ADMINISTRATOR.value)
    if lasting:
        grants = grants.filter(until__isnull=True)
    else:
        grants = grants.filter(Q(until__isnull=True) | Q(until__gt=timezone.now()))
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id"))


def person_former(email: str) -> User | None:
    """The removed person of an address, who keeps their user name when they come back."""
    return User.objects.filter(email__iexact=email, is_active=False).first()


def last_seen(user_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When each person was last seen in a session or by a token; who never was is left out."""
    sessions = UserSession.objects.filter(user_id=OuterRef("pk")).order_by("-last_seen_at").values("last_seen_at")
    tokens = ApiToken.objects.filter(user_id=OuterRef("pk"), last_used_at__isnull=False).order_by("-last_used_at")
    rows = User.objects.filter(pk__in=list(user_ids)).values_list(
        "pk", Greatest("last_login", Subquery(sessions[:1]), Subquery(tokens.values("last_used_at")[:1]))
    )
    return {pk: at for pk, at in rows if at is not None}


def factor_words(user_id: uuid.UUID) -> list[str]:
    """The second factors of a person, in words; recovery codes do not count as one."""
    words = {Authenticator.Type.TOTP.value: "authenticator app", Authenticator.Type.WEBAUTHN.value: "passkey"}
    kinds = Authenticator.objects.filter(user_id=user_id).values_list("type", flat=True)
    return sorted(words[kind] for kind in kinds if kind in words)


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who may do something, through which role, and the tokens that could do it for them."""

    user: User
    grants: tuple[Grant, ...]
    tokens: int


def holders_of(actor: Actor, verb: str, team_id: uuid.UUID) -> list[Holder]:
    """Who can do `verb` in a team now, and why."""
    now = timezone.now()
    grants = (
        Grant.objects.select_related("user", "team")
        .filter(
            Q(team_id=team_id) | Q(team__isnull=True),
            Q(until__isnull=True) | Q(until__gt=now),
            user__in=_people(actor).filter(is_active=True),
            role__in=[role.value for role in VERB_ROLES.get(verb, frozenset())],
        )
        .order_by("user__username", "role", "id")
    )
    held: dict[uuid.UUID, list[Grant]] = {}
    for grant in grants:
        held.setdefault(grant.user_id, []).append(grant)
    scopes = {scope for scope, verbs in SCOPE_VERBS.items() if verb in verbs}
    tokens: dict[uuid.UUID, int] = {}
    for owner, own in ApiToken.objects.filter(
        user_id__in=held, revoked_at__isnull=True, expires_at__gt=now
    ).values_list("user_id", "scopes"):
        tokens[owner] = tokens.get(owner, 0) + bool(scopes & set(own))
    return [Holder(rows[0].user, tuple(rows), tokens.get(pk, 0)) for pk, rows in held.items()]


def user_by_username(username: str) -> User | None:
    """For commands of the installation itself; pages find people by `user_get`."""
    return User.objects.filter(username=username, is_active=True).first()
