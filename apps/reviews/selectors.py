"""Reading requests and decisions."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.reviews.evidence import evidence_changes, evidence_hash, evidence_of
from apps.reviews.models import ApprovalRequest, Decision, RequestMessage

if TYPE_CHECKING:
    from apps.gates.models import GateResult

_UNDECIDED = (ApprovalRequest.State.OPEN, ApprovalRequest.State.STALE, ApprovalRequest.State.EXPIRED)
_RELATED = (
    "team",
    "problem",
    "model_version__model",
    "model_version__run",
    "evaluation__problem_version",
    "evaluation__dataset_version__dataset",
    "evaluation__baseline_version__model",
    "requested_by",
)
_LARGE = (
    "evaluation__report",
    "evaluation__findings",
    "evaluation__dataset_version__profile",
    "evaluation__dataset_version__schema",
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether the evidence is still what the request was made on; `changes` says what is not."""

    digest: str
    changes: list[str]

    @property
    def stale(self) -> bool:
        return bool(self.changes)


def _whole(rows: QuerySet[ApprovalRequest]) -> ApprovalRequest | None:
    """The first of these with all that it is about; what request and evaluation have in common is read once."""
    found: ApprovalRequest | None = rows.select_related(*_RELATED).defer(*_LARGE).first()
    if found is not None:
        evaluation = found.evaluation
        for name in ("problem", "team", "model_version"):
            if getattr(evaluation, f"{name}_id") == getattr(found, f"{name}_id"):
                setattr(evaluation, name, getattr(found, name))
    return found


def request_get(actor: Actor, pk: uuid.UUID) -> ApprovalRequest:
    """Raises NotFound."""
    found = _whole(ApprovalRequest.objects.visible_to(actor).filter(pk=pk))
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
    return rows.defer("evaluation__report", "evaluation__findings")


def inbox_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[ApprovalRequest]:
    """Open requests on which this person may decide, the one due first."""
    rows = (
        ApprovalRequest.objects.visible_to(actor, "approval.decide")
        .filter(state=ApprovalRequest.State.OPEN)
        .exclude(requested_by_id=actor.id)
        .exclude(model_version__trained_by_id=actor.id)
        .exclude(model_version__registered_by_id=actor.id)
        .select_related("problem", "model_version__model", "requested_by", "evaluation")
        .defer("evaluation__report", "evaluation__findings")
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    return rows.order_by("due_at", "id")


def freshness(
    request: ApprovalRequest, *, gate_rows: list[GateResult] | None = None, live_id: uuid.UUID | None = None
) -> Freshness:
    """Compare the evidence of the request with that of this moment; what is at hand need not be asked again."""
    now = evidence_of(request.model_version, request.evaluation, gate_rows=gate_rows, live_id=live_id)
    if "live" not in request.evidence:
        now.pop("live")
    elif request.state not in _UNDECIDED:
        # What is live changes with the decision itself; it only matters while the comparison is still to be judged.
        now["live"] = request.evidence["live"]
    digest = evidence_hash(now)
    if digest == request.evidence_digest:
        return Freshness(digest, [])
    return Freshness(digest, evidence_changes(request.evidence, now) or ["the evidence changed"])


def due_passed(request: ApprovalRequest) -> bool:
    """Whether the moment until which a decision was asked for is over; an open request then expires."""
    return request.due_at <= timezone.now()


def decisions_on_data(dataset_version_id: uuid.UUID) -> int:
    """How many requests were approved or refused on evaluations of a dataset version."""
    votes = (Decision.Vote.APPROVE, Decision.Vote.REFUSE)
    return Decision.objects.filter(vote__in=votes, request__evaluation__dataset_version_id=dataset_version_id).count()


def approvals_on(evaluation_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The day on which a release was first approved on each of these evaluations; withdrawn approvals count too."""
    rows = Decision.objects.filter(vote=Decision.Vote.APPROVE, request__evaluation_id__in=list(evaluation_ids))
    told = rows.order_by("-id").values_list("request__evaluation_id", "created_at")
    return {pk: formats.day(moment) for pk, moment in told}


def decision_of(request: ApprovalRequest) -> Decision | None:
    """The vote that ended the request."""
    return Decision.objects.filter(request=request, vote__in=["APPROVE", "REFUSE"]).select_related("person").first()


def decision_list(request: ApprovalRequest) -> list[Decision]:
    return list(Decision.objects.filter(request=request).select_related("person").order_by("id"))


def approval_standing(model_version_id: uuid.UUID, environment: str) -> ApprovalRequest | None:
    """The approval under which a version may answer: given, not withdrawn. Its evidence may have moved on since."""
    rows = ApprovalRequest.objects.filter(
        model_version_id=model_version_id,
        environment=environment,
        state=ApprovalRequest.State.APPROVED,
        model_version__state="SEALED",
    )
    return _whole(rows.order_by("-id"))


def approval_current(model_version_id: uuid.UUID, environment: str) -> ApprovalRequest | None:
    """The approval under which a version may get more traffic: standing, and on evidence that still holds."""
    request = approval_standing(model_version_id, environment)
    if request is None or freshness(request).stale:
        return None
    return request


def message_list(request: ApprovalRequest) -> list[RequestMessage]:
    """The talk on a request, oldest first."""
    return list(RequestMessage.objects.filter(request=request).order_by("id"))


def request_open(model_version_id: uuid.UUID, environment: str = "production") -> ApprovalRequest | None:
    """The request of a version that waits for a decision."""
    return ApprovalRequest.objects.filter(
        model_version_id=model_version_id, environment=environment, state=ApprovalRequest.State.OPEN
    ).first()


def request_newest(actor: Actor, *, problem_id: uuid.UUID) -> ApprovalRequest | None:
    """The newest request of a problem, with what its station says."""
    rows = request_list(actor, problem_id=problem_id).select_related(None)
    return (
        rows.select_related("model_version", "requested_by")
        .only(
            *("number", "state", "created_at", "due_at", "environment", "team_id"),
            *("model_version__number", "model_version__trained_by_id", "model_version__registered_by_id"),
            *("requested_by__username", "requested_by__first_name", "requested_by__last_name"),
        )
        .order_by("-id")
        .first()
    )


def request_state(pk: uuid.UUID) -> dict[str, str] | None:
    """How a request stands now, for pages that follow it; None when there is none."""
    row = ApprovalRequest.objects.filter(pk=pk).annotate(talk=Count("messages")).values("state", "talk").first()
    return {"state": row["state"], "talk": str(row["talk"])} if row else None


def requests_of_mine(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[ApprovalRequest]:
    """Requests of this person that went stale, expired or were refused and were not asked again since, and before
    them the open ones in whose talk another person has the last word: `asks` says who, `asked_text` what.
    """
    later = ApprovalRequest.objects.filter(
        model_version__model_id=OuterRef("model_version__model_id"),
        environment=OuterRef("environment"),
        id__gt=OuterRef("id"),
    )
    ended = Q(state__in=[ApprovalRequest.State.STALE, ApprovalRequest.State.EXPIRED, ApprovalRequest.State.REJECTED])
    last = RequestMessage.objects.filter(request=OuterRef("pk")).order_by("-id")
    asked = Q(state=ApprovalRequest.State.OPEN, asker__isnull=False) & ~Q(asker=actor.person_id)
    return (
        request_list(actor, team_id=team_id)
        .filter(requested_by_id=actor.person_id)
        .annotate(
            asker=Subquery(last.values("author_id")[:1]),
            asks=Subquery(last.values("author_label")[:1]),
            asked_text=Subquery(last.values("text")[:1]),
            asked_at=Subquery(last.values("created_at")[:1]),
        )
        .filter(asked | (ended & ~Exists(later)))
        .order_by(F("ended_at").desc(nulls_first=True), "-id")
    )


def evaluations_asked(actor: Actor, evaluation_ids: list[uuid.UUID]) -> set[uuid.UUID]:
    """Versions' evaluations on which somebody has asked for approval."""
    rows = ApprovalRequest.objects.visible_to(actor).filter(evaluation_id__in=evaluation_ids)
    return set(rows.values_list("evaluation_id", flat=True))


def request_search(actor: Actor, text: str, limit: int) -> QuerySet[ApprovalRequest]:
    """By number ("3", "request 3"), by the model's or the problem's name, or by id."""
    words = text.strip()
    wanted = Q(model_version__model__name__icontains=words) | Q(problem__name__icontains=words)
    number = words.lower().removeprefix("request").strip().lstrip("#")
    if number.isdigit() and len(number) < 10:
        wanted |= Q(number=int(number))
    with contextlib.suppress(ValueError):
        wanted |= Q(pk=uuid.UUID(words))
    rows = request_list(actor).filter(wanted).select_related(None)
    told = rows.select_related("model_version__model", "requested_by").only(
        *("number", "state", "model_version__number", "model_version__model__name"),
        *("requested_by__username", "requested_by__first_name", "requested_by__last_name"),
    )
    return told.order_by("-id")[:limit]


def deciders_for(team_id: uuid.UUID, barred: set[uuid.UUID | None]) -> list[str]:
    """Who can decide in a team, by name, without those whom a duty bars."""
    return [str(person) for person in accounts.people_with_verb("approval.decide", team_id) if person.pk not in barred]


def decider_names(request: ApprovalRequest) -> list[str]:
    """Who can decide on this request, by name."""
    barred = {request.requested_by_id, request.model_version.trained_by_id, request.model_version.registered_by_id}
    return deciders_for(request.team_id, barred)
