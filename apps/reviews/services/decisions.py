"""Deciding on a request, and withdrawing an approval."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts import policies as account_policies
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.policies import require, who_can
from apps.core.topics import nudge
from apps.gates import selectors as gates
from apps.lineage.services import edge_add
from apps.notices.services import notice_send
from apps.reviews import policies
from apps.reviews.contracts import approval_ended, approval_given
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.selectors import decision_of, due_passed, freshness
from apps.reviews.services.requests import due_words, request_expire, request_lock, request_mark_stale, request_url


def override_phrase(request: ApprovalRequest) -> str:
    """What a person types to approve against a gate."""
    return f"version {request.model_version.number}"


def review_decide(
    *,
    actor: Actor,
    request_id: uuid.UUID,
    vote: str,
    reason: str,
    evidence_digest: str,
    override_confirmation: str = "",
) -> Decision:
    """Approve or refuse, once, on the evidence that was seen.

    Approving while a gate blocks needs `override_confirmation` to be the phrase of `override_phrase`, and is
    recorded as an override. Raises NotFound, Forbidden (rights, duties, second factor), Invalid (vote, reason,
    confirmation) and Conflict (somebody was faster; the due moment has passed: then the request has expired; or the
    evidence changed: then it is stale).
    """
    if vote not in (Decision.Vote.APPROVE, Decision.Vote.REFUSE):
        raise Invalid.field("vote", "APPROVE or REFUSE.")
    if not reason.strip():
        raise Invalid.field("reason", "Give a reason: the requester reads it, and it is kept in the audit.")
    stale: list[str] = []
    with transaction.atomic():
        request = request_lock(actor, request_id)
        _require_decider(actor, request)
        if request.state == ApprovalRequest.State.EXPIRED:
            raise _expired(request)
        if request.state != ApprovalRequest.State.OPEN:
            decided = decision_of(request)
            by = f" by {decided.person_label}" if decided else ""
            raise Conflict(f"The request is {request.get_state_display()} already{by}.", code="request_ended")
        late = due_passed(request)
        fresh = None if late else freshness(request)
        if fresh is None:
            request_expire(request)
        elif fresh.stale:
            request_mark_stale(request, fresh.changes)
            stale = fresh.changes
        elif evidence_digest != request.evidence_digest:
            raise Conflict(
                "You saw another state of the evidence. Load the page again and look at what changed.",
                code="evidence_differs",
            )
        else:
            return _decide(actor, request, vote, reason.strip(), override_confirmation)
    # Raised after the commit: what was found out about the request is kept.
    if late:
        raise _expired(request)
    raise Conflict("The evidence has changed since the request was made; it is stale now.", code="stale", items=stale)


def _expired(request: ApprovalRequest) -> Conflict:
    return Conflict(
        f"The request expired on {due_words(request)}, without a decision. {request.requested_by} can "
        "ask again with one click on its page; then decide on the new request.",
        code="expired",
    )


def _require_decider(actor: Actor, request: ApprovalRequest) -> None:
    require(
        actor.is_person and actor.can("approval.decide", request.team_id),
        f"Deciding takes the right “approval.decide” in the team: {who_can('approval.decide')} has it.",
    )
    conflict = policies.conflict_of_duty(actor, request)
    if conflict:
        raise Forbidden(conflict, code="conflict_of_duty")
    if not account_policies.decide_strength_ok(actor, request.team):
        raise Forbidden(
            "This team asks for a second factor from everybody who decides. Set one up under your account and sign "
            "in with it.",
            code="second_factor",
        )


def _decide(actor: Actor, request: ApprovalRequest, vote: str, reason: str, override_confirmation: str) -> Decision:
    blocking = [gate for gate in gates.gate_list(request.evaluation) if gate.blocks]
    override = vote == Decision.Vote.APPROVE and bool(blocking)
    if override and override_confirmation.strip().lower() != override_phrase(request):
        standing = "1 gate stands" if len(blocking) == 1 else f"{len(blocking)} gates stand"
        raise Invalid.field(
            "override_confirmation",
            f"{standing} in the way. Type “{override_phrase(request)}” "
            "to approve all the same; this is recorded as an override.",
        )
    version = request.model_version
    roles = actor.roles_in(request.team_id)
    try:
        with transaction.atomic():
            decision = Decision.objects.create(
                team_id=request.team_id,
                request=request,
                person_id=actor.person_id,
                person_label=actor.label,
                role="PRODUCT_OWNER" if "PRODUCT_OWNER" in roles else next(iter(sorted(roles)), ""),
                vote=vote,
                reason=reason,
                evidence_digest=request.evidence_digest,
                override=override,
                overridden_gates=[gate.sentence for gate in blocking] if override else [],
                auth_strength="MFA" if actor.mfa else "TOKEN" if actor.token_id else "PASSWORD",
                requested_by_id=request.requested_by_id,
                trained_by_id=version.trained_by_id,
                registered_by_id=version.registered_by_id,
            )
    except IntegrityError as error:
        raise Conflict("Somebody decided a moment ago.", code="request_ended") from error
    request.state = ApprovalRequest.State.APPROVED if vote == Decision.Vote.APPROVE else ApprovalRequest.State.REJECTED
    request.ended_at = timezone.now()
    request.save(update_fields=["state", "ended_at"])
    edge_add(subject=decision, relation="INFORMED_BY", thing=request.evaluation, team_id=request.team_id)
    edge_add(subject=decision, relation="INFORMED_BY", thing=request, team_id=request.team_id)
    audit_record(
        actor=actor,
        action="approval.approve" if vote == Decision.Vote.APPROVE else "approval.refuse",
        thing=request,
        problem_id=request.problem_id,
        after={
            "state": request.state,
            "version": version.number,
            "evidence_digest": request.evidence_digest,
            "override": override,
            "overridden_gates": decision.overridden_gates,
        },
        reason=reason,
    )
    notice_send(
        users=[request.requested_by],
        team_id=request.team_id,
        kind="approval.decided",
        title=f"{version} was {decision.get_vote_display()}",
        text=f"{actor.label}: {reason}",
        url=request_url(request),
        dedupe=f"approval.decided:{request.pk}",
    )
    if vote == Decision.Vote.APPROVE:
        approval_given(actor, request)
    nudge(f"review.{request.pk}")
    nudge(f"team.{request.team_id}")
    return decision


def approval_withdraw(*, actor: Actor, request_id: uuid.UUID, reason: str) -> Decision:
    """Take a given approval back: the version is refused at the serving door within a second.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    if not reason.strip():
        raise Invalid.field("reason", "Give a reason.")
    with transaction.atomic():
        request = request_lock(actor, request_id)
        require(
            actor.is_person and actor.can("approval.decide", request.team_id),
            f"Withdrawing an approval takes the right “approval.decide”: {who_can('approval.decide')} has it.",
        )
        if request.state != ApprovalRequest.State.APPROVED:
            raise Conflict(f"The request is {request.get_state_display()}.", code="not_approved")
        decision = Decision.objects.create(
            team_id=request.team_id,
            request=request,
            person_id=actor.person_id,
            person_label=actor.label,
            role=next(iter(sorted(actor.roles_in(request.team_id))), ""),
            vote=Decision.Vote.WITHDRAW,
            reason=reason.strip(),
            evidence_digest=request.evidence_digest,
            auth_strength="MFA" if actor.mfa else "TOKEN" if actor.token_id else "PASSWORD",
            requested_by_id=request.requested_by_id,
            trained_by_id=request.model_version.trained_by_id,
            registered_by_id=request.model_version.registered_by_id,
        )
        request.state = ApprovalRequest.State.WITHDRAWN
        request.save(update_fields=["state"])
        audit_record(
            actor=actor,
            action="approval.withdraw",
            thing=request,
            problem_id=request.problem_id,
            before={"state": "APPROVED"},
            after={"state": "WITHDRAWN"},
            reason=reason.strip(),
        )
        approval_ended(actor, request)
        notice_send(
            users=[request.requested_by],
            team_id=request.team_id,
            kind="approval.withdrawn",
            title=f"The approval of {request.model_version} was withdrawn",
            text=f"{actor.label}: {reason.strip()}",
            url=request_url(request),
            dedupe=f"approval.withdrawn:{request.pk}",
        )
        nudge(f"review.{request.pk}")
    return decision
