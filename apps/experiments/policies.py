"""Who may write runs: people with the right to run jobs, and a job attempt its own run."""

from __future__ import annotations

import uuid

from apps.core.actors import Actor, ActorKind
from apps.core.policies import require, who_can
from apps.experiments.models import EvaluationDataset, Experiment, Run, SavedView


def run_write(actor: Actor, run: Run) -> bool:
    """May the actor add measurements and files to this run?"""
    if actor.kind is ActorKind.RUN:
        return actor.run_id == run.pk
    return actor.can("job.run", run.team_id)


def require_run_write(actor: Actor, run: Run) -> None:
    require(
        run_write(actor, run),
        f"Writing to a run takes the right “job.run” in its team: {who_can('job.run')} has it.",
    )


def run_purge(actor: Actor, run: Run) -> bool:
    """May the actor remove the files of a run for good? A person's deed: never a job attempt's."""
    return actor.is_person and actor.can("data.edit", run.team_id)


def require_run_purge(actor: Actor, run: Run) -> None:
    require(
        run_purge(actor, run),
        f"Removing files takes the right “data.edit” in the team: {who_can('data.edit')} has it.",
    )


def experiment_create(actor: Actor, team_id: uuid.UUID) -> bool:
    """May the actor open an experiment in this team?"""
    return actor.can("job.run", team_id)


def experiment_write(actor: Actor, experiment: Experiment) -> bool:
    """May the actor change the words of an experiment?"""
    return actor.can("job.run", experiment.team_id)


def evaluation_dataset_write(actor: Actor, dataset: EvaluationDataset) -> bool:
    """May the actor change an evaluation dataset, archive it or bring it back?"""
    return actor.can("job.run", dataset.team_id)


def view_write(actor: Actor, view: SavedView) -> bool:
    """May the actor change a saved view? One's own takes no right beyond seeing the runs; the team's does."""
    if view.owner_id is None:
        return actor.can("job.run", view.team_id)
    return actor.is_person and view.owner_id == actor.id and actor.can("view", view.team_id)


def require_view_write(actor: Actor, view: SavedView) -> None:
    require(
        view_write(actor, view),
        f"A view of the team takes the right “job.run” in it: {who_can('job.run')} has it. "
        "You may save a view of your own.",
    )
