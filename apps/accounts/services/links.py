"""One-time sign-in links."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.mail import mail_send
from apps.accounts.models import SignInLink, User
from apps.accounts.policies import require_site_people
from apps.accounts.selectors import secret_hash, user_get
from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind
from apps.core.errors import Conflict, Forbidden, Invalid

LINK_MINUTES_MAX = 24 * 60


def sign_in_link_create(*, actor: Actor, user: User, minutes: int = 30) -> str:
    """Make a link that signs one person in, once; returns its path. Earlier unused links of the person end.

    Only the system may hold the link in its hands (`demo_accounts` prints it): whoever holds it acts as the person.
    People get theirs by mail, see `sign_in_link_send`. Raises Forbidden, Invalid.
    """
    if actor.kind != ActorKind.SYSTEM:
        raise Forbidden("A sign-in link is sent to its owner by mail and shown to nobody else.")
    return _link_make(actor=actor, user=user, minutes=minutes)


def sign_in_link_send(*, actor: Actor, user_id: uuid.UUID, minutes: int = 30) -> None:
    """Mail a person a link that signs them in, once. Raises NotFound, Forbidden, Invalid."""
    require_site_people(actor)
    user = user_get(actor, user_id)
    with transaction.atomic():
        path = _link_make(actor=actor, user=user, minutes=minutes)
        transaction.on_commit(
            partial(
                mail_send,
                to=user.email,
                subject="Your sign-in link",
                text=f"{actor.label} sent you a link that signs you in to Fairway. "
                f"It works once, within {minutes} minutes.",
                action="Sign in",
                url=settings.PUBLIC_URL + path,
            )
        )


def _link_make(*, actor: Actor, user: User, minutes: int) -> str:
    if not 1 <= minutes <= LINK_MINUTES_MAX:
        raise Invalid.field("minutes", f"Between 1 and {LINK_MINUTES_MAX} minutes.")
    if not user.is_active:
        raise Invalid.field("user", "This person was removed.")
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at__isnull=True).update(used_at=now)
        SignInLink.objects.create(
            user=user, secret_sha256=secret_hash(secret), expires_at=now + timedelta(minutes=minutes)
        )
        audit_record(actor=actor, action="sign_in_link.create", thing=user, after={"minutes": minutes})
    return reverse("account-link", args=[secret])


def sign_in_link_use(*, secret_sha256: str, request_id: str = "") -> User:
    """Spend a link and return whom it signs in. Raises Conflict when it is unknown, ended or spent."""
    with transaction.atomic():
        link = (
            SignInLink.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(
                secret_sha256=secret_sha256,
                used_at__isnull=True,
                expires_at__gt=timezone.now(),
                user__is_active=True,
            )
            .first()
        )
        if link is None:
            raise Conflict(
                "This link does not work any more: it was used, has ended or was replaced by a newer one.",
                code="link_spent",
            )
        link.used_at = timezone.now()
        link.save(update_fields=["used_at"])
        actor = Actor(kind=ActorKind.USER, id=link.user.pk, label=str(link.user), request_id=request_id)
        audit_record(actor=actor, action="sign_in_link.use", thing=link.user)
    return link.user
