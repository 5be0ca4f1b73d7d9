"""The forms of webhooks: fields and their errors, the secret, and two people at once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Team
from apps.audit.models import AuditEvent
from apps.core.actors import Actor
from apps.webhooks import services
from apps.webhooks.contracts import EVENTS
from apps.webhooks.draining import webhook_deliveries_send
from apps.webhooks.models import Webhook
from apps.webhooks.tests.browsing import EVENT, PAGES, form_of, shown, tell
from apps.webhooks.tests.conftest import Target


def test_a_webhook_is_made_with_a_secret_that_no_page_shows(page: Client, team: Team):
    answer = page.post(
        reverse("webhook-create"), form_of(team=str(team.pk), secret="a long secret", events=list(EVENTS))
    )
    made = Webhook.objects.get()

    assert answer.status_code == 302
    assert answer["Location"] == reverse("webhook-detail", args=[made.pk])
    assert made.team_id == team.pk
    assert made.events == sorted(EVENTS)
    for name in PAGES:
        told = page.get(reverse(name, args=[made.pk]))
        assert "a long secret" not in shown(told)
        assert made.secret not in shown(told)
    assert "/hook" not in shown(page.get(reverse("webhook-detail", args=[made.pk])))
    trail = json.dumps(list(AuditEvent.objects.values("before", "after")))
    assert "/hook" not in trail
    assert "long secret" not in trail


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "no spaces"}, "name", "1 to 63 letters"),
        ({"name": ""}, "name", "required"),
        ({"url": "https://10.0.0.1/x"}, "url", "not public"),
        ({"url": "http://1.1.1.1/x"}, "url", "begins with https"),
        ({"url": "ftp://1.1.1.1/x"}, "url", "begins with https"),
        ({"events": []}, "events", "Choose one event at least"),
        ({"events": ["run.created"]}, "events", "not one of the available choices"),
        ({"status": "ASLEEP"}, "status", "not one of the available choices"),
        ({"description": "x" * 1001}, "description", "at most 1000"),
        ({"team": "x"}, "team", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(page: Client, team: Team, fields: dict[str, Any], field: str, said: str):
    answer = page.post(reverse("webhook-create"), form_of(**{"team": str(team.pk), "secret": "typed", **fields}))
    told = shown(answer, 422)

    error = re.search(rf'id="id_{field}(?:_0)?_error">.*?<span>(.*?)</span>', told)
    assert error is not None
    assert said in error[1]
    assert "typed" not in told
    assert not Webhook.objects.exists()


def test_a_full_team_is_told_so_above_the_form(webhook: Webhook, team: Team, page: Client, monkeypatch):
    monkeypatch.setattr(services, "WEBHOOKS_PER_TEAM", 1)

    told = shown(page.post(reverse("webhook-create"), form_of(name="more", team=str(team.pk))), 422)

    assert "A team has at most 1 webhooks." in told
    assert 'value="more"' in told


def test_the_secret_stays_unless_it_is_replaced_or_ended(webhook: Webhook, page: Client):
    where = reverse("webhook-edit", args=[webhook.pk])

    def stored() -> Webhook:
        return Webhook.objects.get()

    first = stored().secret
    page.post(where, form_of(stored(), description="For the team's chat"))
    kept = stored()
    empty = shown(page.post(where, form_of(stored(), secret_change="replace")), 422)
    unclear = shown(page.post(where, form_of(stored(), secret="new")), 422)
    page.post(where, form_of(stored(), secret_change="replace", secret="new"))
    replaced = stored().secret
    page.post(where, form_of(stored(), secret_change="remove"))

    assert (kept.secret, kept.description) == (first, "For the team's chat")
    assert "Type the new secret." in empty
    assert "leave the field empty" in unclear
    assert replaced not in ("", first)
    assert stored().secret == ""


def test_a_host_that_cannot_be_resolved_now_does_not_stop_other_changes(webhook: Webhook, page: Client):
    Webhook.objects.update(url="https://elsewhere.invalid/hook")
    webhook.refresh_from_db()
    where = reverse("webhook-edit", args=[webhook.pk])

    page.post(where, form_of(webhook, name="renamed"))
    webhook.refresh_from_db()
    refused = shown(page.post(where, form_of(webhook, url="https://nowhere.invalid/hook")), 422)

    assert webhook.name == "renamed"
    assert "cannot be resolved" in refused


def test_a_stale_form_shows_both_versions_and_may_be_sent_again(webhook: Webhook, operator: Actor, page: Client):
    where = reverse("webhook-edit", args=[webhook.pk])
    mine = form_of(webhook, name="mine", secret_change="replace", secret="hidden words")
    services.webhook_update(actor=operator, webhook_id=webhook.pk, name="theirs", events=[EVENT])

    told = shown(page.post(where, mine), 409)
    version = re.search(r'name="row_version" value="(\d+)"', told)
    assert version is not None
    again = page.post(where, {**mine, "row_version": version[1]})

    assert "Somebody changed this after you opened it" in told
    assert re.search(r"<td[^>]*>theirs</td><td[^>]*>mine</td>", told)
    assert re.search(r"<td[^>]*>version registered</td><td[^>]*>all events</td>", told)
    assert "hidden words" not in told
    assert again.status_code == 302
    assert Webhook.objects.get().name == "mine"


def test_saving_without_a_change_writes_nothing(webhook: Webhook, page: Client):
    entries = AuditEvent.objects.count()

    answer = page.post(reverse("webhook-edit", args=[webhook.pk]), form_of(webhook), follow=True)

    assert "Nothing was changed." in shown(answer)
    assert AuditEvent.objects.count() == entries


@pytest.mark.usefixtures("allowed")
def test_nothing_of_the_address_and_the_secret_is_logged(page: Client, team: Team, target: Target, caplog):
    caplog.set_level("DEBUG")
    page.post(reverse("webhook-create"), form_of(team=str(team.pk), url=target.url + "/T0KEN", secret="a long secret"))
    made = Webhook.objects.get()
    tell(team)
    webhook_deliveries_send(made.pk)
    page.post(reverse("webhook-test", args=[made.pk]))
    page.post(reverse("webhook-edit", args=[made.pk]), form_of(made, url="https://10.0.0.1/T0KEN"))

    assert len(target.got) == 2
    assert "T0KEN" not in caplog.text
    assert "long secret" not in caplog.text
