"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.links import link_register
from apps.core.registries import Command, NavEntry, command_register, navigation_register
from apps.experiments.contracts import RunAction, run_actions_register, run_panel_register
from apps.jobs.contracts import job_panel_register
from apps.schedules import policies, selectors
from apps.schedules.contracts import SCHEDULE_TAG

if TYPE_CHECKING:
    from apps.experiments.models import Run
    from apps.jobs.models import Job


def _may(actor: Actor) -> bool:
    teams = actor.team_ids("job.run")
    return teams is None or bool(teams)


def _job_panel(actor: Actor, job: Job) -> dict[str, Any] | None:
    # Launches of a schedule are marked; an evaluation has nowhere to be.
    if job.kind != "evaluate" and SCHEDULE_TAG not in (job.spec.get("tags") or {}):
        return None
    found = selectors.run_of_job(actor, job.pk)
    return None if found is None else {"begun": found}


def _run_panel(actor: Actor, run: Run) -> dict[str, Any] | None:
    found = selectors.run_of_run(actor, run.pk) if SCHEDULE_TAG in run.tags else None
    return None if found is None else {"begun": found}


def _run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    if run.source == "recipe" and policies.schedule_edit(actor, run.team_id):
        yield RunAction("Run it by schedule", "clock", f"{reverse('schedule-create')}?run={run.pk}")


def register() -> None:
    """Navigation, links, what pages of runs and jobs show of what began them."""
    navigation_register(NavEntry("schedules", "Schedules", "clock", "schedule-list", 52))
    command_register(Command("Create a schedule", "schedule-create", "clock", _may))
    command_register(Command("Go to schedules", "schedule-list", "clock"))
    job_panel_register("*", "schedules/_job_panel.html", _job_panel)
    run_panel_register("schedules/_run_panel.html", _run_panel)
    run_actions_register(_run_actions)
    link_register(
        "schedules.schedule",
        lambda ids: {pk: reverse("schedule-detail", args=[pk]) for pk in selectors.schedule_ids(ids)},
    )
