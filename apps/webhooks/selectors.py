"""Reading webhooks and what was sent to them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Case, CharField, Count, F, Func, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.webhooks.contracts import Standing
from apps.webhooks.models import Delivery, Webhook
from apps.webhooks.policies import VERB, require_webhook_manage, require_webhooks_open

if TYPE_CHECKING:
    from apps.accounts.models import Team

_TRIED = Q(attempted_at__isnull=False)


@dataclass(frozen=True, slots=True)
class Health:
    """How a webhook does: its newest attempt, and while it fails, since when and how many deliveries that concerns."""

    standing: Standing
    newest: Delivery | None = None
    since: datetime | None = None
    waiting: int = 0
    given_up: int = 0


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


def webhook_table(actor: Actor) -> QuerySet[Webhook]:
    """The same with their teams, the host of the address, and `standing`, `tried_state`, `tried_status` and `tried_at`
    of the newest attempt.

    The address itself is no value to sort by: the place in a sorted list stands in the page's own address.
    """
    newest = Delivery.objects.filter(_TRIED, webhook=OuterRef("pk")).order_by("-attempted_at", "-id")
    standing = Case(
        When(status=Webhook.Status.DISABLED, then=Value(Standing.PAUSED.value)),
        When(tried_state__isnull=True, then=Value(Standing.NEW.value)),
        When(tried_state=Delivery.State.SENT, then=Value(Standing.DELIVERS.value)),
        default=Value(Standing.FAILING.value),
        output_field=CharField(),
    )
    host = Func(F("url"), Value("^[^/]+//([^/?]+)"), function="SUBSTRING", output_field=CharField())
    rows = (
        webhook_list(actor)
        .select_related("team")
        .annotate(
            host=host,
            tried_state=Subquery(newest.values("state")[:1]),
            tried_status=Subquery(newest.values("response_status")[:1]),
            tried_at=Subquery(newest.values("attempted_at")[:1]),
        )
    )
    return rows.annotate(standing=standing)


def webhook_ids(pks: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Those of these that were not removed."""
    return list(Webhook.objects.filter(pk__in=pks, archived_at__isnull=True).values_list("pk", flat=True))


def webhook_teams(actor: Actor) -> QuerySet[Team]:
    """Teams whose webhooks the actor manages, by name."""
    rows, managed = accounts.team_list(actor), actor.team_ids(VERB)
    return rows if managed is None else rows.filter(pk__in=managed)


def webhook_health(webhook: Webhook) -> Health:
    """How a webhook does, in three queries at most."""
    tried = webhook.deliveries.filter(_TRIED)
    newest = tried.order_by("-attempted_at", "-id").first()
    if webhook.status == Webhook.Status.DISABLED:
        return Health(Standing.PAUSED, newest)
    if newest is None:
        return Health(Standing.NEW)
    if newest.state == Delivery.State.SENT:
        return Health(Standing.DELIVERS, newest)
    failing = tried.exclude(state=Delivery.State.SENT)
    sent_at = tried.filter(state=Delivery.State.SENT).aggregate(at=Max("attempted_at"))["at"]
    if sent_at is not None:
        failing = failing.filter(attempted_at__gte=sent_at)
    found = failing.aggregate(
        first=Min("created_at"),
        waiting=Count("pk", filter=Q(state=Delivery.State.QUEUED)),
        given_up=Count("pk", filter=Q(state=Delivery.State.FAILED)),
    )
    # What was written before the newest success cannot have failed for longer than since then.
    since = max(found["first"], sent_at) if sent_at is not None else found["first"]
    return Health(Standing.FAILING, newest, since, found["waiting"], found["given_up"])


def webhook_page(
    actor: Actor, *, team_id: uuid.UUID | None = None, token: str = "", limit: int = 100
) -> tuple[list[Webhook], str]:
    """Webhooks that the actor manages (of one team), the newest first, and the token of the next page.

    Raises Forbidden for who manages none anywhere, Invalid for another list's token.
    """
    require_webhooks_open(actor)
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


def has_missed(webhook: Webhook) -> bool:
    """Was anything given up that could be sent again?"""
    return webhook.deliveries.filter(state=Delivery.State.FAILED).exists()


def delivery_get(actor: Actor, pk: uuid.UUID) -> Delivery:
    """One delivery of a webhook that the actor manages. Raises NotFound, Forbidden."""
    found = Delivery.objects.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such delivery, or you may not see it.")
    found.webhook = webhook_get(actor, found.webhook_id)
    return found
