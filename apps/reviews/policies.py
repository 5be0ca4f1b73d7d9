"""Who may ask for a release, and who may decide on it (invariant I9)."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.reviews.models import ApprovalRequest


def request_send(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor ask for approval in this team?"""
    return actor.is_person and actor.can("approval.request", team_id)


def conflict_of_duty(actor: Actor, request: ApprovalRequest) -> str:
    """Why this person may not decide on this request whatever their rights; empty when nothing stands in the way.

    Asked of the person, so it holds for a session, a token and an administrator alike.
    """
    if actor.id is None:
        return "Only a person decides."
    version = request.model_version
    if actor.id == request.requested_by_id:
        return "You asked for this approval; somebody else has to decide."
    if actor.id == version.trained_by_id:
        return "You trained this version; somebody else has to decide."
    if actor.id == version.registered_by_id:
        return "You registered this version; somebody else has to decide."
    return ""


def request_decide(actor: Actor, request: ApprovalRequest) -> bool:
    """May this actor approve or refuse?"""
    return actor.is_person and actor.can("approval.decide", request.team_id) and not conflict_of_duty(actor, request)


def request_withdraw(actor: Actor, request: ApprovalRequest) -> bool:
    """Who asked takes the request back."""
    return actor.is_person and actor.id == request.requested_by_id


def message_add(actor: Actor, request: ApprovalRequest) -> bool:
    """Who asked and who may decide talk on the request."""
    return actor.is_person and (
        actor.can("approval.request", request.team_id) or actor.can("approval.decide", request.team_id)
    )
