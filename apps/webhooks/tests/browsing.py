"""A person of a team at a browser, and what the pages of webhooks are asked and told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.accounts.models import Team
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.webhooks import services
from apps.webhooks.models import Delivery, Webhook

EVENT = "model_version.created"
PAGES = ("webhook-detail", "webhook-edit")
ACTS = ("webhook-test", "webhook-pause", "webhook-resume", "webhook-resend", "webhook-remove")


def browser(team: Team | None, role: Role = Role.OPERATOR) -> Client:
    client = Client()
    client.force_login(user_make(role=role, team=team))
    return client


def shown(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return " ".join(answer.content.decode().split())


def tell(team: Team, **data: str) -> None:
    services.event_tell(team_id=team.pk, event=EVENT, data=data)


def make_due() -> None:
    Delivery.objects.filter(state="QUEUED").update(next_at=timezone.now() - timedelta(seconds=1))


def form_of(webhook: Webhook | None = None, **fields: Any) -> dict[str, Any]:
    """What a browser sends of the form of a webhook."""
    typed = {"name": "chat", "url": "https://1.1.1.1/hook", "events": [EVENT], "status": "ACTIVE", **fields}
    if webhook is not None:
        stored = {name: getattr(webhook, name) for name in ("name", "url", "events", "description", "status")}
        typed = {**stored, "secret_change": "keep", "row_version": webhook.row_version, **fields}
    return typed
