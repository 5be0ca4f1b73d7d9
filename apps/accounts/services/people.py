"""Making and removing people."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.contracts import removal_hooks
from apps.accounts.models import ApiToken, Grant, Invitation, SignInLink, User
from apps.accounts.policies import require_site_people
from apps.accounts.selectors import administrators_of_site, user_get
from apps.accounts.services.grants import administrators_lock
from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind
from apps.core.counting import counts_of
from apps.core.errors import Conflict, Forbidden, Invalid


def user_create(
    *,
    actor: Actor,
    username: str,
    email: str,
    password: str | None = None,
    first_name: str = "",
    last_name: str = "",
) -> User:
    """Create a person. Without a password they come in by a link or by password reset.

    Only the system itself may set a password: who sets another person's password could act as them.
    Raises Forbidden, and Invalid at username, email or password.
    """
    require_site_people(actor)
    if password is not None and actor.kind != ActorKind.SYSTEM:
        raise Forbidden("A password is set by its owner. Invite the person instead.")
    return user_make(
        actor=actor,
        username=username,
        email=email,
        password=password,
        first_name=first_name,
        last_name=last_name,
    )


def user_make(
    *, actor: Actor, username: str, email: str, password: str | None, first_name: str = "", last_name: str = ""
) -> User:
    """Write the person after all rights are checked. Raises Invalid at username, email or password."""
    username, email = username.strip(), email.strip().lower()
    user = User(username=username, email=email, first_name=first_name.strip(), last_name=last_name.strip())
    fields = fields_check(user, password)
    if fields:
        raise Invalid("Check " + ", ".join(fields) + ".", fields=fields)
    if password is None:
        user.set_unusable_password()
    else:
        user.set_password(password)
    with transaction.atomic():
        try:
            with transaction.atomic():
                user.save(force_insert=True)
                # The address is proved by the mail that invited the person, or set by the installation itself.
                EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
        except IntegrityError as error:
            raise Invalid.field("username", "This user name or address was taken a moment ago.") from error
        audit_record(actor=actor, action="person.create", thing=user, after={"username": username, "email": email})
    return user


def fields_check(user: User, password: str | None) -> dict[str, list[str]]:
    """What is wrong with user name, address and password, by field."""
    fields: dict[str, list[str]] = {}
    try:
        UnicodeUsernameValidator()(user.username)
    except ValidationError as error:
        fields["username"] = error.messages
    if len(user.username) > 150:
        fields["username"] = ["At most 150 characters."]
    elif User.objects.filter(username__iexact=user.username).exclude(pk=user.pk).exists():
        fields["username"] = ["This user name is taken."]
    try:
        validate_email(user.email)
    except ValidationError as error:
        fields["email"] = error.messages
    else:
        if User.objects.filter(email__iexact=user.email).exclude(pk=user.pk).exists():
            fields["email"] = ["A person with this address exists."]
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            fields["password"] = error.messages
    return fields


@dataclass(frozen=True, slots=True)
class RemovalPreview:
    """What ends when a person is removed."""

    sessions: int
    tokens: int
    grants: int
    invitations: int
    factors: int
    others: tuple[str, ...]
    refusal: str = ""


def person_removal_preview(*, actor: Actor, user_id: uuid.UUID) -> RemovalPreview:
    """Count what `person_remove` would end, and say why it would be refused. Raises NotFound, Forbidden."""
    require_site_people(actor)
    user = user_get(actor, user_id)
    now = timezone.now()
    counts = counts_of(
        {
            "sessions": UserSession.objects.filter(user=user),
            "tokens": ApiToken.objects.filter(user=user, revoked_at__isnull=True, expires_at__gt=now),
            "grants": Grant.objects.filter(user=user),
            "invitations": _invitations_open(user),
            "factors": Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES),
        }
    )
    return RemovalPreview(
        **counts,
        others=tuple(sentence for hook in removal_hooks() for sentence in hook.preview(user)),
        refusal=_removal_refusal(actor, user),
    )


def person_remove(*, actor: Actor, user_id: uuid.UUID, reason: str = "") -> User:
    """End everything a person holds, in one transaction (invariant I32); their name stays on what they did.

    Sessions, tokens, roles, open invitations, sign-in links, second factors and what upper rooms registered.
    Raises NotFound, Forbidden, Conflict for oneself, for the last administrator and for who is removed already.
    """
    require_site_people(actor)
    with transaction.atomic():
        administrators_lock()
        user = user_get(actor, user_id)
        user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        refusal = _removal_refusal(actor, user)
        if refusal:
            raise Conflict(refusal, code="removal_refused")
        now = timezone.now()
        keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(user=user).delete()
        tokens = ApiToken.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=now)
        roles = [str(grant) for grant in Grant.objects.filter(user=user).select_related("user", "team")]
        Grant.objects.filter(user=user).delete()
        invitations = _invitations_open(user).update(revoked_at=now)
        SignInLink.objects.filter(user=user, used_at__isnull=True).update(used_at=now)
        Authenticator.objects.filter(user=user).delete()
        for hook in removal_hooks():
            hook.end(actor, user)
        # A new unusable password also changes the hash that every session of this person carries.
        user.set_unusable_password()
        user.is_active = False
        user.save(update_fields=["password", "is_active"])
        audit_record(
            actor=actor,
            action="person.remove",
            thing=user,
            before={"roles": roles},
            after={"sessions_ended": len(keys), "tokens_ended": tokens, "invitations_ended": invitations},
            reason=reason,
        )
    return user


def _invitations_open(user: User) -> QuerySet[Invitation]:
    return Invitation.objects.filter(email__iexact=user.email, accepted_at__isnull=True, revoked_at__isnull=True)


def _removal_refusal(actor: Actor, user: User) -> str:
    if not user.is_active:
        return "This person was removed already."
    if actor.id == user.pk:
        return "Nobody removes themselves. Ask another administrator."
    lasting = administrators_of_site(lasting=True)
    if lasting.filter(pk=user.pk).exists() and not lasting.exclude(pk=user.pk).exists():
        return "This is the last administrator of the site. Make another person administrator first."
    return ""
