"""The first administrator comes from the shell."""

from __future__ import annotations

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from apps.accounts.models import User
from apps.accounts.policies import may_administer_site
from apps.accounts.selectors import actor_of_user

pytestmark = pytest.mark.django_db


def test_the_link_signs_in_an_administrator_of_the_site():
    out = StringIO()

    call_command("administrator_create", "--user", "anna", "--email", "anna@example.org", stdout=out)

    link = out.getvalue().strip()
    assert link.startswith(settings.PUBLIC_URL)
    client = Client()
    client.get(link.removeprefix(settings.PUBLIC_URL))
    assert client.post("/accounts/link/").status_code == 302
    user = User.objects.get(username="anna")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert may_administer_site(actor_of_user(user))


def test_a_taken_name_is_one_sentence_and_changes_nothing():
    call_command("administrator_create", "--user", "anna", "--email", "anna@example.org", stdout=StringIO())

    with pytest.raises(CommandError):
        call_command("administrator_create", "--user", "anna", "--email", "other@example.org", stdout=StringIO())

    assert User.objects.count() == 1
