"""What was missed is sent again: once, by who may, and told in the audit trail."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Team
from apps.accounts.selectors import actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict
from apps.webhooks import services
from apps.webhooks.draining import webhook_deliveries_send
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.tests.browsing import browser, shown, tell
from apps.webhooks.tests.conftest import Target

pytestmark = pytest.mark.django_db


@pytest.fixture
def missed(webhook: Webhook, team: Team, target: Target) -> Delivery:
    """One that the target refused for good."""
    target.answer = 404
    tell(team, name="fees")
    webhook_deliveries_send(webhook.pk)
    target.answer = 200
    delivery = Delivery.objects.get()
    assert delivery.state == "FAILED"
    return delivery


def resends() -> int:
    return AuditEvent.objects.filter(action="webhook.resend").count()


def test_a_missed_delivery_is_sent_again_with_its_own_id(
    page: Client, missed: Delivery, webhook: Webhook, target: Target
):
    address = reverse("webhook-delivery", args=[missed.pk])
    before = shown(page.get(address))

    answer = page.post(reverse("webhook-delivery-resend", args=[missed.pk]), follow=True)
    again = page.post(reverse("webhook-delivery-resend", args=[missed.pk]), follow=True)
    sent = webhook_deliveries_send(webhook.pk)

    assert "Send again" in before
    assert "It will be sent again." in shown(answer)
    assert ">Send again<" not in shown(again)
    assert (sent, resends()) == (1, 1)
    (_, first, body), (_, second, repeated) = target.got
    assert first["X-MLflow-Delivery-Id"] == second["X-MLflow-Delivery-Id"] == str(missed.pk)
    assert body == repeated
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.error) == ("SENT", 1, "")


def test_what_the_target_took_is_not_sent_again(operator: Actor, missed: Delivery, webhook: Webhook, target: Target):
    services.delivery_resend(actor=operator, delivery_id=missed.pk)
    webhook_deliveries_send(webhook.pk)

    with pytest.raises(Conflict) as refused:
        services.delivery_resend(actor=operator, delivery_id=missed.pk)

    assert refused.value.code == "delivered"
    assert len(target.got) == 2


def test_all_that_was_missed_is_sent_again_oldest_first(page: Client, missed: Delivery, webhook: Webhook, team: Team):
    tell(team, name="later")
    Delivery.objects.exclude(pk=missed.pk).update(state="FAILED")
    address = reverse("webhook-detail", args=[webhook.pk])
    before = shown(page.get(address))

    answer = page.post(reverse("webhook-resend", args=[webhook.pk]), follow=True)
    sent = webhook_deliveries_send(webhook.pk)
    after = shown(page.get(address))

    assert "Send missed again" in before
    assert "2 deliveries will be sent again, the oldest first." in shown(answer)
    assert "Send missed again" not in after
    assert (sent, resends()) == (2, 1)
    first, second = Delivery.objects.order_by("attempted_at")
    assert first.pk == missed.pk
    assert {first.state, second.state} == {"SENT"}


def test_nothing_is_sent_again_while_the_webhook_is_paused(page: Client, missed: Delivery, webhook: Webhook):
    Webhook.objects.update(status="DISABLED")

    one = page.post(reverse("webhook-delivery-resend", args=[missed.pk]), follow=True)
    everything = page.post(reverse("webhook-resend", args=[webhook.pk]), follow=True)

    assert "The webhook is paused" in shown(one)
    assert "The webhook is paused" in shown(everything)
    assert "Send missed again" not in shown(everything)
    assert (Delivery.objects.get().state, resends()) == ("FAILED", 0)


def test_programs_send_missed_deliveries_again_once_for_a_key(team: Team, missed: Delivery, webhook: Webhook):
    user = user_make(role=Role.OPERATOR, team=team)
    _, token = token_create(actor=actor_of_user(user), user=user, name="s", scopes=["read", "write"], days=1)
    client = Client(headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "one"})
    one = reverse("api-webhook-delivery-resend", args=[webhook.pk, missed.pk])
    other = Webhook.objects.create(team=team, name="other", url="https://example.org/", events=[])

    first = client.post(one, content_type="application/json")
    again = client.post(one, content_type="application/json")
    elsewhere = client.post(
        reverse("api-webhook-delivery-resend", args=[other.pk, missed.pk]),
        content_type="application/json",
        headers={"Idempotency-Key": "three"},
    )
    Delivery.objects.update(state="FAILED")
    everything = client.post(
        reverse("api-webhook-resend", args=[webhook.pk]),
        content_type="application/json",
        headers={"Idempotency-Key": "two"},
    )

    assert (first.status_code, first.json()["state"], again.json()) == (200, "QUEUED", first.json())
    assert elsewhere.status_code == 404
    assert everything.json() == {"queued": 1}
    assert resends() == 2


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DATA_SCIENTIST, Role.AUDITOR])
def test_who_may_not_manage_webhooks_sends_nothing_again(team: Team, missed: Delivery, webhook: Webhook, role: Role):
    inside, outside = browser(team, role), browser(team_make(), Role.OPERATOR)
    doors = [reverse("webhook-delivery-resend", args=[missed.pk]), reverse("webhook-resend", args=[webhook.pk])]

    answers = [[client.post(door).status_code for door in doors] for client in (inside, outside)]

    assert answers == [[403, 403], [404, 404]]
    assert (Delivery.objects.get().state, resends()) == ("FAILED", 0)
