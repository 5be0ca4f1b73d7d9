"""Reading people, teams and rights."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import ApiToken, Grant, Invitation, RunToken, SignInLink, Team, User
from apps.core.actors import SCOPE_VERBS, VERB_ROLES, Actor, ActorKind, Role, RoleGrant
from apps.core.errors import NotFound

if TYPE_CHECKING:
    from django.http import HttpRequest

API_TOKEN_PREFIX = "fwy_"  # noqa: S105 - a marker, not a secret
RUN_TOKEN_PREFIX = "fwr_"  # noqa: S105 - a marker, not a secret


def secret_hash(secret: str) -> str:
    """SHA-256 of a random secret of 256 bits; such a secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def grants_now(user_id: uuid.UUID) -> frozenset[RoleGrant]:
    """Roles that a person holds at this moment."""
    rows = Grant.objects.filter(
        Q(until__isnull=True) | Q(until__gt=timezone.now()),
        Q(team__isnull=True) | Q(team__archived_at__isnull=True),
        user_id=user_id,
    ).values_list("role", "team_id")
    return frozenset(RoleGrant(Role(role), team_id) for role, team_id in rows)


def actor_of_user(user: User, *, request_id: str = "", mfa: bool = False) -> Actor:
    """The actor of a signed-in person; nobody, when the person is not active."""
    if not user.is_active:
        return Actor.anonymous(request_id)
    return Actor(
        kind=ActorKind.USER,
        id=user.pk,
        label=str(user),
        grants=grants_now(user.pk),
        mfa=mfa,
        request_id=request_id,
    )


def actor_of_secret(secret: str, *, request_id: str = "") -> tuple[Actor, User | None] | None:
    """The actor of a bearer secret, with its owner; None when it is unknown, ended or revoked."""
    now = timezone.now()
    digest = secret_hash(secret)
    if secret.startswith(API_TOKEN_PREFIX):
        token = (
            ApiToken.objects.select_related("user")
            .filter(secret_sha256=digest, revoked_at__isnull=True, expires_at__gt=now, user__is_active=True)
            .first()
        )
        if token is None:
            return None
        if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        actor = Actor(
            kind=ActorKind.TOKEN,
            id=token.user.pk,
            label=str(token.user),
            grants=grants_now(token.user.pk),
            scopes=frozenset(token.scopes),
            token_id=token.pk,
            request_id=request_id,
        )
        return actor, token.user
    if secret.startswith(RUN_TOKEN_PREFIX):
        run_token = RunToken.objects.filter(
            secret_sha256=digest, revoked_at__isnull=True, expires_at__gt=now
        ).first()
        if run_token is None:
            return None
        actor = Actor(
            kind=ActorKind.RUN,
            id=run_token.pk,
            label=run_token.label,
            run_id=run_token.run_id,
            job_id=run_token.job_id,
            attempt_id=run_token.attempt_id,
            team_id=run_token.team_id,
            request_id=request_id,
        )
        return actor, None
    return None


def team_list(actor: Actor) -> QuerySet[Team]:
    """Teams in which the actor holds any role, by name."""
    rows = Team.objects.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    return rows.order_by("name", "id")


def people_with_verb(verb: str, team_id: uuid.UUID) -> QuerySet[User]:
    """Active people who hold `verb` in a team now, through a team or site role."""
    now = timezone.now()
    grants = Grant.objects.filter(
        Q(team_id=team_id) | Q(team__isnull=True),
        Q(until__isnull=True) | Q(until__gt=now),
        role__in=[r.value for r in VERB_ROLES.get(verb, frozenset())],
    )
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by("username", "id")


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


def team_get(actor: Actor, pk: uuid.UUID, *, archived: bool = False) -> Team:
    """A team in which the actor holds a role. Raises NotFound."""
    rows = Team.objects.filter(pk=pk)
    if not archived:
        rows = rows.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    team = rows.first()
    if team is None:
        raise NotFound("There is no such team, or you may not see it.")
    return team


def team_table(actor: Actor) -> QuerySet[Team]:
    """As `team_list`, with archived teams for the site's administrators."""
    if actor.can("people.manage", None):
        return Team.objects.all()
    return team_list(actor)


def administrators_of_site(*, lasting: bool = False) -> QuerySet[User]:
    """Active administrators of the whole site; `lasting`: only those whose role has no end."""
    grants = Grant.objects.filter(team__isnull=True, role=Role.ADMINISTRATOR.value)
    if lasting:
        grants = grants.filter(until__isnull=True)
    else:
        grants = grants.filter(Q(until__isnull=True) | Q(until__gt=timezone.now()))
    return User.objects.filter(is_active=True, pk__in=grants.values("user_id"))


def grant_list(
    actor: Actor, *, user_id: uuid.UUID | None = None, team_id: uuid.UUID | None = None
) -> QuerySet[Grant]:
    """Grants the actor may see: of their teams and of the site."""
    rows = Grant.objects.select_related("user", "team")
    team_ids = actor.team_ids("view")
    if team_ids is not None:
        rows = rows.filter(Q(team_id__in=team_ids) | Q(team__isnull=True) | Q(user_id=actor.id))
    if user_id:
        rows = rows.filter(user_id=user_id)
    if team_id:
        rows = rows.filter(Q(team_id=team_id) | Q(team__isnull=True))
    return rows


def grant_get(actor: Actor, pk: uuid.UUID) -> Grant:
    """One grant. Raises NotFound."""
    grant = grant_list(actor).filter(pk=pk).first()
    if grant is None:
        raise NotFound("There is no such role, or you may not see it.")
    return grant


def invitation_list(actor: Actor, *, team_id: uuid.UUID | None = None) -> QuerySet[Invitation]:
    """Open invitations of the teams whose people the actor manages."""
    rows = Invitation.objects.select_related("team").filter(accepted_at__isnull=True, revoked_at__isnull=True)
    team_ids = actor.team_ids("people.manage")
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    if team_id:
        rows = rows.filter(team_id=team_id)
    return rows


def invitation_get(actor: Actor, pk: uuid.UUID) -> Invitation:
    """One invitation, open or not. Raises NotFound."""
    rows = Invitation.objects.select_related("team").filter(pk=pk)
    team_ids = actor.team_ids("people.manage")
    if team_ids is not None:
        rows = rows.filter(team_id__in=team_ids)
    invitation = rows.first()
    if invitation is None:
        raise NotFound("There is no such invitation, or you may not see it.")
    return invitation


def invitation_of_secret(secret_sha256: str) -> Invitation | None:
    """The open invitation of a link; None when it is unknown, used, withdrawn or ended."""
    return (
        Invitation.objects.select_related("team")
        .filter(
            secret_sha256=secret_sha256,
            accepted_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=timezone.now(),
            team__archived_at__isnull=True,
        )
        .first()
    )


def person_former(email: str) -> User | None:
    """The removed person of an address, who keeps their user name when they come back."""
    return User.objects.filter(email__iexact=email, is_active=False).first()


def token_list(actor: Actor, *, user_id: uuid.UUID | None = None, ended: bool = False) -> QuerySet[ApiToken]:
    """One's own tokens; those of others only for the site's administrators. Without `ended`, those that work."""
    owner = user_id or actor.id
    rows = ApiToken.objects.select_related("user").filter(user_id=owner)
    if owner != actor.id and not actor.can("people.manage", None):
        return rows.none()
    if not ended:
        rows = rows.filter(revoked_at__isnull=True, expires_at__gt=timezone.now())
    return rows


def token_get(actor: Actor, pk: uuid.UUID) -> ApiToken:
    """One's own token, or anybody's for an administrator of the site. Raises NotFound."""
    rows = ApiToken.objects.select_related("user").filter(pk=pk)
    if not actor.can("people.manage", None):
        rows = rows.filter(user_id=actor.id)
    token = rows.first()
    if token is None:
        raise NotFound("There is no such token, or it is not yours.")
    return token


def session_list(actor: Actor, *, user_id: uuid.UUID | None = None) -> QuerySet[UserSession]:
    """One's own sessions; those of others only for the site's administrators."""
    owner = user_id or actor.id
    rows = UserSession.objects.filter(user_id=owner)
    if owner != actor.id and not actor.can("people.manage", None):
        return rows.none()
    return rows.order_by("-last_seen_at", "-id")


def session_get(actor: Actor, pk: int) -> UserSession:
    """One session. Raises NotFound."""
    rows = UserSession.objects.select_related("user").filter(pk=pk)
    if not actor.can("people.manage", None):
        rows = rows.filter(user_id=actor.id)
    session = rows.first()
    if session is None:
        raise NotFound("There is no such session, or it is not yours.")
    return session


def gateway_token_hashes(team_id: uuid.UUID) -> list[str]:
    """Hashes of the tokens that may ask this team's deployments: scope predict, owner with that right now."""
    return list(
        ApiToken.objects.filter(
            user__in=people_with_verb("predict", team_id),
            scopes__contains=["predict"],
            revoked_at__isnull=True,
            expires_at__gt=timezone.now(),
        )
        .order_by("secret_sha256")
        .values_list("secret_sha256", flat=True)
    )


def deciders_need_mfa(team_id: uuid.UUID) -> bool:
    """Does the team demand a second factor of those who decide?"""
    return Team.objects.filter(pk=team_id, decide_needs_mfa=True).exists()


def teams_managed(actor: Actor) -> QuerySet[Team]:
    """Teams whose people the actor manages, by name."""
    rows = Team.objects.filter(archived_at__isnull=True)
    team_ids = actor.team_ids("people.manage")
    if team_ids is not None:
        rows = rows.filter(pk__in=team_ids)
    return rows.order_by("name", "id")


def last_seen(user_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """When each person was last seen in a session or by a token; who never was is left out."""
    pks = list(user_ids)
    seen: dict[uuid.UUID, datetime] = {}
    for rows in (
        UserSession.objects.filter(user_id__in=pks).values_list("user_id").annotate(at=Max("last_seen_at")),
        ApiToken.objects.filter(user_id__in=pks).values_list("user_id").annotate(at=Max("last_used_at")),
        User.objects.filter(pk__in=pks).values_list("pk", "last_login"),
    ):
        for pk, at in rows:
            if at is not None and (pk not in seen or at > seen[pk]):
                seen[pk] = at
    return seen


def factor_words(user_id: uuid.UUID) -> list[str]:
    """The second factors of a person, in words; recovery codes do not count as one."""
    words = {Authenticator.Type.TOTP.value: "authenticator app", Authenticator.Type.WEBAUTHN.value: "passkey"}
    kinds = Authenticator.objects.filter(user_id=user_id).values_list("type", flat=True)
    return sorted(words[kind] for kind in kinds if kind in words)


def person_of_link(secret_sha256: str) -> User | None:
    """Whom a one-time link would sign in; None when it is unknown, ended or spent."""
    link = (
        SignInLink.objects.select_related("user")
        .filter(
            secret_sha256=secret_sha256,
            used_at__isnull=True,
            expires_at__gt=timezone.now(),
            user__is_active=True,
        )
        .first()
    )
    return link.user if link else None


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


def bearer_of(request: HttpRequest) -> str:
    """The secret of an Authorization header: Bearer, or the password of Basic (git and MLflow clients use it)."""
    import base64
    import binascii

    header = request.headers.get("Authorization", "")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return "invalid"
    return ""


def teams_of_request(request: HttpRequest) -> list[Team]:
    """Teams of the actor, asked once a request."""
    cached: list[Team] | None = getattr(request, "_fairway_teams", None)
    if cached is None:
        cached = list(team_list(request.actor))  # type: ignore[attr-defined]
        request._fairway_teams = cached  # type: ignore[attr-defined]
    return cached


def team_current(request: HttpRequest) -> Team | None:
    """The team in which the person works: the one chosen last, else the first; None without any."""
    teams = teams_of_request(request)
    last = getattr(request.user, "last_team_id", None)
    return next((team for team in teams if team.pk == last), teams[0] if teams else None)
