"""From a session or a secret to an actor with present rights."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone

from apps.accounts.models import ApiToken, RunToken, User
from apps.accounts.selectors.remembered import remember
from apps.core.actors import Actor, ActorKind, Role, RoleGrant

if TYPE_CHECKING:
    from django.http import HttpRequest

API_TOKEN_PREFIX = "fwy_"  # noqa: S105 - a marker, not a secret
RUN_TOKEN_PREFIX = "fwr_"  # noqa: S105 - a marker, not a secret


def secret_hash(secret: str) -> str:
    """SHA-256 of a random secret of 256 bits; such a secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _grants(roles: list[dict[str, Any]]) -> frozenset[RoleGrant]:
    return frozenset(RoleGrant(Role(one["role"]), one["team_id"]) for one in roles)


def _role(told: dict[str, Any]) -> dict[str, Any]:
    """A grant as JSON told it, with the types that the database has."""
    team_id, until = told["team_id"], told["until"]
    return told | {
        "id": uuid.UUID(told["id"]),
        "user_id": uuid.UUID(told["user_id"]),
        "team_id": uuid.UUID(team_id) if team_id else None,
        "until": datetime.fromisoformat(until) if until else None,
        "created_at": datetime.fromisoformat(told["created_at"]),
    }


def actor_of_user(user: User, *, request_id: str = "", mfa: bool = False, just_read: bool = False) -> Actor:
    """The actor of a signed-in person; nobody, when the person is not active.

    Reads the roles held now, unless the person was `just_read` with them.
    """
    if not user.is_active:
        return Actor.anonymous(request_id)
    if not just_read:
        now = person_with_roles(user.pk)
        user.roles_read = now.roles_read if now is not None else []
    return Actor(
        kind=ActorKind.USER,
        id=user.pk,
        label=str(user),
        grants=_grants(user.roles_read),
        mfa=mfa,
        request_id=request_id,
    )


def actor_of_secret(secret: str, *, request_id: str = "") -> tuple[Actor, User | None] | None:
    """The actor of a bearer secret, with its owner; None when it is unknown, ended or revoked."""
    now = timezone.now()
    digest = secret_hash(secret)
    if secret.startswith(API_TOKEN_PREFIX):
        return _actor_of_api_token(digest, now, request_id)
    if secret.startswith(RUN_TOKEN_PREFIX):
        run_token = RunToken.objects.filter(secret_sha256=digest, revoked_at__isnull=True, expires_at__gt=now).first()
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


_COLUMNS = ", ".join(f'(person)."{field.column}"' for field in User._meta.concrete_fields)
_PERSON_FIELDS = [field.attname for field in User._meta.concrete_fields]
# Every request passes here, so a person, what let them in and the roles held now come in one call (migration 0003).
_PERSON = f"SELECT roles, {_COLUMNS} FROM accounts_person_find(%s, %s)"  # noqa: S608 - the columns are the model's own
_TOKEN = f"SELECT token, scopes, last_used, roles, rights, {_COLUMNS} FROM accounts_token_find(%s, %s)"  # noqa: S608 - as above


def _person(roles: str | None, columns: list[Any]) -> User:
    user = User.from_db(connection.alias, _PERSON_FIELDS, columns)
    user.roles_read = [_role(one) for one in json.loads(roles or "[]")]
    return user


def person_with_roles(user_id: uuid.UUID) -> User | None:
    """The person with the roles held now in `roles_read`; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_PERSON, [user_id, timezone.now()])
        row = cursor.fetchone()
    return None if row is None else _person(row[0], list(row[1:]))


def _actor_of_api_token(digest: str, now: datetime, request_id: str) -> tuple[Actor, User] | None:
    with connection.cursor() as cursor:
        cursor.execute(_TOKEN, [digest, now])
        row = cursor.fetchone()
    if row is None:
        return None
    token_id, scopes, last_used_at, roles, rights, *person = row
    user = _person(roles, person)
    if last_used_at is None or (now - last_used_at).total_seconds() > 60:
        ApiToken.objects.filter(pk=token_id).update(last_used_at=now)
    actor = Actor(
        kind=ActorKind.TOKEN,
        id=user.pk,
        label=str(user),
        grants=_grants(user.roles_read),
        scopes=frozenset(json.loads(scopes)),
        token_id=token_id,
        request_id=request_id,
    )
    remember(digest, actor, rights)
    return actor, user


def bearer_of(request: HttpRequest) -> str:
    """The secret of an Authorization header: Bearer, or the password of Basic (git and MLflow clients use it)."""
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return "invalid"
    return ""
