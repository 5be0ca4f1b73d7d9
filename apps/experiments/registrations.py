"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core import formats
from apps.core.actors import Actor
from apps.core.blobs import blob_holder_register
from apps.core.errors import NotFound
from apps.core.links import link_register, page_of
from apps.core.registries import (
    Command,
    Hit,
    NavEntry,
    Station,
    command_register,
    navigation_register,
    search_register,
    station_register,
)
from apps.experiments import selectors
from apps.experiments.topics import topics_register
from apps.experiments.web.views.runs import curves_context
from apps.jobs.contracts import OPEN_STATES, job_panel_register

if TYPE_CHECKING:
    from apps.jobs.models import Job


def station_runs(actor: Actor, problem_id: uuid.UUID) -> Station:
    """How many runs, the newest one, and whether one runs now."""
    newest, count, running = selectors.run_newest(actor, problem_id)
    if newest is None:
        return Station("runs", "Runs", wait="no run yet", say="No model has been trained for this question.")
    state = f"{running} running" if running else "finished" if newest.status == "FINISHED" else newest.status.lower()
    tone = "info" if running else "good" if newest.status == "FINISHED" else "warn"
    return Station(
        "runs",
        "Runs",
        state=state,
        tone=tone,
        object_label=formats.num(count),
        object_url=reverse("experiment-detail", args=[newest.experiment_id]),
        wait=f"newest {formats.ago(newest.created_at)}",
        ahead=False,
    )


def search_experiments(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Experiments and runs by name or id."""
    for experiment in selectors.experiment_search(actor, text, limit):
        detail = f"{experiment.get_state_display()}, {experiment.problem}" if experiment.problem else "no problem"
        yield Hit("experiment", experiment.name, detail, reverse("experiment-detail", args=[experiment.pk]), "flask")
    for run in selectors.run_search(actor, text, limit):
        detail = f"{run.get_status_display()}, {run.experiment.name}"
        yield Hit("run", run.name, detail, reverse("run-detail", args=[run.pk]), "activity")


def job_curves(actor: Actor, job: Job) -> dict[str, Any] | None:
    """The live curves of the run that a job writes; left out where there is nothing to draw."""
    if job.run_id is None:
        return None
    try:
        context = curves_context(selectors.run_get(actor, job.run_id))
    except NotFound:
        return None
    context["live"] = job.state in OPEN_STATES
    return context if context["charts"] or context["system_charts"] or context["live"] else None


def register() -> None:
    """Navigation, station, search, topic, the panel of live curves, links of audit and lineage."""
    topics_register()
    navigation_register(
        NavEntry("experiments", "Experiments", "flask", "experiment-list", 35, shortcut="e"),
    )
    station_register("runs", station_runs)
    search_register("experiments", search_experiments)
    command_register(Command("Go to experiments", "experiment-list", icon="flask"))
    command_register(Command("Go to evaluation datasets", "evaluation-dataset-list", icon="list-check"))
    command_register(Command("Open the ledger: what was tried and learnt", "ledger", icon="flask"))
    job_panel_register("*", "experiments/_curves.html", job_curves)
    link_register("experiments.experiment", page_of("experiment-detail"))
    link_register("experiments.run", page_of("run-detail"), word="run")
    link_register("experiments.evaluationdataset", page_of("evaluation-dataset-detail"), word="evaluation dataset")
    blob_holder_register("experiments", selectors.blob_needed)
