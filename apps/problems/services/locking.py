"""Scope first, then a lock: the start of every service of this room."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.problems import selectors
from apps.problems.models import Problem, ProblemVersion


def problem_lock(actor: Actor, problem_id: uuid.UUID) -> Problem:
    """The problem, locked. Raises NotFound out of scope. Call `problem_lock` before any lock on a version."""
    problem = selectors.problem_get(actor, problem_id)
    rows = Problem.objects.select_for_update(of=("self",)).select_related("owner", "team")
    locked: Problem = rows.get(pk=problem.pk)
    return locked


def version_lock(actor: Actor, version_id: uuid.UUID) -> ProblemVersion:
    """The version with its problem, both locked in that order. Raises NotFound out of scope."""
    version = selectors.version_get(actor, version_id)
    problem = problem_lock(actor, version.problem_id)
    locked = ProblemVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    locked.problem = problem
    return locked


def row_version_check(version: ProblemVersion, row_version: int | None) -> None:
    """Raises Conflict (code "stale") when the caller saw an older state."""
    if row_version is not None and row_version != version.row_version:
        raise Conflict(
            "Somebody changed this version after you opened it. Nothing was saved; compare both and save again.",
            code="stale",
            items=[{"row_version": version.row_version, "given": row_version}],
        )


def open_check(problem: Problem) -> None:
    """Raises Conflict for an archived or closed problem."""
    if problem.archived_at is not None:
        raise Conflict("The problem is archived; restore it first.", code="archived")
    if problem.state == Problem.State.CLOSED:
        raise Conflict("The problem is closed.", code="closed")


def draft_check(version: ProblemVersion) -> None:
    """Raises Conflict unless the version is a draft."""
    open_check(version.problem)
    if version.state == ProblemVersion.State.IN_REVIEW:
        raise Conflict("This version is in review. Return it to draft to change it.", code="in_review")
    if version.state == ProblemVersion.State.SEALED:
        raise Conflict("This version is accepted and sealed. Begin a new version to change it.", code="sealed")


def editor_add(version: ProblemVersion, actor: Actor) -> None:
    """Remember who wrote: they will not accept."""
    if actor.is_person and actor.id is not None:
        version.edited_by.add(actor.id)  # type: ignore[arg-type]
