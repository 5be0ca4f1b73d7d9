"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.code import selectors as code
from apps.code.contracts import bundle_panel_register
from apps.core.actors import Actor
from apps.core.links import link_register
from apps.core.registries import Command, command_register
from apps.experiments.contracts import RunAction, run_actions_register
from apps.jobs.contracts import job_panel_register
from apps.sweeps import policies, selectors
from apps.sweeps.topics import topics_register
from workers.contracts.spaces import searchable

if TYPE_CHECKING:
    from apps.code.models import Bundle
    from apps.experiments.models import Run
    from apps.jobs.models import Job


def _may(actor: Actor) -> bool:
    teams = actor.team_ids("job.run")
    return teams is None or bool(teams)


def _run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    tags = run.tags if isinstance(run.tags, dict) else {}
    if "fairway.sweep" in tags:
        sweep = selectors.sweep_of_run(actor, run.pk)
        if sweep is not None:
            yield RunAction("Open its sweep", "route", reverse("sweep-detail", args=[sweep.pk]))
    elif run.source == "recipe" and policies.sweep_run(actor, run.team_id):
        yield RunAction("Search its parameters", "route", f"{reverse('sweep-launch')}?run={run.pk}")


def _job_panel(actor: Actor, job: Job) -> dict[str, Any] | None:
    if "fairway.sweep" not in (job.spec.get("tags") or {}):
        return None
    trial = selectors.trial_of_job(actor, job.pk)
    return None if trial is None else {"trial": trial}


def _bundle_panel(actor: Actor, bundle: Bundle) -> dict[str, Any] | None:
    entries = [one for one in code.entries_of(bundle) if any(map(searchable, one.schema["properties"].values()))]
    ready = bundle.state == bundle.State.READY and policies.sweep_run(actor, bundle.team_id)
    return {"entries": entries} if entries and ready else None


def register() -> None:
    """Links, commands, what pages of runs and jobs show of it, the live topic."""
    topics_register()
    command_register(Command("Search parameters", "sweep-launch", "route", _may))
    command_register(Command("Go to sweeps", "sweep-list", "route"))
    run_actions_register(_run_actions)
    job_panel_register("train", "sweeps/_job_panel.html", _job_panel)
    bundle_panel_register("sweeps/_bundle.html", _bundle_panel)
    link_register(
        "sweeps.sweep", lambda ids: {pk: reverse("sweep-detail", args=[pk]) for pk in selectors.sweep_ids(ids)}
    )
