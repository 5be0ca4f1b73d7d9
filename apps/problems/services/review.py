"""Review: submitting a draft, accepting it, returning it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.policies import require, require_verb
from apps.notices.services import notice_send
from apps.problems import policies, rules, selectors
from apps.problems.contracts import ChangeKind, ProblemChange, problem_listeners_tell
from apps.problems.models import Problem, ProblemVersion
from apps.problems.services.locking import draft_check, editor_add, open_check, row_version_check, version_lock
from apps.problems.services.segments import segments_seal


@transaction.atomic
def problem_submit(*, actor: Actor, version_id: uuid.UUID, row_version: int | None = None) -> ProblemVersion:
    """Hand a complete draft over for acceptance and tell who may accept it.

    Raises NotFound, Forbidden, Conflict (stale, not a draft, or incomplete: `items` lists what is missing).
    """
    version = version_lock(actor, version_id)
    require_verb(actor, "problem.edit", version.problem)
    draft_check(version)
    row_version_check(version, row_version)
    missing = selectors.missing_items(version)
    if missing:
        count = len(missing)
        raise Conflict(
            "One thing is missing before this version can leave draft."
            if count == 1
            else f"{count} things are missing before this version can leave draft.",
            code="incomplete",
            items=[item.to_json() for item in missing],
        )
    editor_add(version, actor)
    version.state = ProblemVersion.State.IN_REVIEW
    version.returned_reason = ""
    version.row_version += 1
    version.save(update_fields=["state", "returned_reason", "row_version"])
    problem = version.problem
    if problem.state == Problem.State.DRAFT:
        problem.state = Problem.State.IN_REVIEW
        problem.save(update_fields=["state"])
    audit_record(
        actor=actor,
        action="problem.version_submitted",
        thing=version,
        team_id=problem.team_id,
        problem_id=problem.pk,
        after={"state": version.state},
    )
    notice_send(
        users=selectors.acceptors_of(version),
        team_id=problem.team_id,
        kind="problem.submitted",
        title=f"{problem.name}: version {version.number} waits for your acceptance",
        text=f"{actor.label} asks you to accept the question, its objectives and its segments.",
        url=reverse("problem-detail", args=[problem.pk]),
        dedupe=f"problem.submitted:{version.pk}:{version.row_version}",
    )
    return version


@transaction.atomic
def problem_accept(*, actor: Actor, version_id: uuid.UUID, row_version: int | None = None) -> ProblemVersion:
    """Accept a version in review; it and its segments are sealed.

    Raises NotFound, Forbidden (naming who can) for an editor of the version or without the right, Conflict.
    """
    version = version_lock(actor, version_id)
    problem = version.problem
    require_verb(actor, "problem.accept", problem)
    if not policies.version_may_accept(actor, version):
        raise Forbidden(_who_can(version), code="editor_accepts")
    open_check(problem)
    if version.state != ProblemVersion.State.IN_REVIEW:
        raise Conflict("Only a version in review can be accepted.", code="not_in_review")
    row_version_check(version, row_version)
    segments_seal(version)
    version.state = ProblemVersion.State.SEALED
    version.accepted_by_id = actor.id
    version.accepted_at = timezone.now()
    version.row_version += 1
    version.save(update_fields=["state", "accepted_by", "accepted_at", "row_version"])
    if problem.state in (Problem.State.DRAFT, Problem.State.IN_REVIEW):
        problem.state = Problem.State.ACCEPTED
    problem.owner_id = version.owner_id or problem.owner_id
    problem.risk_class = version.risk_class
    problem.row_version += 1
    problem.save(update_fields=["state", "owner", "risk_class", "row_version"])
    audit_record(
        actor=actor,
        action="problem.version_accepted",
        thing=version,
        team_id=problem.team_id,
        problem_id=problem.pk,
        after={"state": version.state, "accepted_at": version.accepted_at},
    )
    problem_listeners_tell(
        ProblemChange(
            ChangeKind.VERSION_ACCEPTED,
            problem.team_id,
            problem.pk,
            f"Version {version.number} of “{problem.name}” is accepted.",
        )
    )
    _tell_editors(
        actor,
        version,
        kind="problem.accepted",
        title=f"{problem.name}: version {version.number} is accepted",
        text=f"{actor.label} accepted it. It is sealed, and work on it can begin.",
    )
    return version


@transaction.atomic
def problem_return(
    *, actor: Actor, version_id: uuid.UUID, reason: str, row_version: int | None = None
) -> ProblemVersion:
    """Give a version in review back to its writers, with the reason.

    Raises NotFound, Forbidden, Invalid without a reason, Conflict when it is not in review.
    """
    version = version_lock(actor, version_id)
    problem = version.problem
    require(
        policies.version_may_return(actor, version),
        "A version is returned by a product owner, or taken back by a data scientist of the team.",
    )
    why = rules.text_clean(reason, "reason", 2000)
    if not why:
        raise Invalid.field("reason", "Say what has to change.")
    if version.state != ProblemVersion.State.IN_REVIEW:
        raise Conflict("Only a version in review can be returned.", code="not_in_review")
    row_version_check(version, row_version)
    version.state = ProblemVersion.State.DRAFT
    version.returned_reason = why
    version.row_version += 1
    version.save(update_fields=["state", "returned_reason", "row_version"])
    if problem.state == Problem.State.IN_REVIEW:
        problem.state = Problem.State.DRAFT
        problem.save(update_fields=["state"])
    audit_record(
        actor=actor,
        action="problem.version_returned",
        thing=version,
        team_id=problem.team_id,
        problem_id=problem.pk,
        after={"state": version.state},
        reason=why,
    )
    _tell_editors(
        actor,
        version,
        kind="problem.returned",
        title=f"{problem.name}: version {version.number} was returned",
        text=f"{actor.label}: {why}",
    )
    return version


def _tell_editors(actor: Actor, version: ProblemVersion, *, kind: str, title: str, text: str) -> None:
    notice_send(
        users=[user for user in version.edited_by.all() if user.pk != actor.id],
        team_id=version.problem.team_id,
        kind=kind,
        title=title,
        text=text,
        url=reverse("problem-detail", args=[version.problem_id]),
        dedupe=f"{kind}:{version.pk}:{version.row_version}",
    )


def _who_can(version: ProblemVersion) -> str:
    names = [str(user) for user in selectors.acceptors_of(version)]
    if names:
        return f"You wrote part of this version, so another person accepts it: {', '.join(names)} can."
    holders = accounts.people_with_verb("problem.accept", version.problem.team_id).count()
    return (
        "You wrote part of this version, so another person accepts it. Nobody else in the team is a product owner"
        f" ({holders} in all): an administrator can grant the role."
    )
