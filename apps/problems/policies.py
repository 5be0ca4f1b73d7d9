"""Who may do what with problems."""

from __future__ import annotations

from apps.core.actors import Actor
from apps.problems.models import Problem, ProblemVersion


def problem_may_edit(actor: Actor, problem: Problem) -> bool:
    """Data scientists and product owners write drafts."""
    return actor.can("problem.edit", problem.team_id)


def segments_may_edit(actor: Actor, problem: Problem) -> bool:
    """Segments may also be written by who may edit data."""
    return actor.can("data.edit", problem.team_id) or actor.can("problem.edit", problem.team_id)


def behaviour_may_edit(actor: Actor, problem: Problem) -> bool:
    """Behaviour tests are written by who may write segments."""
    return segments_may_edit(actor, problem)


def critical_may_change(actor: Actor, problem: Problem) -> bool:
    """A critical behaviour test in force is loosened or taken away by who answers for the question."""
    return problem_may_steer(actor, problem)


def problem_may_steer(actor: Actor, problem: Problem) -> bool:
    """Suspending, resuming and closing is for product owners."""
    return actor.can("problem.accept", problem.team_id)


def version_may_accept(actor: Actor, version: ProblemVersion) -> bool:
    """A product owner who neither edited nor submitted this version; never the system, never a run."""
    return (
        actor.is_person
        and actor.id is not None
        and actor.can("problem.accept", version.problem.team_id)
        and not version.edited_by.filter(pk=actor.id).exists()
    )


def version_may_return(actor: Actor, version: ProblemVersion) -> bool:
    """Who accepts may return; who wrote may take back."""
    team_id = version.problem.team_id
    return actor.can("problem.accept", team_id) or actor.can("problem.edit", team_id)
