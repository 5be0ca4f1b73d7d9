"""webhooks/*: who is told of what happens in the registry."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.mlflow_api.api.paging import limit_of, token_of
from apps.mlflow_api.api.teams import team_named, team_of
from apps.mlflow_api.door import Source, answer, args_of, body_of, rows_of, text_of, word_of
from apps.mlflow_api.shapes import millis, without_empty
from apps.webhooks import selectors, services

if TYPE_CHECKING:
    from apps.webhooks.models import Webhook

PAGE = 100
SEARCH_LIMIT = 1_000
_EVENTS_PER_CALL = 50
_STATUSES = {1: "ACTIVE", 2: "DISABLED"}
# Proto JSON: the numbers of what Fairway tells of.
_ENTITIES = {1: "REGISTERED_MODEL", 2: "MODEL_VERSION", 3: "MODEL_VERSION_TAG", 4: "MODEL_VERSION_ALIAS"}
_ACTIONS = {1: "CREATED", 2: "UPDATED", 3: "DELETED", 4: "SET"}


def _id_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound(f"Webhook with ID {text[:60]} not found.") from error


def _event_of(row: Source) -> str:
    entity, action = word_of(row, "entity", _ENTITIES), word_of(row, "action", _ACTIONS)
    return f"{entity}.{action}".lower()


def _events_of(body: Source) -> list[str]:
    return [_event_of(row) for row in rows_of(body, "events", _EVENTS_PER_CALL)]


def webhook_shape(webhook: Webhook) -> dict[str, Any]:
    """A webhook without its secret."""
    events = [event.upper().partition(".") for event in webhook.events]
    shape: dict[str, Any] = {
        "webhook_id": str(webhook.pk),
        "name": webhook.name,
        "url": webhook.url,
        "events": [{"entity": entity, "action": action} for entity, _, action in events],
        "status": webhook.status,
        "creation_timestamp": millis(webhook.created_at),
        "last_updated_timestamp": millis(webhook.updated_at),
    }
    return {**shape, "description": webhook.description} if webhook.description else shape


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Webhooks of the named workspace, else of all teams whose webhooks the actor manages."""
    source = args_of(request)
    found, token = selectors.webhook_page(
        actor, team_id=team_named(request), token=token_of(source), limit=limit_of(source, PAGE, SEARCH_LIMIT)
    )
    shape = without_empty({"webhooks": [webhook_shape(webhook) for webhook in found]})
    return answer({**shape, "next_page_token": token} if token else shape)


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    body = body_of(request)
    name, url = text_of(body, "name"), text_of(body, "url")
    if not body.get("events"):
        raise Invalid.field("events", "Missing value for required parameter 'events'.")
    webhook = services.webhook_create(
        actor=actor,
        team_id=team_of(actor, request),
        name=name,
        url=url,
        events=_events_of(body),
        description=text_of(body, "description", required=False),
        secret=text_of(body, "secret", required=False),
        status=word_of(body, "status", _STATUSES) or "ACTIVE",
    )
    return answer({"webhook": webhook_shape(webhook)})


def get(actor: Actor, request: HttpRequest, webhook_id: str) -> HttpResponseBase:
    return answer({"webhook": webhook_shape(selectors.webhook_get(actor, _id_of(webhook_id)))})


def update(actor: Actor, request: HttpRequest, webhook_id: str) -> HttpResponseBase:
    """Change what is given; an empty secret ends the signing."""
    body = body_of(request)
    webhook = services.webhook_update(
        actor=actor,
        webhook_id=_id_of(webhook_id),
        name=text_of(body, "name", required=False) or None,
        url=text_of(body, "url", required=False) or None,
        events=_events_of(body) or None,
        description=text_of(body, "description", required=False) if "description" in body else None,
        secret=text_of(body, "secret", required=False) if "secret" in body else None,
        status=word_of(body, "status", _STATUSES) or None,
    )
    return answer({"webhook": webhook_shape(webhook)})


def delete(actor: Actor, request: HttpRequest, webhook_id: str) -> HttpResponseBase:
    services.webhook_archive(actor=actor, webhook_id=_id_of(webhook_id))
    return answer({})


def test(actor: Actor, request: HttpRequest, webhook_id: str) -> HttpResponseBase:
    """Send an example now. What the target answers beyond its status is not passed on."""
    given = body_of(request).get("event") or {}
    if not isinstance(given, dict):
        raise Invalid.field("event", "Invalid value for parameter 'event' supplied.")
    outcome = services.webhook_test(actor=actor, webhook_id=_id_of(webhook_id), event=_event_of(given) if given else "")
    result: dict[str, Any] = {"success": outcome.is_taken}
    if outcome.status is not None:
        result["response_status"] = outcome.status
    if outcome.sentence:
        result["error_message"] = outcome.sentence
    return answer({"result": result})
