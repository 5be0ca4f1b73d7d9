"""Writing webhooks, and queueing what they are told."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.encryption import text_encrypt
from apps.core.errors import Conflict, Invalid
from apps.core.ids import id_new
from apps.webhooks.contracts import EVENTS, Outcome
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.policies import require_webhook_manage
from apps.webhooks.selectors import delivery_get, webhook_get
from apps.webhooks.sending import SECRET_PURPOSE, post
from apps.webhooks.targets import addresses_of, host_of, target_of

WEBHOOKS_PER_TEAM = 20
DESCRIPTION_LIMIT = 1000
SECRET_LIMIT = 1000
# What a delivery begins with; when it was last tried and what was answered stays until it is tried again.
_AFRESH: dict[str, Any] = {
    "state": Delivery.State.QUEUED,
    "attempts": 0,
    "next_at": None,
    "error": "",
    "finished_at": None,
}
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


def webhook_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    url: str,
    events: Sequence[str],
    description: str = "",
    secret: str = "",
    status: str = Webhook.Status.ACTIVE,
) -> Webhook:
    """Tell an address of the team's events from now on. Raises NotFound, Forbidden, Invalid, Conflict."""
    accounts.team_get(actor, team_id)
    require_webhook_manage(actor, team_id)
    webhook = Webhook(
        team_id=team_id, created_by_id=actor.id if actor.is_person else None, created_by_label=actor.label
    )
    _fill(webhook, name=name, url=url, events=events, description=description, secret=secret, status=status)
    # Last, because a name takes its time to resolve.
    addresses_of(target_of(url))
    with transaction.atomic():
        if Webhook.objects.filter(team_id=team_id, archived_at__isnull=True).count() >= WEBHOOKS_PER_TEAM:
            raise Conflict(f"A team has at most {WEBHOOKS_PER_TEAM} webhooks.", code="too_many")
        webhook.save(force_insert=True)
        audit_record(actor=actor, action="webhook.create", thing=webhook, after=_told(webhook))
    return webhook


def webhook_update(
    *,
    actor: Actor,
    webhook_id: uuid.UUID,
    row_version: int | None = None,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    secret: str | None = None,
    status: str | None = None,
) -> Webhook:
    """Change what is given; an empty secret ends the signing.

    Raises NotFound, Forbidden, Invalid, and Conflict (code "stale") when somebody changed it after `row_version`.
    """
    webhook_get(actor, webhook_id)
    if url is not None:
        # A name takes its time to resolve: before the row is locked.
        addresses_of(target_of(url))
    with transaction.atomic():
        webhook = _lock(actor, webhook_id)
        if row_version is not None and row_version != webhook.row_version:
            raise Conflict(
                "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
                code="stale",
                items=[{"row_version": webhook.row_version, "given": row_version}],
            )
        before = _told(webhook)
        _fill(webhook, name=name, url=url, events=events, description=description, secret=secret, status=status)
        webhook.updated_at = timezone.now()
        webhook.row_version += 1
        webhook.save()
        after = _told(webhook) | ({"secret": "replaced"} if secret is not None else {})
        audit_record(actor=actor, action="webhook.update", thing=webhook, before=before, after=after)
    return webhook


def webhook_archive(*, actor: Actor, webhook_id: uuid.UUID) -> Webhook:
    """End a webhook; what was not sent yet is not sent. Raises NotFound, Forbidden."""
    with transaction.atomic():
        webhook = _lock(actor, webhook_id)
        webhook.archived_at, webhook.secret = timezone.now(), ""
        webhook.save(update_fields=["archived_at", "secret"])
        audit_record(actor=actor, action="webhook.archive", thing=webhook)
    return webhook


def webhook_test(*, actor: Actor, webhook_id: uuid.UUID, event: str = "") -> Outcome:
    """Send an example at once and say what the target answered. Raises NotFound, Forbidden, Invalid."""
    webhook = webhook_get(actor, webhook_id)
    event = event or webhook.events[0]
    _events_check([event])
    with transaction.atomic():
        audit_record(actor=actor, action="webhook.test", thing=webhook, after={"event": event})
    body = _body(webhook.team.slug, event, EVENTS[event])
    return post(webhook, delivery_id=str(id_new()), body=body)


def delivery_resend(*, actor: Actor, delivery_id: uuid.UUID) -> Delivery:
    """Send a missed delivery again, with its own id and as often as a new one; one that waits is left as it is.

    Raises NotFound, Forbidden, and Conflict for one that the target took and while the webhook is paused.
    """
    webhook_id = delivery_get(actor, delivery_id).webhook_id
    with transaction.atomic():
        webhook = _lock(actor, webhook_id)
        delivery: Delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        delivery.webhook = webhook
        if delivery.state == Delivery.State.QUEUED:
            return delivery
        if delivery.state == Delivery.State.SENT:
            raise Conflict("The target took this delivery, so it is not sent again.", code="delivered")
        _active_check(webhook)
        for name, value in _AFRESH.items():
            setattr(delivery, name, value)
        delivery.save(update_fields=list(_AFRESH))
        after = {"event": delivery.event, "delivery": delivery.pk.hex}
        audit_record(actor=actor, action="webhook.resend", thing=webhook, after=after)
        task_send("apps.webhooks.tasks.webhook_drain", webhook.pk)
    return delivery


def deliveries_resend(*, actor: Actor, webhook_id: uuid.UUID) -> int:
    """Send all missed deliveries of a webhook again, the oldest first; how many there are.

    Raises NotFound, Forbidden, and Conflict while the webhook is paused.
    """
    with transaction.atomic():
        webhook = _lock(actor, webhook_id)
        _active_check(webhook)
        count = webhook.deliveries.filter(state=Delivery.State.FAILED).update(**_AFRESH)
        if count:
            audit_record(actor=actor, action="webhook.resend", thing=webhook, after={"deliveries": count})
            task_send("apps.webhooks.tasks.webhook_drain", webhook.pk)
    return count


def _active_check(webhook: Webhook) -> None:
    if webhook.status != Webhook.Status.ACTIVE:
        raise Conflict("The webhook is paused, so nothing is sent. Resume it first.", code="paused")


def event_tell(*, team_id: uuid.UUID, event: str, data: Mapping[str, Any]) -> None:
    """Queue an event for the team's webhooks that want it, in the caller's transaction; sent after commit."""
    rows = Webhook.objects.select_related("team").filter(
        team_id=team_id, status=Webhook.Status.ACTIVE, archived_at__isnull=True, events__contains=[event]
    )
    for webhook in rows:
        Delivery.objects.create(webhook=webhook, event=event, body=_body(webhook.team.slug, event, data))
        # A broker that is away costs a delay: the row says QUEUED and the sweep sends it.
        task_send("apps.webhooks.tasks.webhook_drain", webhook.pk)


def _body(workspace: str, event: str, data: Mapping[str, Any]) -> str:
    entity, _, action = event.partition(".")
    moment = timezone.now().isoformat()
    return json.dumps(
        {"entity": entity, "action": action, "timestamp": moment, "data": dict(data), "workspace": workspace}
    )


def _lock(actor: Actor, webhook_id: uuid.UUID) -> Webhook:
    webhook_get(actor, webhook_id)
    locked: Webhook = Webhook.objects.select_for_update().get(pk=webhook_id)
    return locked


def _events_check(events: Sequence[str]) -> list[str]:
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        raise Invalid.field("events", f"Fairway tells of: {', '.join(EVENTS)}.")
    return sorted(set(events))


def _fill(
    webhook: Webhook,
    *,
    name: str | None,
    url: str | None,
    events: Sequence[str] | None,
    description: str | None,
    secret: str | None,
    status: str | None,
) -> None:
    if name is not None:
        if not _NAME.match(name):
            raise Invalid.field(
                "name", "A webhook's name has 1 to 63 letters, digits, dots, dashes and underscores, none at its ends."
            )
        webhook.name = name
    if url is not None:
        webhook.url = url
    if events is not None:
        webhook.events = _events_check(events)
    if description is not None:
        if len(description) > DESCRIPTION_LIMIT:
            raise Invalid.field("description", f"At most {DESCRIPTION_LIMIT} characters.")
        webhook.description = description
    if secret is not None:
        if len(secret) > SECRET_LIMIT:
            raise Invalid.field("secret", f"At most {SECRET_LIMIT} characters.")
        webhook.secret = text_encrypt(SECRET_PURPOSE, secret) if secret else ""
    if status is not None:
        if status not in Webhook.Status.values:
            raise Invalid.field("status", f"One of {', '.join(Webhook.Status.values)}.")
        webhook.status = status


def _told(webhook: Webhook) -> dict[str, Any]:
    """What the audit entry says: the path of an address may hold a key, so only the host is named."""
    return {
        "name": webhook.name,
        "host": host_of(webhook.url),
        "events": webhook.events,
        "status": webhook.status,
        "signed": bool(webhook.secret),
    }
