"""Notices: told once, mailed after commit, repeated until sent, seen by their owner only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import Grant, Team
from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Actor, Role
from apps.core.errors import Invalid, NotFound
from apps.notices import selectors
from apps.notices.mailing import ATTEMPTS_MAX, notice_mail_send, notices_due, wait_after
from apps.notices.models import Notice
from apps.notices.services import notice_read, notice_send, notices_read_all
from apps.notices.tasks import notice_mail, notices_sweep

pytestmark = pytest.mark.django_db


def send(users, team: Team, *, dedupe: str = "one", title: str = "A decision waits", url: str = "/reviews/1/"):
    return notice_send(
        users=users, team_id=team.pk, kind="REVIEW_WAITS", title=title, text="Please look.", url=url, dedupe=dedupe
    )


def member(team: Team):
    return user_make(role=Role.VIEWER, team=team)


def test_each_person_is_told_once():
    team = team_make()
    users = [member(team), member(team)]

    assert len(send(users, team)) == 2
    assert send([*users, users[0]], team) == []
    assert len(send(users, team, dedupe="two")) == 2


def test_removed_people_are_not_told():
    team = team_make()
    user = member(team)
    user.is_active = False

    assert send([user], team) == []


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "reviews/1"])
def test_a_notice_stays_on_the_site(url):
    with pytest.raises(Invalid):
        send([], team_make(), url=url)


def test_mail_has_one_link_and_goes_out_once(settings):
    settings.PUBLIC_URL = "https://fairway.example"
    team = team_make()
    [notice] = send([member(team)], team)

    notice_mail(str(notice.pk))
    notice_mail(str(notice.pk))
    notices_sweep()

    assert len(mail.outbox) == 1
    assert mail.outbox[0].body.count("https://") == 1
    assert "https://fairway.example/reviews/1/" in mail.outbox[0].body
    assert mail.outbox[0].to == [notice.user.email]
    notice.refresh_from_db()
    assert notice.mail == "SENT"


def test_title_cannot_add_a_header():
    team = team_make()
    [notice] = send([member(team)], team, title="Waits\nBcc: all@example.org")

    notice_mail_send(notice.pk)

    assert mail.outbox[0].subject == "Fairway: Waits Bcc: all@example.org"


def test_nothing_is_told_when_the_change_is_rolled_back():
    team = team_make()
    user = member(team)

    with transaction.atomic():
        send([user], team)
        transaction.set_rollback(True)

    assert not Notice.objects.exists()


def test_lost_task_is_found_by_the_sweep():
    team = team_make()
    send([member(team)], team)

    assert notices_sweep() == 1
    assert len(mail.outbox) == 1


def test_server_away_is_tried_again_later_and_given_up_at_the_cap(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 2
    team = team_make()
    [notice] = send([member(team)], team)

    assert notice_mail_send(notice.pk) == "QUEUED"
    notice.refresh_from_db()
    assert notice.mail_attempts == 1
    assert "Refused" in notice.mail_error
    assert notices_due() == []
    for _ in range(ATTEMPTS_MAX - 1):
        Notice.objects.update(mail_next_at=timezone.now() - timedelta(seconds=1))
        assert notices_due() == [notice.pk]
        notice_mail_send(notice.pk)

    notice.refresh_from_db()
    assert (notice.mail, notice.mail_attempts) == ("FAILED", ATTEMPTS_MAX)
    assert notices_due() == []


def test_server_back_again_delivers(settings):
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 9, 2
    team = team_make()
    [notice] = send([member(team)], team)
    notice_mail_send(notice.pk)
    settings.EMAIL_BACKEND = backend
    Notice.objects.update(mail_next_at=timezone.now() - timedelta(seconds=1))

    notices_sweep()

    notice.refresh_from_db()
    assert (notice.mail, notice.mail_error, len(mail.outbox)) == ("SENT", "", 1)


def test_waits_grow_and_stop_growing():
    waits = [wait_after(n).total_seconds() for n in range(1, 10)]

    assert waits[:3] == [30, 60, 120]
    assert max(waits) == 3600


def test_person_who_left_gets_no_mail():
    team = team_make()
    user = member(team)
    [notice] = send([user], team)
    user.is_active = False
    user.save()

    assert notice_mail_send(notice.pk) == "NONE"
    assert mail.outbox == []


def test_own_notices_only(client):
    team = team_make()
    mine, other = member(team), member(team)
    [notice] = send([other], team)
    actor = actor_of_user(mine)

    with pytest.raises(NotFound):
        notice_read(actor=actor, notice_id=notice.pk)
    assert notices_read_all(actor=actor) == 0
    client.force_login(mine)
    assert client.post(reverse("notice-open", args=[notice.pk])).status_code == 404
    assert client.get("/api/v1/notices").json()["results"] == []
    assert client.post(f"/api/v1/notices/{notice.pk}/read").status_code == 404


def test_notices_of_a_team_one_left_are_gone():
    team = team_make()
    user = member(team)
    send([user], team)
    assert selectors.notice_unread_count(actor_of_user(user)) == 1

    Grant.objects.filter(user=user).delete()

    assert selectors.notice_unread_count(actor_of_user(user)) == 0


def test_bell_page_and_reading(client):
    team = team_make()
    user = member(team)
    first, _ = send([user], team)[0], send([user], team, dedupe="two", title="Another one")
    client.force_login(user)

    assert "A decision waits" in client.get(reverse("notice-list")).content.decode()
    assert "Another one" in client.get(reverse("notice-list"), {"unread": "1"}).content.decode()
    opened = client.post(reverse("notice-open", args=[first.pk]))
    assert opened["Location"] == "/reviews/1/"
    assert selectors.notice_unread_count(actor_of_user(user)) == 1
    client.post(reverse("notices-read-all"))
    assert selectors.notice_unread_count(actor_of_user(user)) == 0
    assert client.get("/api/v1/notices?unread=true").json()["results"] == []
    assert len(client.get("/api/v1/notices").json()["results"]) == 2


def test_bell_page_budget(client, django_assert_max_num_queries):
    team = team_make()
    user = member(team)
    for number in range(60):
        send([user], team, dedupe=str(number))
    client.force_login(user)

    with django_assert_max_num_queries(15):
        client.get(reverse("notice-list"))


def test_topic_of_notices_is_private():
    user, other = user_make(), user_make()

    assert selectors.topic_may_follow(actor_of_user(user), str(user.pk))
    assert not selectors.topic_may_follow(actor_of_user(other), str(user.pk))
    assert not selectors.topic_may_follow(Actor.anonymous(), str(user.pk))
    assert selectors.topic_replay(actor_of_user(user), str(user.pk), 0)[1][0]["data"] == {"unread": 0}
