"""Reading webhooks and what was sent to them."""

from __future__ import annotations

import uuid

from django.db.models import F, QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.policies import require, who_can
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.policies import VERB, require_webhook_manage


def webhook_get(actor: Actor, pk: uuid.UUID) -> Webhook:
    """Raises NotFound, and Forbidden for who belongs to the team and may not manage its webhooks."""
    rows = Webhook.objects.visible_to(actor).select_related("team").filter(archived_at__isnull=True)
    found: Webhook | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such webhook, or you may not see it.")
    require_webhook_manage(actor, found.team_id)
    return found


def webhook_list(actor: Actor) -> QuerySet[Webhook]:
    """Webhooks of the teams in which the actor manages them."""
    rows: QuerySet[Webhook] = Webhook.objects.visible_to(actor, VERB)
    return rows.filter(archived_at__isnull=True)


def webhook_page(
    actor: Actor, *, team_id: uuid.UUID | None = None, token: str = "", limit: int = 100
) -> tuple[list[Webhook], str]:
    """Webhooks that the actor manages (of one team), the newest first, and the token of the next page.

    Raises Forbidden for who manages none anywhere, Invalid for another list's token.
    """
    teams = actor.team_ids(VERB)
    require(teams is None or bool(teams), f"Webhooks take the right “{VERB}”: {who_can(VERB)} has it.")
    digest = digest_of(["webhooks", str(team_id)])
    place = place_of(token, digest) if token else None
    rows = webhook_list(actor)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    found, end = page_read(Webhook.objects.all(), [(rows, [Column(F("id"), descending=True)])], place, limit)
    return found, token_of(end, digest) if end else ""


def delivery_list(webhook: Webhook) -> QuerySet[Delivery]:
    """What was and will be sent to a webhook, the newest first."""
    return webhook.deliveries.order_by("-id")
