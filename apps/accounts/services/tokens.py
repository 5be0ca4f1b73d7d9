"""API tokens of people and run tokens of job attempts. A secret is returned once and stored as a hash."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import ApiToken, RunToken, User
from apps.accounts.policies import require_present
from apps.accounts.selectors import API_TOKEN_PREFIX, RUN_TOKEN_PREFIX, secret_hash, token_get
from apps.audit.services import audit_record
from apps.core.actors import SCOPE_VERBS, Actor, ActorKind
from apps.core.errors import Forbidden, Invalid

TOKEN_DAYS_MAX = 365


def token_create(*, actor: Actor, user: User, name: str, scopes: Iterable[str], days: int) -> tuple[ApiToken, str]:
    """Make a token for a person; the secret is in the answer and nowhere else.

    A token only narrows what its owner may do at the moment of use. People make tokens for themselves only.
    Raises Forbidden, and Invalid at name, scopes or days.
    """
    require_present(actor, what="Making a token")
    if actor.kind != ActorKind.SYSTEM and actor.id != user.pk:
        raise Forbidden("A token is made by its owner.")
    if not user.is_active:
        raise Invalid.field("user", "This person was removed.")
    name = " ".join(name.split())
    wanted = sorted(set(scopes))
    fields: dict[str, list[str]] = {}
    if not name or len(name) > 120:
        fields["name"] = ["A name of 1 to 120 characters says what the token is for."]
    if not wanted or not set(wanted) <= set(SCOPE_VERBS):
        fields["scopes"] = ["Choose at least one of: " + ", ".join(SCOPE_VERBS) + "."]
    if not 1 <= days <= TOKEN_DAYS_MAX:
        fields["days"] = [f"Between 1 and {TOKEN_DAYS_MAX} days."]
    if fields:
        raise Invalid("Check " + ", ".join(fields) + ".", fields=fields)
    secret = API_TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=secret[:8],
            secret_sha256=secret_hash(secret),
            scopes=wanted,
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit_record(
            actor=actor,
            action="token.create",
            thing=token,
            object_label=name,
            after={"owner": str(user), "scopes": wanted, "expires_at": token.expires_at},
        )
    return token, secret


def token_revoke(*, actor: Actor, token_id: uuid.UUID, reason: str = "") -> ApiToken:
    """End a token: its owner, the token itself, or an administrator of the site. Raises NotFound, Forbidden."""
    with transaction.atomic():
        token = token_get(actor, token_id)
        if actor.kind == ActorKind.TOKEN and actor.token_id != token.pk and not actor.can("people.manage", None):
            raise Forbidden("A token can end itself; the others are ended by a signed-in person.")
        token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
        if token.revoked_at is None:
            token.revoked_at = timezone.now()
            token.save(update_fields=["revoked_at"])
            audit_record(actor=actor, action="token.revoke", thing=token, object_label=token.name, reason=reason)
    return token


def run_token_issue(
    *,
    team_id: uuid.UUID,
    job_id: uuid.UUID,
    attempt_id: uuid.UUID,
    run_id: uuid.UUID | None,
    label: str,
    minutes: int,
) -> str:
    """Make the secret with which one job attempt writes its own run. The attempt's event is its audit entry."""
    secret = RUN_TOKEN_PREFIX + secrets.token_urlsafe(32)
    RunToken.objects.create(
        secret_sha256=secret_hash(secret),
        team_id=team_id,
        job_id=job_id,
        attempt_id=attempt_id,
        run_id=run_id,
        label=label[:200],
        expires_at=timezone.now() + timedelta(minutes=minutes),
    )
    return secret


def run_tokens_revoke(*, attempt_id: uuid.UUID) -> int:
    """End the tokens of an attempt that is over; returns how many."""
    return RunToken.objects.filter(attempt_id=attempt_id, revoked_at__isnull=True).update(revoked_at=timezone.now())
