"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.urls import reverse

from apps.core.actors import Actor
from apps.core.blobs import blob_holder_register
from apps.core.links import link_register, page_of
from apps.core.registries import Command, Hit, NavEntry, command_register, navigation_register, search_register
from apps.experiments.contracts import RunAction, RunOutcome, run_actions_register, run_outcomes_register
from apps.problems.contracts import first_model_register
from apps.registry import policies, selectors
from apps.registry.contracts import live_version_ids
from apps.registry.models import ModelVersion

if TYPE_CHECKING:
    from apps.experiments.models import Run


def outcomes(actor: Actor, runs: Sequence[Run]) -> Mapping[uuid.UUID, RunOutcome]:
    """The version that each run became."""
    versions = selectors.versions_of_runs(actor, [run.pk for run in runs])
    live = live_version_ids({version.model_id for version in versions})
    found: dict[uuid.UUID, RunOutcome] = {}
    for version in versions:
        if version.run_id is None:
            continue
        is_live = live.get(version.model_id) == version.pk
        flag = f"v{version.number} live" if is_live else f"v{version.number}"
        url = reverse("version-detail", args=[version.pk])
        found[version.run_id] = RunOutcome(str(version), url, flag, is_live)
    return found


def run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    """The entry of a run's menu, for runs of a client: a recipe's model is registered when its job ends."""
    if run.source != "recipe" and run.purged_at is None and policies.model_register(actor, run.team_id):
        yield RunAction("Register as a model", "box", reverse("run-register", args=[run.pk]), follows=True)


def search_models(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Models by name, versions by id or by name and number."""
    for model in selectors.model_search(actor, text, limit):
        count: int = model.version_count  # type: ignore[attr-defined]
        detail = f"{count} version{'' if count == 1 else 's'}"
        yield Hit("model", model.name, detail, reverse("model-detail", args=[model.pk]), "package")
    for version in selectors.version_search(actor, text, limit):
        url = reverse("version-detail", args=[version.pk])
        yield Hit("model version", str(version), version.get_state_display(), url, "tag")


def first_model(problem_id: Any) -> QuerySet[Any]:
    """The moment at which the first version of a problem's models was registered; `problem_id` may be a reference."""
    rows = ModelVersion.objects.filter(model__problem_id=problem_id)
    return rows.order_by("created_at").values("created_at")[:1]


def register() -> None:
    """Navigation, search, command, outcomes of runs, links of audit and lineage, held files."""
    navigation_register(NavEntry("models", "Models", "box", "model-list", 45, shortcut="m"))
    search_register("models", search_models)
    command_register(Command("Go to models", "model-list", icon="box"))
    run_outcomes_register(outcomes)
    first_model_register(first_model)
    run_actions_register(run_actions)
    link_register("registry.model", page_of("model-detail"), word="model")
    link_register("registry.modelversion", page_of("version-detail"), word="model version")
    blob_holder_register("registry", selectors.blob_needed)
