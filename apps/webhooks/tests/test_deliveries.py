"""What a webhook is told: signed, once for each event, repeated while the target is away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Team
from apps.accounts.tests.factories import team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.webhooks import draining, services
from apps.webhooks.draining import ATTEMPTS_MAX, deliveries_forget, webhook_deliveries_send, webhooks_due
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.tests.conftest import Target

EVENT = "registered_model.created"


def tell(team: Team, **data: str) -> None:
    services.event_tell(team_id=team.pk, event=EVENT, data=data)


def make_due() -> None:
    """As if the wait were over."""
    Delivery.objects.filter(state="QUEUED").update(next_at=timezone.now() - timedelta(seconds=1))


def test_a_delivery_is_signed_as_mlflow_signs(webhook: Webhook, team: Team, target: Target):
    tell(team, name="fees")

    webhook_deliveries_send(webhook.pk)

    path, headers, body = target.got[0]
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body}"
    digest = hmac.new(b"a long secret", signed.encode(), hashlib.sha256).digest()
    told = json.loads(body)
    assert path == "/hook"
    assert headers["X-MLflow-Signature"] == "v1," + base64.b64encode(digest).decode()
    assert told.pop("timestamp")
    assert told == {
        "entity": "registered_model",
        "action": "created",
        "data": {"name": "fees"},
        "workspace": team.slug,
    }
    assert Delivery.objects.get().state == "SENT"


def test_the_secret_is_closed_and_in_no_answer(webhook: Webhook, operator: Actor):
    services.webhook_update(actor=operator, webhook_id=webhook.pk, secret="another secret", url=webhook.url + "/key")

    stored = Webhook.objects.get()
    trail = json.dumps(list(AuditEvent.objects.values("before", "after")))
    assert "secret" not in stored.secret
    assert "another" not in trail
    assert "/key" not in trail


def test_without_a_secret_nothing_is_signed_and_with_a_lost_key_nothing_is_sent(
    webhook: Webhook, team: Team, operator: Actor, target: Target, settings
):
    tell(team)
    settings.SECRET_KEY = "another key of the installation"
    webhook_deliveries_send(webhook.pk)
    lost = Delivery.objects.get()

    services.webhook_update(actor=operator, webhook_id=webhook.pk, secret="")
    make_due()
    webhook_deliveries_send(webhook.pk)

    assert "SECRET_KEY" in lost.error
    assert len(target.got) == 1
    assert "X-MLflow-Signature" not in target.got[0][1]


def test_a_target_that_is_away_is_tried_again_with_the_same_id(webhook: Webhook, team: Team, target: Target):
    target.answer = 503
    tell(team, name="first")
    tell(team, name="second")

    webhook_deliveries_send(webhook.pk)
    waiting = Delivery.objects.order_by("id").first()
    soon = webhook_deliveries_send(webhook.pk)
    target.answer = 204
    make_due()
    webhook_deliveries_send(webhook.pk)

    assert waiting is not None
    assert (waiting.state, waiting.attempts, waiting.response_status) == ("QUEUED", 1, 503)
    assert waiting.next_at is not None
    assert waiting.next_at > timezone.now()
    assert soon == 1, "what follows is due by itself"
    assert list(Delivery.objects.values_list("state", flat=True)) == ["SENT", "SENT"]
    ids = [headers["X-MLflow-Delivery-Id"] for _, headers, _ in target.got]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_attempts_end(webhook: Webhook, team: Team, target: Target):
    target.answer = 500
    tell(team)

    for _ in range(ATTEMPTS_MAX + 2):
        make_due()
        webhook_deliveries_send(webhook.pk)

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, len(target.got)) == ("FAILED", ATTEMPTS_MAX, ATTEMPTS_MAX)
    assert webhooks_due() == []


def test_a_refusal_is_final(webhook: Webhook, team: Team, target: Target):
    target.answer = 410
    tell(team)

    webhook_deliveries_send(webhook.pk)

    assert Delivery.objects.get().state == "FAILED"


def test_two_workers_do_not_send_to_one_webhook_at_once(webhook: Webhook, team: Team, target: Target):
    tell(team)
    Webhook.objects.update(busy_until=timezone.now() + timedelta(minutes=1))
    busy = webhook_deliveries_send(webhook.pk)
    Webhook.objects.update(busy_until=timezone.now() - timedelta(seconds=1))

    assert (busy, webhook_deliveries_send(webhook.pk)) == (0, 1)
    assert len(target.got) == 1


def test_slow_targets_leave_threads_to_others(
    webhook: Webhook, team: Team, operator: Actor, target: Target, monkeypatch
):
    monkeypatch.setattr(draining, "AT_ONCE", 1)
    slow = services.webhook_create(actor=operator, team_id=team.pk, name="slow", url=webhook.url, events=[EVENT])
    tell(team)
    Webhook.objects.filter(pk=slow.pk).update(busy_until=timezone.now() + timedelta(minutes=1))
    waiting = webhook_deliveries_send(webhook.pk)
    Webhook.objects.filter(pk=slow.pk).update(busy_until=None)

    assert (waiting, webhook_deliveries_send(webhook.pk)) == (0, 1)
    assert webhooks_due() == [slow.pk]


def test_what_was_rolled_back_is_not_told(webhook: Webhook, team: Team):
    with transaction.atomic():
        tell(team)
        transaction.set_rollback(True)

    assert not Delivery.objects.exists()


def test_only_active_webhooks_of_the_team_that_want_the_event_are_told(
    webhook: Webhook, team: Team, operator: Actor, target: Target
):
    services.event_tell(team_id=team_make().pk, event=EVENT, data={})
    services.webhook_update(actor=operator, webhook_id=webhook.pk, events=["model_version.created"])
    tell(team)
    unwanted = Delivery.objects.count()
    services.webhook_update(actor=operator, webhook_id=webhook.pk, events=[EVENT])
    tell(team)
    services.webhook_update(actor=operator, webhook_id=webhook.pk, status="DISABLED")
    tell(team)
    webhook_deliveries_send(webhook.pk)

    delivery = Delivery.objects.get()
    assert unwanted == 0
    assert delivery.state == "FAILED"
    assert target.got == []


def test_a_webhook_that_ended_is_told_nothing_more(webhook: Webhook, team: Team, operator: Actor, target: Target):
    tell(team)
    services.webhook_archive(actor=operator, webhook_id=webhook.pk)
    tell(team)

    webhook_deliveries_send(webhook.pk)

    assert target.got == []
    assert Delivery.objects.get().state == "FAILED"
    assert Webhook.objects.get().secret == ""


def test_the_log_forgets_what_was_finished_long_ago(webhook: Webhook, team: Team):
    tell(team)
    webhook_deliveries_send(webhook.pk)
    tell(team)
    Delivery.objects.filter(state="SENT").update(finished_at=timezone.now() - timedelta(days=31))

    assert deliveries_forget() == 1
    assert Delivery.objects.get().state == "QUEUED"


def test_a_team_has_so_many_webhooks(webhook: Webhook, team: Team, operator: Actor, monkeypatch):
    monkeypatch.setattr(services, "WEBHOOKS_PER_TEAM", 1)

    with pytest.raises(Conflict):
        services.webhook_create(actor=operator, team_id=team.pk, name="more", url=webhook.url, events=[EVENT])
