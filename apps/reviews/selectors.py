"""Reading requests and decisions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.reviews.evidence import evidence_changes, evidence_hash, evidence_of
from apps.reviews.models import ApprovalRequest, Decision

_RELATED = (
    "team",
    "problem",
    "model_version__model",
    "model_version__run",
    "evaluation__problem",
    "evaluation__problem_version",
    "evaluation__dataset_version__dataset",
    "evaluation__baseline_version__model",
    "evaluation__model_version__model",
    "requested_by",
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether the evidence is still what the request was made on; `changes` says what is not."""

    digest: str
    changes: list[str]

    @property
    def stale(self) -> bool:
        return bool(self.changes)


def request_get(actor: Actor, pk: uuid.UUID) -> ApprovalRequest:
    """Raises NotFound."""
    found = ApprovalRequest.objects.visible_to(actor).select_related(*_RELATED).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such request, or you may not see it.")
    return found


def request_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    model_version_id: uuid.UUID | None = None,
) -> QuerySet[ApprovalRequest]:
    """Requests that the actor sees."""
    rows = ApprovalRequest.objects.visible_to(actor).select_related(
        "problem", "model_version__model", "requested_by", "evaluation"
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    if model_version_id:
        rows = rows.filter(model_version_id=model_version_id)
    return rows.defer("evaluation__report")


def inbox_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[ApprovalRequest]:
    """Open requests on which this person may decide, the one due first."""
    rows = (
        ApprovalRequest.objects.visible_to(actor, "approval.decide")
        .filter(state=ApprovalRequest.State.OPEN)
        .exclude(requested_by_id=actor.id)
        .exclude(model_version__trained_by_id=actor.id)
        .exclude(model_version__registered_by_id=actor.id)
        .select_related("problem", "model_version__model", "requested_by", "evaluation")
        .defer("evaluation__report")
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    return rows.order_by("due_at", "id")


def freshness(request: ApprovalRequest) -> Freshness:
    """Compare the evidence of the request with that of this moment."""
    now = evidence_of(request.model_version, request.evaluation)
    digest = evidence_hash(now)
    if digest == request.evidence_digest:
        return Freshness(digest, [])
    return Freshness(digest, evidence_changes(request.evidence, now) or ["the evidence changed"])


def decision_of(request: ApprovalRequest) -> Decision | None:
    """The vote that ended the request."""
    return Decision.objects.filter(request=request, vote__in=["APPROVE", "REFUSE"]).select_related("person").first()


def decision_list(request: ApprovalRequest) -> list[Decision]:
    return list(Decision.objects.filter(request=request).select_related("person").order_by("id"))


def approval_standing(model_version_id: uuid.UUID, environment: str) -> ApprovalRequest | None:
    """The approval under which a version may answer: given, not withdrawn. Its evidence may have moved on since."""
    return (
        ApprovalRequest.objects.select_related(*_RELATED)
        .filter(
            model_version_id=model_version_id,
            environment=environment,
            state=ApprovalRequest.State.APPROVED,
            model_version__state="SEALED",
        )
        .order_by("-id")
        .first()
    )


def approval_current(model_version_id: uuid.UUID, environment: str) -> ApprovalRequest | None:
    """The approval under which a version may get more traffic: standing, and on evidence that still holds."""
    request = approval_standing(model_version_id, environment)
    if request is None or freshness(request).stale:
        return None
    return request


def decider_names(request: ApprovalRequest) -> list[str]:
    """Who can decide on this request, by name."""
    barred = {request.requested_by_id, request.model_version.trained_by_id, request.model_version.registered_by_id}
    people = accounts.people_with_verb("approval.decide", request.team_id)
    return [str(person) for person in people if person.pk not in barred]
