"""Invitations by mail: only the hash of the link's secret is kept, and only the invited mailbox gets the link."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from functools import partial

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.contracts import grant_refusals
from apps.accounts.mail import mail_send
from apps.accounts.models import Grant, Invitation, Team, User
from apps.accounts.selectors import invitation_get, invitation_of_secret, secret_hash, team_get
from apps.accounts.services.people import fields_check, user_make
from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind, Role
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require_verb_in

INVITATION_DAYS_MAX = 30


def invitation_create(*, actor: Actor, email: str, team: Team, role: Role | str, days: int = 7) -> Invitation:
    """Invite an address to a team and mail the link after commit; an open invitation of the same is replaced.

    Raises NotFound, Forbidden, Invalid at email, role or days, Conflict when the person is here already.
    """
    team_get(actor, team.pk)
    require_verb_in(actor, "people.manage", team.pk)
    email = email.strip().lower()
    fields: dict[str, list[str]] = {}
    try:
        validate_email(email)
    except ValidationError as error:
        fields["email"] = error.messages
    if role not in set(Role):
        fields["role"] = ["Choose one of: " + ", ".join(r.value for r in Role) + "."]
    if not 1 <= days <= INVITATION_DAYS_MAX:
        fields["days"] = [f"Between 1 and {INVITATION_DAYS_MAX} days."]
    if fields:
        raise Invalid("Check " + ", ".join(fields) + ".", fields=fields)
    if User.objects.filter(email__iexact=email, is_active=True).exists():
        raise Conflict("A person with this address is here already. Give them a role instead.", code="person_exists")
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        Invitation.objects.filter(
            email__iexact=email, team=team, accepted_at__isnull=True, revoked_at__isnull=True
        ).update(revoked_at=now)
        invitation = Invitation.objects.create(
            team=team,
            email=email,
            role=Role(role).value,
            secret_sha256=secret_hash(secret),
            invited_by_label=actor.label[:200],
            invited_by_id=actor.id if actor.is_person else None,
            expires_at=now + timedelta(days=days),
        )
        audit_record(
            actor=actor,
            action="invitation.create",
            thing=invitation,
            after={"email": email, "role": invitation.role, "expires_at": invitation.expires_at},
        )
        transaction.on_commit(partial(_mail, invitation.pk, secret))
    return invitation


def invitation_resend(*, actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """Mail a new link and end the old one. Raises NotFound, Forbidden, Conflict when it is not open."""
    with transaction.atomic():
        invitation = invitation_get(actor, invitation_id)
        require_verb_in(actor, "people.manage", invitation.team_id)
        invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
        _open(invitation)
        secret = secrets.token_urlsafe(32)
        invitation.secret_sha256 = secret_hash(secret)
        invitation.expires_at = max(invitation.expires_at, timezone.now() + timedelta(days=7))
        invitation.mail_error = ""
        invitation.row_version += 1
        invitation.save(update_fields=["secret_sha256", "expires_at", "mail_error", "row_version"])
        audit_record(actor=actor, action="invitation.resend", thing=invitation)
        transaction.on_commit(partial(_mail, invitation.pk, secret))
    return invitation


def invitation_revoke(*, actor: Actor, invitation_id: uuid.UUID, reason: str = "") -> Invitation:
    """End an open invitation. Raises NotFound, Forbidden, Conflict when it is not open."""
    with transaction.atomic():
        invitation = invitation_get(actor, invitation_id)
        require_verb_in(actor, "people.manage", invitation.team_id)
        invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
        _open(invitation)
        invitation.revoked_at = timezone.now()
        invitation.row_version += 1
        invitation.save(update_fields=["revoked_at", "row_version"])
        audit_record(actor=actor, action="invitation.revoke", thing=invitation, reason=reason)
    return invitation


def invitation_accept(
    *, secret_sha256: str, username: str, password: str, first_name: str = "", last_name: str = "", request_id: str = ""
) -> User:
    """Make the invited person, or bring back one who was removed, and give the role.

    Raises Conflict when the invitation is not open any more, Invalid at username or password.
    """
    with transaction.atomic():
        found = invitation_of_secret(secret_sha256)
        invitation = (
            Invitation.objects.select_for_update(of=("self",)).select_related("team").get(pk=found.pk)
            if found is not None
            else None
        )
        if invitation is None or invitation.accepted_at is not None or invitation.revoked_at is not None:
            raise Conflict(
                "This invitation does not work any more: it was used, has ended or was withdrawn.", code="link_spent"
            )
        guest = Actor(kind=ActorKind.USER, id=None, label=invitation.email, request_id=request_id)
        former = User.objects.select_for_update(of=("self",)).filter(email__iexact=invitation.email).first()
        if former is not None and former.is_active:
            raise Conflict("A person with this address is here already. Sign in instead.", code="person_exists")
        if former is not None:
            user = _bring_back(guest, former, password, first_name, last_name)
        else:
            user = user_make(
                actor=guest,
                username=username,
                email=invitation.email,
                password=password,
                first_name=first_name,
                last_name=last_name,
            )
        refusals = grant_refusals(guest, user, invitation.team_id, Role(invitation.role))
        if refusals:
            raise Conflict(" ".join(refusals), code="second_person_needed", items=refusals)
        Grant.objects.create(
            user=user, team=invitation.team, role=invitation.role, granted_by_label=invitation.invited_by_label
        )
        user.last_team = invitation.team
        user.save(update_fields=["last_team"])
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at"])
        actor = Actor(kind=ActorKind.USER, id=user.pk, label=str(user), request_id=request_id)
        audit_record(
            actor=actor,
            action="invitation.accept",
            thing=invitation,
            after={"person": str(user), "role": invitation.role},
        )
    return user


def _bring_back(actor: Actor, user: User, password: str, first_name: str, last_name: str) -> User:
    fields = fields_check(user, password)
    if fields:
        raise Invalid("Check " + ", ".join(fields) + ".", fields=fields)
    user.set_password(password)
    user.is_active = True
    user.first_name, user.last_name = first_name.strip() or user.first_name, last_name.strip() or user.last_name
    user.save(update_fields=["password", "is_active", "first_name", "last_name"])
    EmailAddress.objects.update_or_create(
        user=user, email=user.email.lower(), defaults={"primary": True, "verified": True}
    )
    audit_record(actor=actor, action="person.restore", thing=user)
    return user


def _open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None or invitation.revoked_at is not None:
        raise Conflict("This invitation was accepted or withdrawn already.", code="not_open")


def _mail(invitation_id: uuid.UUID, secret: str) -> None:
    invitation = Invitation.objects.select_related("team").filter(pk=invitation_id).first()
    if invitation is None:
        return
    error = mail_send(
        to=invitation.email,
        subject=f"{invitation.invited_by_label} invites you to {invitation.team}",
        text=f"{invitation.invited_by_label} invites you to {invitation.team} as "
        f"{Role(invitation.role).value.replace('_', ' ').lower()}. "
        f"Choose a user name and a password until {invitation.expires_at:%d %B %Y}.",
        action="Accept the invitation",
        url=settings.PUBLIC_URL + reverse("invitation-open", args=[secret]),
    )
    sent = {"mail_error": error} if error else {"mail_error": "", "mailed_at": timezone.now()}
    Invitation.objects.filter(pk=invitation_id).update(**sent)
