"""What people do with their own account."""

from __future__ import annotations

import uuid

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.policies import require_present
from apps.accounts.selectors import session_get, team_get
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Forbidden, Invalid

THEMES = ("auto", "light", "dark")


def account_update(
    *, actor: Actor, first_name: str | None = None, last_name: str | None = None, theme: str | None = None
) -> User:
    """Change one's own name or theme. Raises Forbidden for tokens, Invalid at the field."""
    require_present(actor, what="Changing an account")
    fields: dict[str, list[str]] = {}
    if theme is not None and theme not in THEMES:
        fields["theme"] = ["Choose one of: " + ", ".join(THEMES) + "."]
    for name, value in (("first_name", first_name), ("last_name", last_name)):
        if value is not None and len(value) > 150:
            fields[name] = ["At most 150 characters."]
    if fields:
        raise Invalid("Check " + ", ".join(fields) + ".", fields=fields)
    with transaction.atomic():
        user = User.objects.select_for_update(of=("self",)).get(pk=actor.person_id)
        wanted = {"first_name": first_name, "last_name": last_name, "theme": theme}
        after = {
            key: value.strip() for key, value in wanted.items() if value is not None and value != getattr(user, key)
        }
        if not after:
            return user
        before = {key: getattr(user, key) for key in after}
        for key, value in after.items():
            setattr(user, key, value)
        user.save(update_fields=list(after))
        audit_record(actor=actor, action="account.update", thing=user, before=before, after=after)
    return user


def team_switch(*, actor: Actor, team_id: uuid.UUID) -> None:
    """Remember the team that a person looks at. A view setting, not audited. Raises NotFound."""
    team = team_get(actor, team_id)
    User.objects.filter(pk=actor.person_id).update(last_team=team)


def home_seen(*, actor: Actor) -> None:
    """Remember when the home page was last looked at. A view setting, not audited."""
    User.objects.filter(pk=actor.person_id).update(home_seen_at=timezone.now())


def session_end(*, actor: Actor, session_id: int) -> None:
    """End one session: one's own, or anybody's for an administrator of the site. Raises NotFound, Forbidden."""
    with transaction.atomic():
        session = session_get(actor, session_id)
        if session.user_id == actor.id:
            require_present(actor, what="Ending a session")
        elif not actor.can("people.manage", None):
            raise Forbidden("Only an administrator ends the sessions of others.")
        Session.objects.filter(session_key=session.session_key).delete()
        session.delete()
        audit_record(actor=actor, action="session.end", thing=session.user, after={"sessions_ended": 1})


def sessions_end_others(*, actor: Actor, keep_key: str) -> int:
    """End all one's own sessions but the present one; returns how many. Raises Forbidden for tokens."""
    require_present(actor, what="Ending sessions")
    with transaction.atomic():
        rows = UserSession.objects.filter(user_id=actor.person_id).exclude(session_key=keep_key)
        keys = list(rows.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        rows.delete()
        if keys:
            user = User.objects.get(pk=actor.person_id)
            audit_record(actor=actor, action="session.end", thing=user, after={"sessions_ended": len(keys)})
    return len(keys)
