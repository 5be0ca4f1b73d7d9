"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.blobs import blob_holder_register
from apps.core.links import link_register, page_of
from apps.core.registries import Hit, search_register
from apps.experiments.contracts import RunAction, experiment_actions_register, run_actions_register
from apps.traces import blob_sources, selectors

if TYPE_CHECKING:
    from apps.experiments.models import Experiment, Run


TRACE_ID = re.compile(r"(?:tr-)?[0-9a-f]{32}", re.ASCII | re.IGNORECASE)


def experiment_entries(actor: Actor, experiment: Experiment) -> Iterable[RunAction]:
    """The way to an experiment's traces, once there are any."""
    if selectors.has_traces(experiment_id=experiment.pk):
        yield RunAction("Traces", "timeline", reverse("experiment-traces", args=[experiment.pk]))


def run_entries(actor: Actor, run: Run) -> Iterable[RunAction]:
    """The way to a run's traces, once there are any."""
    if selectors.has_traces(run_id=run.pk):
        yield RunAction("Traces", "timeline", reverse("run-traces", args=[run.pk]))


def search_traces(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Traces by their id, as clients write it; other words ask nothing of the database."""
    if not TRACE_ID.fullmatch(text.strip()):
        return
    for trace in selectors.trace_search(actor, text.strip().lower(), limit):
        detail = f"{trace.get_state_display()}, {trace.experiment.name}"
        yield Hit("trace", trace.name or trace.key, detail, reverse("trace-detail", args=[trace.pk]), "timeline")


def register() -> None:
    """Stored bytes, entries of menus, search, links of audit entries."""
    blob_sources.register()
    blob_holder_register("traces", selectors.trace_blob_needed)
    experiment_actions_register(experiment_entries)
    run_actions_register(run_entries)
    search_register("traces", search_traces)
    link_register("traces.trace", page_of("trace-detail"), word="trace")
