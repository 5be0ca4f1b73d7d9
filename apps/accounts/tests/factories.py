"""People, teams and actors for tests of every room."""

from __future__ import annotations

import itertools

from allauth.account.models import EmailAddress

from apps.accounts.models import Grant, Team, User
from apps.accounts.selectors import actor_of_user
from apps.core.actors import Actor, Role

_count = itertools.count(1)


def team_make(name: str | None = None) -> Team:
    number = next(_count)
    return Team.objects.create(name=name or f"Team {number}", slug=f"team-{number}")


def user_make(username: str | None = None, *, role: Role | str | None = None, team: Team | None = None) -> User:
    """A person with the password `a long test password`; with a role in the team (or on the site) when given."""
    number = next(_count)
    username = username or f"person{number}"
    user = User(username=username, email=f"{username}-{number}@example.org")
    user.set_password("a long test password")
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    if role is not None:
        Grant.objects.create(user=user, team=team, role=str(role))
    return user


def actor_make(role: Role | str, team: Team | None = None) -> Actor:
    """The actor of a fresh person with one role."""
    return actor_of_user(user_make(role=role, team=team))
