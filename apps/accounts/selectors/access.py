"""Reading what lets people in: invitations, links, tokens, sessions."""

from __future__ import annotations

import uuid

from allauth.usersessions.models import UserSession
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import ApiToken, Invitation, SignInLink, User
from apps.accounts.selectors.people import people_with_verb
from apps.core.actors import Actor
from apps.core.errors import NotFound


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


def token_list(actor: Actor, *, user_id: uuid.UUID | None = None, ended: bool = False) -> QuerySet[ApiToken]:
    """One's own tokens; those of others only for the site's administrators. Without `ended`, those that work."""
    owner = user_id or actor.person_id
    rows = ApiToken.objects.select_related("user").filter(user_id=owner)
    if owner != actor.person_id and not actor.can("people.manage", None):
        return rows.none()
    if not ended:
        rows = rows.filter(revoked_at__isnull=True, expires_at__gt=timezone.now())
    return rows


def token_get(actor: Actor, pk: uuid.UUID) -> ApiToken:
    """One's own token, or anybody's for an administrator of the site. Raises NotFound."""
    rows = ApiToken.objects.select_related("user").filter(pk=pk)
    if not actor.can("people.manage", None):
        rows = rows.filter(user_id=actor.person_id)
    token = rows.first()
    if token is None:
        raise NotFound("There is no such token, or it is not yours.")
    return token


def session_list(actor: Actor, *, user_id: uuid.UUID | None = None) -> QuerySet[UserSession]:
    """One's own sessions; those of others only for the site's administrators."""
    owner = user_id or actor.person_id
    rows: QuerySet[UserSession] = UserSession.objects.filter(user_id=owner)
    if owner != actor.person_id and not actor.can("people.manage", None):
        return rows.none()
    return rows.order_by("-last_seen_at", "-id")


def session_get(actor: Actor, pk: int) -> UserSession:
    """One session. Raises NotFound."""
    rows = UserSession.objects.select_related("user").filter(pk=pk)
    if not actor.can("people.manage", None):
        rows = rows.filter(user_id=actor.person_id)
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
