"""The three accounts of the demo: made once, their passwords kept for this installation only."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Grant, Team, User
from apps.accounts.services import grant_add, sign_in_link_create, team_create, user_create
from apps.core.actors import Actor, Role

TEAM = "Pretrial services"
LINK_MINUTES = 12 * 60


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """What `make run` prints."""

    username: str
    name: str
    role: str
    password: str
    link: str


@dataclass(frozen=True, slots=True)
class _Person:
    username: str
    first_name: str
    last_name: str
    role: Role
    on_site: bool


PEOPLE = (
    _Person("scientist", "Sasha", "Winter", Role.DATA_SCIENTIST, False),
    _Person("owner", "Oona", "Marsh", Role.PRODUCT_OWNER, False),
    _Person("admin", "Alex", "Berg", Role.ADMINISTRATOR, True),
)


def demo_accounts() -> list[DemoAccount]:
    """Make team and people when they are missing; always with a fresh one-time link each.

    A password that its owner has changed since is not known any more and printed as empty; a removed person stays
    removed and is left out.
    """
    actor = Actor.system("demo")
    kept = _read()
    with transaction.atomic():
        team = Team.objects.filter(name__iexact=TEAM).first() or team_create(actor=actor, name=TEAM)
        users = [(person, _person(actor, person, team, kept)) for person in PEOPLE]
        # Before the commit: a password that is in the database is in the file too.
        _write(kept)
    accounts = []
    for person, user in users:
        if not user.is_active:
            continue
        password = kept.get(person.username, "")
        accounts.append(
            DemoAccount(
                username=user.username,
                name=str(user),
                role=person.role.value.replace("_", " ").lower(),
                password=password if user.check_password(password) else "",
                link=settings.PUBLIC_URL + sign_in_link_create(actor=actor, user=user, minutes=LINK_MINUTES),
            )
        )
    return accounts


def _person(actor: Actor, person: _Person, team: Team, kept: dict[str, str]) -> User:
    user = User.objects.filter(username=person.username).first()
    if user is not None:
        return user
    password = kept[person.username] = "-".join(secrets.token_hex(3) for _ in range(3))
    user = user_create(
        actor=actor,
        username=person.username,
        email=f"{person.username}@fairway.invalid",
        password=password,
        first_name=person.first_name,
        last_name=person.last_name,
    )
    if not Grant.objects.filter(user=user).exists():
        grant_add(actor=actor, user=user, team=None if person.on_site else team, role=person.role)
    User.objects.filter(pk=user.pk).update(last_team=team)
    return user


def _path() -> Path:
    return Path(settings.FAIRWAY_HOME) / "secrets" / "demo-accounts.json"


def _read() -> dict[str, str]:
    try:
        found = json.loads(_path().read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _write(passwords: dict[str, str]) -> None:
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".demo-")
    try:
        with os.fdopen(descriptor, "w") as handle:
            json.dump(passwords, handle, indent=2)
        Path(name).chmod(0o600)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
