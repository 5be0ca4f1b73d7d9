"""The pages of webhooks: whom they serve, the list, and one with what was sent to it."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.registries import command_list
from apps.webhooks import services
from apps.webhooks.contracts import EVENTS
from apps.webhooks.draining import ATTEMPTS_MAX, webhook_deliveries_send
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.tests.browsing import ACTS, EVENT, PAGES, browser, form_of, make_due, shown, tell
from apps.webhooks.tests.conftest import Target
from apps.webhooks.web.words import EVENT_WORDS


def test_every_event_has_words():
    assert list(EVENT_WORDS) == list(EVENTS)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DATA_SCIENTIST, Role.PRODUCT_OWNER, Role.AUDITOR])
def test_who_holds_another_role_in_the_team_is_told_who_can(webhook: Webhook, team: Team, role: Role):
    tell(team)
    client = browser(team, role)
    delivery = Delivery.objects.get()

    for name in PAGES:
        assert "an operator or an administrator" in shown(client.get(reverse(name, args=[webhook.pk])), 403)
    for name in ACTS:
        assert client.post(reverse(name, args=[webhook.pk])).status_code == 403
    assert client.get(reverse("webhook-list")).status_code == 403
    assert client.get(reverse("webhook-create")).status_code == 403
    assert client.post(reverse("webhook-create"), form_of(team=str(team.pk))).status_code == 403
    assert client.get(reverse("webhook-delivery", args=[delivery.pk])).status_code == 403
    assert Webhook.objects.get().status == "ACTIVE"


def test_for_another_team_there_is_no_such_webhook(webhook: Webhook, team: Team):
    tell(team)
    stranger = browser(team_make())

    for name in PAGES:
        assert stranger.get(reverse(name, args=[webhook.pk])).status_code == 404
    for name in ACTS:
        assert stranger.post(reverse(name, args=[webhook.pk])).status_code == 404
    assert stranger.get(reverse("webhook-delivery", args=[Delivery.objects.get().pk])).status_code == 404
    assert "chat" not in shown(stranger.get(reverse("webhook-list"))).replace("such as a chat", "")
    refused = shown(stranger.post(reverse("webhook-create"), form_of(team=str(team.pk))), 422)
    assert "Select a valid choice" in refused
    assert team.name not in refused
    assert Webhook.objects.count() == 1


def test_they_are_reached_from_the_other_pages_of_administrators(webhook: Webhook, team: Team, operator: Actor):
    admin = browser(None, Role.ADMINISTRATOR)

    assert reverse("webhook-list") in shown(admin.get(reverse("team-list")))
    assert webhook.name in shown(admin.get(reverse("webhook-list")))
    assert "Go to webhooks" in [command.label for command in command_list(operator)]
    assert "Go to webhooks" not in [command.label for command in command_list(actor_make(Role.VIEWER, team))]


def test_an_empty_list_says_what_a_webhook_is_for(page: Client):
    told = shown(page.get(reverse("webhook-list")))

    assert "No webhook yet" in told
    assert "tells an address elsewhere" in told
    assert reverse("webhook-create") in told


def test_the_list_names_the_host_and_how_the_last_delivery_went(
    webhook: Webhook, team: Team, operator: Actor, target: Target, page: Client
):
    services.webhook_update(actor=operator, webhook_id=webhook.pk, url=target.url + "/T0KEN?key=abc")
    services.webhook_create(actor=operator, team_id=team.pk, name="idle", url="https://1.1.1.1/", events=[EVENT])
    Webhook.objects.filter(name="idle").update(events=["registered_model.created"])
    target.answer = 500
    tell(team)
    webhook_deliveries_send(webhook.pk)

    where = reverse("webhook-list")
    told = shown(page.get(where))
    failing = shown(page.get(where, {"state": "FAILING"}))
    found = shown(page.get(where, {"q": "127.0.0.1"}))
    by_event = shown(page.get(where, {"event": EVENT}))
    by_nonsense = shown(page.get(where, {"team": "x"}))
    csv = page.get(where, {"format": "csv"}).getvalue().decode()

    assert "127.0.0.1:" in told
    assert "T0KEN" not in told + csv
    assert "all events" in told
    assert re.search(r"failing.*answered 500", told)
    assert "nothing sent yet" in told
    assert ">idle<" in by_nonsense
    for narrowed in (failing, found, by_event):
        assert ">chat<" in narrowed
        assert ">idle<" not in narrowed


@pytest.mark.parametrize("sort", ["name", "-name", "team", "host", "-state", "last", "-created"])
def test_the_list_is_sorted_and_paged_on_the_server(webhook: Webhook, team: Team, operator: Actor, sort: str):
    for number in range(3):
        services.webhook_create(
            actor=operator, team_id=team.pk, name=f"w{number}", url=f"{webhook.url}/secret-{number}", events=[EVENT]
        )
    client, seen, where = browser(team), [], reverse("webhook-list") + f"?sort={sort}&size=1"

    while where:
        told = client.get(where).content.decode()
        seen += re.findall(r'<th scope="row"[^>]*><a [^>]*>(\w+)</a>', told)
        following = re.search(r'href="([^"]+)" rel="next"', told)
        where = following[1].replace("&amp;", "&") if following else ""
        assert "secret-" not in where

    assert sorted(seen) == ["chat", "w0", "w1", "w2"]


def test_the_verdict_comes_first(webhook: Webhook, team: Team, operator: Actor, target: Target, page: Client):
    where = reverse("webhook-detail", args=[webhook.pk])
    fresh = shown(page.get(where))
    tell(team, name="fees")
    webhook_deliveries_send(webhook.pk)
    good = shown(page.get(where))
    target.answer = 500
    tell(team, name="fees")
    tell(team, name="fines")
    webhook_deliveries_send(webhook.pk)
    webhook_deliveries_send(webhook.pk)
    bad = shown(page.get(where))
    services.webhook_update(actor=operator, webhook_id=webhook.pk, description="Corrected")
    corrected = shown(page.get(where))
    page.post(reverse("webhook-pause", args=[webhook.pk]))
    paused = shown(page.get(where))
    page.post(reverse("webhook-resume", args=[webhook.pk]))
    target.answer = 200
    make_due()
    webhook_deliveries_send(webhook.pk)
    again = shown(page.get(where))

    assert "Nothing was sent yet." in fresh
    assert "<b>Delivers.</b>" in good
    assert re.search(r"<b>Failing since \d\d:\d\d: the target answers 500\.</b>", bad)
    assert re.search(r"2 deliveries to be repeated\.", bad)
    assert "after the last attempt: send a test" not in bad
    assert "after the last attempt: send a test" in corrected
    assert "<b>Paused.</b>" in paused
    assert "It will not be sent, because the webhook is paused." in paused
    assert "<b>Delivers.</b>" in again


def test_an_older_delivery_that_goes_on_failing_is_seen_although_a_newer_one_went_well(
    webhook: Webhook, team: Team, target: Target, page: Client
):
    target.answer = 503
    tell(team, name="first")
    webhook_deliveries_send(webhook.pk)
    target.answer = 200
    tell(team, name="second")
    webhook_deliveries_send(webhook.pk)
    where = reverse("webhook-detail", args=[webhook.pk])
    well = shown(page.get(where))
    target.answer = 503
    make_due()
    webhook_deliveries_send(webhook.pk)

    assert "<b>Delivers.</b>" in well
    assert "Failing since" in shown(page.get(where))


def test_each_delivery_says_what_came_of_it_and_what_comes_next(
    webhook: Webhook, team: Team, target: Target, page: Client
):
    where = reverse("webhook-detail", args=[webhook.pk])

    def row() -> str:
        return re.findall(r"<tbody.*?</tbody>", shown(page.get(where)))[0]

    target.answer = 500
    tell(team, name="fees")
    queued = row()
    webhook_deliveries_send(webhook.pk)
    repeated = row()
    for _ in range(ATTEMPTS_MAX):
        make_due()
        webhook_deliveries_send(webhook.pk)
    ended = row()
    Delivery.objects.all().delete()
    target.answer = 410
    tell(team, name="fees")
    webhook_deliveries_send(webhook.pk)

    assert "It waits for its turn." in queued
    assert f"0 of {ATTEMPTS_MAX}" in queued
    assert re.search(r"The target answered 500\. Attempt 2 of 8 follows in \d+", repeated)
    assert "to be repeated" in repeated
    assert "The target answered 500. Given up after 8 attempts." in ended
    assert "It is not sent again after such an answer." in row()


def test_a_target_that_is_away_is_said_in_words(webhook: Webhook, team: Team, page: Client):
    Webhook.objects.update(url="http://127.0.0.1:9/hook")
    tell(team)

    webhook_deliveries_send(webhook.pk)

    told = shown(page.get(reverse("webhook-detail", args=[webhook.pk])))
    assert "the target could not be reached: it refuses the connection." in told


def test_deliveries_are_filtered_and_paged(webhook: Webhook, team: Team, target: Target, page: Client):
    target.answer = 410
    tell(team, name="old")
    webhook_deliveries_send(webhook.pk)
    for number in range(30):
        tell(team, name=f"m{number}")
    where = reverse("webhook-detail", args=[webhook.pk])

    first = page.get(where).content.decode()
    failed = page.get(where, {"state": "FAILED"}).content.decode()
    part = page.get(where, headers={"HX-Request": "true", "HX-Target": "table-deliveries"}).content.decode()

    assert first.count("<tr data-href=") == 25
    assert 'rel="next"' in first
    assert failed.count("<tr data-href=") == 1
    assert "<h1>" not in part
    assert part.count("<tr data-href=") == 25


def test_a_delivery_shows_its_body_and_escapes_it(webhook: Webhook, team: Team, page: Client):
    tell(team, name="<script>alert(1)</script>")

    told = shown(page.get(reverse("webhook-delivery", args=[Delivery.objects.get().pk])))

    assert "<script>alert(1)" not in told
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in told
    assert "&quot;entity&quot;: &quot;model_version&quot;" in told
    assert Delivery.objects.get().pk.hex in told


def test_words_of_people_are_escaped(webhook: Webhook, operator: Actor, page: Client):
    services.webhook_update(actor=operator, webhook_id=webhook.pk, description="<img src=x onerror=alert(1)>")

    for name in PAGES:
        told = shown(page.get(reverse(name, args=[webhook.pk])))
        assert "<img src=x" not in told
        assert "&lt;img src=x" in told


def test_a_test_shows_what_the_target_answered(webhook: Webhook, target: Target, page: Client):
    where = reverse("webhook-test", args=[webhook.pk])

    taken = page.post(where, {"event": "model_version_alias.created"}, headers={"HX-Request": "true"})
    target.answer = 500
    refused = page.post(where, {"event": "not wanted"}, headers={"HX-Request": "true"})
    plain = page.post(where, follow=True)

    assert "The target took it and answered 200." in shown(taken)
    assert re.search(r'value="model_version_alias.created" selected', shown(taken))
    assert json.loads(target.got[0][2])["entity"] == "model_version_alias"
    assert "not delivered" in shown(refused)
    assert "The target answered 500." in shown(refused)
    assert "Test: The target answered 500." in shown(plain)
    assert not Delivery.objects.exists()


def test_a_target_inside_is_refused_when_it_is_tested(webhook: Webhook, page: Client, target: Target, settings):
    settings.WEBHOOK_NETWORKS = ()

    told = shown(page.post(reverse("webhook-test", args=[webhook.pk]), headers={"HX-Request": "true"}))

    assert "leads to an address that is not public" in told
    assert target.got == []


def test_what_is_removed_is_gone_from_every_page(webhook: Webhook, team: Team, page: Client):
    tell(team)
    gone = page.post(reverse("webhook-remove", args=[webhook.pk]), follow=True)

    assert "chat is removed." in shown(gone)
    assert page.get(reverse("webhook-detail", args=[webhook.pk])).status_code == 404
    assert page.get(reverse("webhook-delivery", args=[Delivery.objects.get().pk])).status_code == 404


def test_the_audit_links_to_a_webhook_until_it_is_removed(webhook: Webhook, operator: Actor):
    admin = browser(None, Role.ADMINISTRATOR)
    link = f'href="{reverse("webhook-detail", args=[webhook.pk])}"'
    entry = reverse("audit-detail", args=[AuditEvent.objects.get(action="webhook.create").pk])
    before = shown(admin.get(entry))
    services.webhook_archive(actor=operator, webhook_id=webhook.pk)

    assert link in before
    assert link not in shown(admin.get(entry))
