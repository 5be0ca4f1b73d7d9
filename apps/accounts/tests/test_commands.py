"""Commands of the shell: one token, three demo accounts."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from apps.accounts import services
from apps.accounts.demo import demo_accounts
from apps.accounts.models import ApiToken, Team, User
from apps.accounts.selectors import actor_of_secret, actor_of_user, team_list
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(settings, tmp_path) -> Path:
    settings.FAIRWAY_HOME = tmp_path
    return tmp_path


def run(name: str, *args: str) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


def test_token_create_prints_the_token_and_nothing_else():
    user = user_make("ada", role=Role.DATA_SCIENTIST, team=team_make())

    text = run("token_create", "--user", "ada", "--days", "3")

    assert re.fullmatch(r"fwy_[\w-]{43}\n", text)
    actor, owner = actor_of_secret(text.strip())
    assert owner == user
    assert actor.scopes == {"read", "write", "predict"}
    assert ApiToken.objects.get().secret_sha256 not in text


@pytest.mark.parametrize(
    "args", [("--user", "nobody"), ("--user", "ada", "--days", "400"), ("--user", "ada", "--days", "0")]
)
def test_token_create_refuses_in_a_sentence(args):
    user_make("ada")

    with pytest.raises(CommandError):
        run("token_create", *args)

    assert not ApiToken.objects.exists()


def test_demo_accounts_work_and_stay(home):
    first = json.loads(run("demo_accounts", "--json"))
    second = json.loads(run("demo_accounts", "--json"))

    assert [a["username"] for a in first["accounts"]] == ["scientist", "owner", "admin"]
    assert [a["password"] for a in first["accounts"]] == [a["password"] for a in second["accounts"]]
    assert [a["link"] for a in first["accounts"]] != [a["link"] for a in second["accounts"]]
    assert Team.objects.get().name == first["team"] == "Pretrial services"
    assert User.objects.count() == 3
    team = Team.objects.get()
    actors = {u.username: actor_of_user(u) for u in User.objects.all()}
    assert actors["scientist"].can("data.edit", team.pk)
    assert actors["owner"].can("approval.decide", team.pk)
    assert not actors["admin"].can("approval.decide", team.pk)
    assert actors["admin"].can("people.manage", None)
    team_make("Another")
    assert team_list(actors["admin"]).count() == 2
    assert team_list(actors["scientist"]).count() == 1
    for account in second["accounts"]:
        browser = Client()
        sent = browser.post(reverse("account_login"), {"login": account["username"], "password": account["password"]})
        assert sent.status_code == 302
        other = Client()
        other.get(re.sub(r"^https?://[^/]+", "", account["link"]))
        other.post(reverse("account-link-use"))
        assert other.get("/api/v1/me").json()["username"] == account["username"]


def test_demo_secrets_are_for_their_owner_only(home):
    demo_accounts()

    kept = home / "secrets" / "demo-accounts.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o077 == 0
    assert list(kept.parent.glob(".demo-*")) == []


def test_changed_password_is_not_printed(home):
    demo_accounts()
    user = User.objects.get(username="owner")
    user.set_password("a password of my own")
    user.save()

    [owner] = [a for a in demo_accounts() if a.username == "owner"]

    assert owner.password == ""
    assert "changed by its owner" in run("demo_accounts")


def test_removed_demo_person_stays_removed(home):
    demo_accounts()
    services.person_remove(actor=Actor.system("test"), user_id=User.objects.get(username="scientist").pk)

    assert [a.username for a in demo_accounts()] == ["owner", "admin"]


def test_lost_file_of_passwords_breaks_nothing(home):
    demo_accounts()
    (home / "secrets" / "demo-accounts.json").unlink()

    assert [a.password for a in demo_accounts()] == ["", "", ""]
