"""Two administrators at once: one wins, the other is told, and one administrator is left."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from apps.accounts import services
from apps.accounts.models import Grant, User
from apps.accounts.selectors import actor_of_user, administrators_of_site
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, FairwayError

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works: Callable[[], object]) -> list[object]:
    """Run at once, each in a thread of its own; answers or errors in order."""
    answers: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(index: int) -> None:
        gate.wait()
        try:
            answers[index] = works[index]()
        except FairwayError as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_administrators_remove_each_other():
    first, second = user_make(role=Role.ADMINISTRATOR), user_make(role=Role.ADMINISTRATOR)

    answers = together(
        lambda: services.person_remove(actor=actor_of_user(first), user_id=second.pk),
        lambda: services.person_remove(actor=actor_of_user(second), user_id=first.pk),
    )

    assert administrators_of_site(lasting=True).count() == 1
    assert sum(isinstance(a, FairwayError) for a in answers) == 1


def test_two_administrator_roles_taken_at_once():
    for _ in range(2):
        user_make(role=Role.ADMINISTRATOR)
    grants = list(Grant.objects.values_list("pk", flat=True))
    system = Actor.system("test")

    answers = together(*(lambda pk=pk: services.grant_remove(actor=system, grant_id=pk) for pk in grants))

    assert administrators_of_site(lasting=True).count() == 1
    assert sum(isinstance(a, Conflict) for a in answers) == 1


def test_one_link_used_twice_at_once():
    from apps.accounts.selectors import secret_hash

    user = user_make()
    path = services.sign_in_link_create(actor=Actor.system("test"), user=user)
    digest = secret_hash(path.rstrip("/").rsplit("/", 1)[1])

    answers = together(*(lambda: services.sign_in_link_use(secret_sha256=digest),) * 4)

    assert sum(isinstance(a, User) for a in answers) == 1


def test_one_invitation_accepted_twice_at_once(mailoutbox):
    import re

    from apps.accounts.selectors import secret_hash

    services.invitation_create(actor=Actor.system("test"), email="new@example.org", team=team_make(), role=Role.VIEWER)
    digest = secret_hash(re.search(r"/invitation/(\S+)/", mailoutbox[0].body)[1])

    def accept(name: str) -> Callable[[], User]:
        return lambda: services.invitation_accept(secret_sha256=digest, username=name, password="a very long secret 1")

    answers = together(accept("one"), accept("two"))

    assert sum(isinstance(a, User) for a in answers) == 1
    assert User.objects.filter(email="new@example.org").count() == 1
