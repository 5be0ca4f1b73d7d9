"""Problems and their versions."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.problems.models import Objective, Problem, ProblemVersion


def problem_get(actor: Actor, pk: uuid.UUID) -> Problem:
    """One problem with its owner and team. Raises NotFound for what the actor may not see."""
    found: Problem | None = Problem.objects.visible_to(actor).select_related("owner", "team").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such problem, or you may not see it.")
    return found


def problem_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    archived: bool = False,
    state: str = "",
    text: str = "",
) -> QuerySet[Problem]:
    """Problems by newest first; archived ones only when asked for."""
    rows: QuerySet[Problem] = Problem.objects.visible_to(actor).select_related("owner", "team")
    rows = rows.filter(archived_at__isnull=not archived)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    if state:
        rows = rows.filter(state=state)
    if text:
        rows = rows.filter(name__icontains=text)
    return rows.order_by("-id")


def version_get(actor: Actor, pk: uuid.UUID) -> ProblemVersion:
    """One version with its problem. Raises NotFound for what the actor may not see."""
    visible = Problem.objects.visible_to(actor)
    found = (
        ProblemVersion.objects.select_related("problem__owner", "problem__team", "owner", "accepted_by")
        .filter(pk=pk, problem__in=visible)
        .first()
    )
    if found is None:
        raise NotFound("There is no such version, or you may not see it.")
    return found


def version_list(problem: Problem) -> QuerySet[ProblemVersion]:
    """All versions of a problem the caller was allowed to see, newest first."""
    return (
        ProblemVersion.objects.filter(problem=problem)
        .select_related("problem", "owner", "accepted_by")
        .order_by("-number", "-id")
    )


def versions_visible(actor: Actor, problem_id: uuid.UUID) -> list[ProblemVersion]:
    """All versions of a problem with the problem itself, newest first, in one query. Raises NotFound."""
    rows = _visible(actor, problem_id).select_related("problem__owner", "problem__team", "owner", "accepted_by")
    return _some(rows)


def versions_told(actor: Actor, problem_id: uuid.UUID) -> list[ProblemVersion]:
    """As `versions_visible`, with number and state only: what the strip tells of them. Raises NotFound."""
    rows = _visible(actor, problem_id).select_related("problem")
    return _some(rows.only("number", "state", "accepted_at", "problem__team_id"))


def _visible(actor: Actor, problem_id: uuid.UUID) -> QuerySet[ProblemVersion]:
    rows = ProblemVersion.objects.filter(problem_id=problem_id, problem__in=Problem.objects.visible_to(actor))
    return rows.order_by("-number", "-id")


def _some(rows: QuerySet[ProblemVersion]) -> list[ProblemVersion]:
    found = list(rows)
    if not found:
        raise NotFound("There is no such problem, or you may not see it.")
    return found


def version_current(problem: Problem) -> ProblemVersion | None:
    """The accepted version that holds now; None before the first acceptance."""
    return version_list(problem).filter(state=ProblemVersion.State.SEALED).first()


def version_open(problem: Problem) -> ProblemVersion | None:
    """The version being written or reviewed; None when there is none."""
    return version_list(problem).exclude(state=ProblemVersion.State.SEALED).first()


def version_shown(problem: Problem) -> ProblemVersion:
    """What the problem page shows: the accepted version, else the draft. Raises NotFound when there is neither."""
    found = version_current(problem) or version_open(problem)
    if found is None:
        raise NotFound("This problem has no version.")
    return found


def objective_list(version: ProblemVersion) -> list[Objective]:
    """Objectives in their order."""
    return list(Objective.objects.filter(version=version).order_by("position", "id"))


def objectives_in_force(problem: OuterRef) -> QuerySet[Objective]:
    """Objectives of a problem's accepted version, else of its newest, in their order; a subquery of another room.

    `problem` is the asking row's field with the problem's id; that the actor sees that row is for the caller to say.
    """
    accepted = Q(state=ProblemVersion.State.SEALED)
    versions = ProblemVersion.objects.filter(problem_id=OuterRef(problem)).annotate(accepted=accepted)
    newest = versions.order_by("-accepted", "-number").values("pk")[:1]
    return Objective.objects.filter(version=Subquery(newest)).order_by("position", "id")


def acceptors_of(version: ProblemVersion) -> list[Any]:
    """People who may accept this version: they hold the right now and did not edit it."""
    edited = version.edited_by.values("pk")
    return list(accounts.people_with_verb("problem.accept", version.problem.team_id).exclude(pk__in=edited))


def versions_waiting(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[ProblemVersion]:
    """Versions in review that this actor may accept, oldest first."""
    if not actor.is_person or actor.id is None:
        return ProblemVersion.objects.none()
    problems = Problem.objects.visible_to(actor, "problem.accept").filter(archived_at__isnull=True)
    if team_id is not None:
        problems = problems.filter(team_id=team_id)
    return (
        ProblemVersion.objects.filter(state=ProblemVersion.State.IN_REVIEW, problem__in=problems)
        .exclude(edited_by=actor.id)
        .select_related("problem")
        .order_by("id")
    )
