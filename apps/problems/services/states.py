"""The life of a problem after its first version: active, suspended, closed, archived, deleted."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require, require_verb
from apps.core.sealing import retention
from apps.problems import policies, rules
from apps.problems.contracts import ChangeKind, ProblemChange, problem_listeners_tell
from apps.problems.models import BehaviourVersion, Objective, Problem, ProblemVersion, SegmentVersion
from apps.problems.services.locking import open_check, problem_lock

_S = Problem.State
MOVES: dict[str, frozenset[str]] = {
    _S.DRAFT: frozenset({_S.IN_REVIEW, _S.CLOSED}),
    _S.IN_REVIEW: frozenset({_S.DRAFT, _S.ACCEPTED}),
    _S.ACCEPTED: frozenset({_S.ACTIVE, _S.SUSPENDED, _S.CLOSED}),
    _S.ACTIVE: frozenset({_S.SUSPENDED, _S.CLOSED}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.ACCEPTED, _S.CLOSED}),
    _S.CLOSED: frozenset(),
}
"""The allowed moves of a problem's state."""


def _move(actor: Actor, problem: Problem, to: str, *, action: str, reason: str) -> None:
    if to not in MOVES[problem.state]:
        raise Conflict(
            f"A problem that is {problem.get_state_display()} does not become {Problem.State(to).label}.",
            code="bad_move",
        )
    before = problem.state
    problem.state = to
    problem.state_before = before if to == _S.SUSPENDED else ""
    problem.row_version += 1
    problem.save(update_fields=["state", "state_before", "row_version"])
    audit_record(
        actor=actor,
        action=action,
        thing=problem,
        problem_id=problem.pk,
        before={"state": before},
        after={"state": to},
        reason=reason,
    )
    problem_listeners_tell(
        ProblemChange(
            ChangeKind.STATE_CHANGED, problem.team_id, problem.pk, f"“{problem.name}” is {problem.get_state_display()}."
        )
    )


@transaction.atomic
def problem_activate(*, actor: Actor, problem_id: uuid.UUID) -> Problem:
    """Mark that a model of this problem is live; nothing changes when it is active or suspended.

    Only the deployments room calls this, as part of going live; it has checked the right to do that.
    Raises NotFound, Conflict when no version is accepted.
    """
    problem = problem_lock(actor, problem_id)
    if problem.state in (_S.ACTIVE, _S.SUSPENDED):
        return problem
    _move(actor, problem, _S.ACTIVE, action="problem.activated", reason="")
    return problem


def _steer(actor: Actor, problem_id: uuid.UUID, reason: str) -> tuple[Problem, str]:
    problem = problem_lock(actor, problem_id)
    require(
        policies.problem_may_steer(actor, problem),
        "A product owner of the team suspends, resumes and closes a problem.",
    )
    open_check(problem)
    why = rules.text_clean(reason, "reason", 2000)
    if not why:
        raise Invalid.field("reason", "Say why.")
    return problem, why


@transaction.atomic
def problem_suspend(*, actor: Actor, problem_id: uuid.UUID, reason: str) -> Problem:
    """Stop work on a problem for a time. Raises NotFound, Forbidden, Invalid without a reason, Conflict."""
    problem, why = _steer(actor, problem_id, reason)
    _move(actor, problem, _S.SUSPENDED, action="problem.suspended", reason=why)
    return problem


@transaction.atomic
def problem_resume(*, actor: Actor, problem_id: uuid.UUID, reason: str) -> Problem:
    """Take a suspended problem up again, in the state that it had before.

    Raises NotFound, Forbidden, Invalid without a reason, Conflict.
    """
    problem, why = _steer(actor, problem_id, reason)
    if problem.state != _S.SUSPENDED:
        raise Conflict("Only a suspended problem is resumed.", code="bad_move")
    _move(actor, problem, problem.state_before or _S.ACCEPTED, action="problem.resumed", reason=why)
    return problem


@transaction.atomic
def problem_close(*, actor: Actor, problem_id: uuid.UUID, reason: str) -> Problem:
    """End a problem for good; it stays readable. Raises NotFound, Forbidden, Invalid without a reason, Conflict."""
    problem, why = _steer(actor, problem_id, reason)
    _move(actor, problem, _S.CLOSED, action="problem.closed", reason=why)
    return problem


@transaction.atomic
def problem_rename(*, actor: Actor, problem_id: uuid.UUID, name: str) -> Problem:
    """Give a problem another name. Raises NotFound, Forbidden, Invalid, Conflict for a taken name."""
    problem = problem_lock(actor, problem_id)
    require_verb(actor, "problem.edit", problem)
    open_check(problem)
    wanted = rules.name_clean(name)
    if wanted == problem.name:
        return problem
    before = problem.name
    problem.name = wanted
    problem.row_version += 1
    try:
        with transaction.atomic():
            problem.save(update_fields=["name", "row_version"])
    except IntegrityError as error:
        raise Conflict(
            f"The team has a problem called “{wanted}” already.",
            code="name_taken",
            fields={"name": ["This name is taken in the team."]},
        ) from error
    audit_record(
        actor=actor,
        action="problem.renamed",
        thing=problem,
        problem_id=problem.pk,
        before={"name": before},
        after={"name": wanted},
    )
    return problem


@transaction.atomic
def problem_archive(*, actor: Actor, problem_id: uuid.UUID) -> Problem:
    """Put a problem out of the lists; it stays readable. Raises NotFound, Forbidden, Conflict while it is active."""
    problem = problem_lock(actor, problem_id)
    require_verb(actor, "problem.edit", problem)
    if problem.state == _S.ACTIVE:
        raise Conflict("A model of this problem is live. Suspend or close the problem first.", code="active")
    if problem.archived_at is None:
        problem.archived_at = timezone.now()
        problem.row_version += 1
        problem.save(update_fields=["archived_at", "row_version"])
        audit_record(actor=actor, action="problem.archived", thing=problem, problem_id=problem.pk)
    return problem


@transaction.atomic
def problem_restore(*, actor: Actor, problem_id: uuid.UUID) -> Problem:
    """Bring an archived problem back. Raises NotFound, Forbidden."""
    problem = problem_lock(actor, problem_id)
    require_verb(actor, "problem.edit", problem)
    if problem.archived_at is not None:
        problem.archived_at = None
        problem.row_version += 1
        problem.save(update_fields=["archived_at", "row_version"])
        audit_record(actor=actor, action="problem.restored", thing=problem, problem_id=problem.pk)
    return problem


@transaction.atomic
def problem_delete(*, actor: Actor, problem_id: uuid.UUID) -> None:
    """Remove a problem that was never accepted and that nothing refers to; its audit entries stay.

    Raises NotFound, Forbidden, Conflict when a version is accepted or data, runs or models belong to it.
    """
    problem = problem_lock(actor, problem_id)
    require_verb(actor, "problem.edit", problem)
    if ProblemVersion.objects.filter(problem=problem, state=ProblemVersion.State.SEALED).exists():
        raise Conflict("A version was accepted: the problem can be archived, not deleted.", code="accepted")
    audit_record(
        actor=actor, action="problem.deleted", thing=problem, problem_id=problem.pk, before={"name": problem.name}
    )
    try:
        with transaction.atomic():
            versions = ProblemVersion.objects.filter(problem=problem)
            Objective.objects.filter(version__in=versions).delete()
            for version in versions:
                version.segment_versions.clear()
                version.edited_by.clear()
            versions.delete()
            SegmentVersion.objects.filter(segment__problem=problem).delete()
            problem.segments.all().delete()
            _behaviour_delete(problem)
            problem.delete()
    except (ProtectedError, IntegrityError) as error:
        raise Conflict("Data, runs or models belong to this problem: archive it instead.", code="in_use") from error


def _behaviour_delete(problem: Problem) -> None:
    """Behaviour tests are sealed from their beginning; with a question that was never accepted they go all the same."""
    with retention():
        BehaviourVersion.objects.filter(test__problem=problem).delete()
        problem.behaviour_tests.all().delete()
