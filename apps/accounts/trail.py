"""The audit entries of what allauth writes by itself: sign-in and out, passwords, addresses, second factors.

allauth has no services of ours to call, so its signals are the only place; all of them run inside the transaction
that `web/urls.py` lays around its views.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from apps.accounts.models import User
from apps.audit.services import audit_record
from apps.core.actors import Actor, ActorKind


def _actor(user: User, request: HttpRequest | None) -> Actor:
    request_id = getattr(request, "request_id", "") if request is not None else ""
    return Actor(kind=ActorKind.USER, id=user.pk, label=str(user), request_id=request_id)


def _signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    methods = sorted({str(r.get("method")) for r in get_authentication_records(request, user)})
    audit_record(actor=_actor(user, request), action="session.start", thing=user, after={"methods": methods})


def _signed_out(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        if request is not None and request.session.session_key:
            UserSession.objects.filter(session_key=request.session.session_key).delete()
        audit_record(actor=_actor(user, request), action="session.end", thing=user)


def _password(action: str) -> Any:
    def receive(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        audit_record(actor=_actor(user, request), action=action, thing=user)

    return receive


def _password_reset(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Who had to reset a password may have lost it to somebody: every session of theirs ends."""
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=user).delete()
    audit_record(actor=_actor(user, request), action="password.reset", thing=user, after={"sessions_ended": len(keys)})


def _email_changed(
    sender: Any, request: HttpRequest, user: User, from_email_address: Any, to_email_address: Any, **kwargs: Any
) -> None:
    audit_record(
        actor=_actor(user, request),
        action="account.email",
        thing=user,
        before={"email": getattr(from_email_address, "email", "")},
        after={"email": to_email_address.email},
    )


def _own_request(user_id: Any) -> HttpRequest | None:
    """The request of the person whose second factor changes; None when an administrator removes the person."""
    request: HttpRequest | None = context._request_var.get(None)
    user = getattr(request, "user", None)
    return request if user is not None and user.pk == user_id else None


def _factor_added(sender: Any, instance: Authenticator, created: bool, **kwargs: Any) -> None:
    if created:
        user = instance.user
        audit_record(
            actor=_actor(user, _own_request(user.pk)),
            action="second_factor.add",
            thing=user,
            after={"kind": instance.type},
        )


def _factor_removed(sender: Any, instance: Authenticator, **kwargs: Any) -> None:
    request = _own_request(instance.user_id)
    if request is None:
        return
    user = instance.user
    audit_record(actor=_actor(user, request), action="second_factor.remove", thing=user, before={"kind": instance.type})
    if instance.type == Authenticator.Type.RECOVERY_CODES:
        return
    # A sign-in that this factor made strong is strong no more, here and in other browsers.
    records = request.session.get("account_authentication_methods", [])
    request.session["account_authentication_methods"] = [r for r in records if r.get("method") != "mfa"]
    others = UserSession.objects.filter(user=user).exclude(session_key=request.session.session_key)
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    others.delete()


def connect() -> None:
    """Called once from `AppConfig.ready()`."""
    account_signals.user_logged_in.connect(_signed_in, weak=False, dispatch_uid="fairway.in")
    user_logged_out.connect(_signed_out, weak=False, dispatch_uid="fairway.out")
    for name in ("password_changed", "password_set"):
        action = "password.change" if name == "password_changed" else "password.set"
        getattr(account_signals, name).connect(_password(action), weak=False, dispatch_uid=f"fairway.{name}")
    account_signals.password_reset.connect(_password_reset, weak=False, dispatch_uid="fairway.reset")
    account_signals.email_changed.connect(_email_changed, weak=False, dispatch_uid="fairway.email")
    post_save.connect(_factor_added, sender=Authenticator, weak=False, dispatch_uid="fairway.factor.add")
    post_delete.connect(_factor_removed, sender=Authenticator, weak=False, dispatch_uid="fairway.factor.remove")
