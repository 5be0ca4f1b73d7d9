"""Who may evaluate."""

from __future__ import annotations

import uuid
from typing import Final

from apps.core.actors import Actor

TAKING_PART: Final = ("job.run", "problem.edit", "approval.decide")
"""Whoever works with evaluations, answers for the problem or decides may have them as a file, and propose."""


def evaluation_rows(actor: Actor, team_id: uuid.UUID) -> bool:
    """Single rows are for who works with the team's data or answers for its models; viewers and auditors see counts."""
    return actor.can("job.run", team_id) or actor.can("problem.edit", team_id)


def evaluation_launch(actor: Actor, team_id: uuid.UUID) -> bool:
    """An evaluation is a job."""
    return actor.can("job.run", team_id)


def predictions_judge(actor: Actor, team_id: uuid.UUID) -> bool:
    """Judging predictions made elsewhere is a job, and registers a version without files."""
    return evaluation_launch(actor, team_id) and actor.can("model.register", team_id)


def export_make(actor: Actor, team_id: uuid.UUID) -> bool:
    """An export is a job that also product owners may ask for; whoever sees the evaluation may download it."""
    return any(actor.can(verb, team_id) for verb in TAKING_PART)


def proposal_make(actor: Actor, team_id: uuid.UUID) -> bool:
    """Who trains and who decides may propose a threshold; a proposal changes nothing."""
    return any(actor.can(verb, team_id) for verb in TAKING_PART)
