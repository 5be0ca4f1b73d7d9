"""Questions and answers on a request."""

from __future__ import annotations

import uuid

from django.db import transaction

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.policies import require
from apps.core.topics import nudge
from apps.notices.services import notice_send
from apps.reviews import policies
from apps.reviews.models import RequestMessage
from apps.reviews.services.requests import request_lock, request_url

TEXT_LIMIT = 5000


def message_add(*, actor: Actor, request_id: uuid.UUID, text: str) -> RequestMessage:
    """Ask or answer; the other side is told. Raises NotFound, Forbidden, Invalid."""
    text = text.strip()
    if not text or len(text) > TEXT_LIMIT:
        raise Invalid.field("text", f"Write 1 to {TEXT_LIMIT} characters.")
    with transaction.atomic():
        request = request_lock(actor, request_id)
        require(policies.message_add(actor, request), "Only who asks and who may decide talk on a request.")
        message = RequestMessage.objects.create(
            request=request, author_id=actor.person_id, author_label=actor.label, text=text
        )
        audit_record(
            actor=actor, action="approval.message", thing=request, problem_id=request.problem_id, reason=text[:500]
        )
        if actor.id == request.requested_by_id:
            people = list(accounts.people_with_verb("approval.decide", request.team_id))
        else:
            people = [request.requested_by]
        notice_send(
            users=[person for person in people if person.pk != actor.id],
            team_id=request.team_id,
            kind="approval.message",
            title=f"{actor.label} wrote on request {request.number}",
            text=text[:500],
            url=request_url(request),
            dedupe=f"approval.message:{message.pk}",
        )
        nudge(f"review.{request.pk}")
    return message
