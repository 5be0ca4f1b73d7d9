"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.links import link_register, pages_of_owner
from apps.core.registries import Command, command_register
from apps.experiments.contracts import RunAction, run_actions_register, run_panel_register
from apps.jobs.contracts import Expected, Fact, JobKind, job_kind_register
from apps.training import policies, selectors, services
from apps.training.models import Reproduction
from apps.training.web.reproductions import reproductions_panel

if TYPE_CHECKING:
    from apps.experiments.models import Run
    from apps.jobs.models import Job


def _finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    version = services.training_finish(job, result, outputs)
    if isinstance(version, Reproduction):
        label = f"Compared with {version.original.name}: {version.get_verdict_display()}."
        return {"label": label, "url": reverse("run-detail", args=[version.original_id])}
    url = reverse("version-detail", args=[version.pk])
    if version.run_id != job.run_id:
        return {"label": f"The same bytes are {version} already; no new version was made.", "url": url}
    if version.state == version.State.QUARANTINED:
        return {"label": f"{version} is stored but quarantined: {version.quarantine_reason}", "url": url}
    return {"label": f"{version} is registered and sealed.", "url": url}


def _subject_url(job: Job) -> str:
    return reverse("run-detail", args=[job.run_id]) if job.run_id else ""


def _facts(actor: Actor, job: Job) -> list[Fact]:
    launch = selectors.launch_of_job(actor, job.pk)
    if launch is None:
        return []
    code = launch.run.code
    environment = launch.run.environment
    return [
        Fact("Run", launch.run.name, reverse("run-detail", args=[launch.run_id])),
        Fact("Data", str(launch.dataset_version), reverse("dataset-version-detail", args=[launch.dataset_version_id])),
        Fact("Recipe", selectors.recipe_title(launch.recipe)),
        Fact("Code", str(code.get("commit", ""))[:8] or f"release {code.get('version', '')}", mono=True),
        Fact("Environment", str(environment.get("lock_digest", ""))[:8] or "not locked", mono=True),
        Fact("Seed", str(launch.seed), mono=True),
    ]


def _expected(actor: Actor, job: Job) -> Expected | None:
    found = selectors.forecast_of_job(actor, job.pk)
    if found is None:
        return None
    jobs = "As the one earlier job" if found.n == 1 else f"Median and range of {found.n} earlier jobs"
    where = "" if found.same_data else " on other data"
    return Expected(found.wait, found.run, f"{jobs} of this recipe{where}.")


def _run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    if run.source == "recipe" and policies.training_launch(actor, run.team_id):
        yield RunAction("Clone with changes", "copy", f"{reverse('training-launch')}?clone={run.pk}")


def _may_launch(actor: Actor) -> bool:
    teams = actor.team_ids("job.run")
    return teams is None or bool(teams)


def register() -> None:
    """The job kind with its callbacks, the clone entry of runs, the command and the links."""
    job_kind_register(
        JobKind(
            "train",
            "Training",
            on_finish=_finish,
            on_fail=services.training_fail,
            on_restart=services.training_restart,
            on_retry=services.training_retry,
            retry_note="A retry repeats the same training: recipe, parameters, seed, data and costs of errors as they "
            "were. To train by what holds now, clone the run.",
            subject_url=_subject_url,
            facts=_facts,
            expected=_expected,
        )
    )
    run_actions_register(_run_actions)
    run_panel_register("training/_reproductions.html", reproductions_panel)
    link_register("training.launch", pages_of_owner("run-detail", selectors.runs_of_launches))
    command_register(Command("Launch training", "training-launch", icon="player-play", visible=_may_launch))
