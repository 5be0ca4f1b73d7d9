"""What the storage room adds to the pages of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.experiments import policies
from apps.experiments import services as run_services
from apps.experiments.contracts import RunAction, run_actions_register, run_panel_register

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.experiments.models import Run


def run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    """The way to the page that is looked at before the files go."""
    if run.purged_at is None and policies.run_purge(actor, run):
        yield RunAction("Remove the files", "trash", reverse("purge-run", args=[run.pk]))


def run_tombstone(actor: Actor, run: Run) -> Mapping[str, Any] | None:
    """What was there, once the files are gone."""
    if run.purged_at is None:
        return None
    files = run_services.run_files(run.pk)
    return {"at": run.purged_at, "reason": run.purge_reason, "count": len(files), "bytes": sum(f.size for f in files)}


def register() -> None:
    """An entry of the menu, and the card of a purged run."""
    run_actions_register(run_actions)
    run_panel_register("home/_run_tombstone.html", run_tombstone)
