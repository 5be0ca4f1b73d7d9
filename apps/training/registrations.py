"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.code import services as code_services
from apps.code.contracts import bundle_panel_register, environment_use_register
from apps.core.actors import Actor
from apps.core.links import link_register, page_of, pages_of_owner
from apps.core.registries import Command, command_register
from apps.datasets.contracts import data_panel_register
from apps.experiments.contracts import RunAction, run_actions_register, run_panel_register
from apps.jobs.contracts import Fact, JobKind, Surroundings, job_kind_register
from apps.training import policies, selectors, services
from apps.training.models import Reproduction
from apps.training.ports import KERNEL_PORTS, ports_free
from apps.training.web.reproductions import reproductions_panel

if TYPE_CHECKING:
    from apps.code.models import Bundle
    from apps.datasets.models import DatasetVersion
    from apps.experiments.models import Run
    from apps.jobs.models import Job


def _finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    own = services.code_launch_of(job)
    if own is not None:
        told = services.code_finish(own)
        made, original = told.pop("version", []), told.pop("original", None)
        where = (
            reverse("version-detail", args=[made[-1].pk])
            if made
            else reverse("run-detail", args=[original or own.run_id])
        )
        return {**told, "url": where}
    version = services.training_finish(job, result, outputs)
    if version is None:
        return {"label": "The run has the model; no version was made.", "url": _subject_url(job)}
    if isinstance(version, Reproduction):
        label = f"Compared with {version.original.name}: {version.get_verdict_display()}."
        return {"label": label, "url": reverse("run-detail", args=[version.original_id])}
    url = reverse("version-detail", args=[version.pk])
    if version.run_id != job.run_id:
        return {"label": f"The same bytes are {version} already; no new version was made.", "url": url}
    if version.state == version.State.QUARANTINED:
        return {"label": f"{version} is stored but quarantined: {version.quarantine_reason}", "url": url}
    return {"label": f"{version} is registered and sealed.", "url": url}


def _fail(job: Job, cause: str) -> None:
    own = services.code_launch_of(job)
    if own is not None:
        services.code_fail(own, job)
    else:
        services.training_fail(job, cause)


def _restart(job: Job, reason: str) -> None:
    own = services.code_launch_of(job)
    if own is not None:
        services.code_restart(own)
    else:
        services.training_restart(job, reason)


def _retry(actor: Actor, old: Job, new: Job) -> None:
    own = services.code_launch_of(old)
    if own is not None:
        services.code_retry(actor, own, new)
    else:
        services.training_retry(actor, old, new)


def _surroundings(job: Job) -> Surroundings:
    """The environment of people's own code, unpacked on this machine."""
    pk = job.spec.get("environment")
    if not pk:
        return Surroundings()
    place = str(code_services.environment_place(uuid.UUID(str(pk))))
    env = {"FAIRWAY_ENVIRONMENT": place}
    if (job.spec.get("entry") or {}).get("how") != "notebook":
        return Surroundings(read=(place,), env=env)
    ports = ports_free(KERNEL_PORTS)
    return Surroundings(read=(place,), own_ports=ports, env={**env, "FAIRWAY_KERNEL_PORTS": ",".join(map(str, ports))})


def _subject_url(job: Job) -> str:
    return reverse("run-detail", args=[job.run_id]) if job.run_id else ""


def _facts(actor: Actor, job: Job) -> list[Fact]:
    launch = selectors.launch_of_job(actor, job.pk)
    if launch is None:
        return _code_facts(actor, job)
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


def _code_facts(actor: Actor, job: Job) -> list[Fact]:
    launch = selectors.code_launch_of_job(actor, job.pk)
    if launch is None:
        return []
    told = launch.run.environment
    where = reverse("environment-detail", args=[launch.environment_id]) if launch.environment_id else ""
    inputs = [Fact(f"Input {name}", str(one["label"])) for name, one in (job.spec.get("inputs") or {}).items()]
    return [
        Fact("Run", launch.run.name, reverse("run-detail", args=[launch.run_id])),
        Fact("Code", str(launch.bundle), reverse("code-detail", args=[launch.bundle_id])),
        Fact("Entry" if launch.entry else "Command", launch.entry or " ".join(launch.command), mono=True),
        *inputs,
        Fact("Environment", f"{told.get('name', '')} {str(told.get('digest', ''))[:8]}".strip(), where),
        Fact("Seed", str(launch.seed), mono=True),
    ]


def _run_actions(actor: Actor, run: Run) -> Iterable[RunAction]:
    if run.source == "recipe" and policies.training_launch(actor, run.team_id):
        yield RunAction("Clone with changes", "copy", f"{reverse('training-launch')}?clone={run.pk}")
    if run.source == "code" and policies.code_launch(actor, run.team_id):
        yield RunAction("Clone and edit", "copy", f"{reverse('code-launch')}?clone={run.pk}")


def _bundle_launches(actor: Actor, bundle: Bundle) -> dict[str, Any]:
    return {"launches": list(selectors.code_launch_list(actor, bundle.pk)[:20])}


def _data_code(actor: Actor, version: DatasetVersion) -> dict[str, Any] | None:
    sealed = version.state == version.State.SEALED and version.purged_at is None
    if not sealed or not policies.code_launch(actor, version.team_id):
        return None
    return {"url": f"{reverse('code-launch')}?dataset_version={version.pk}"}


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
            on_fail=_fail,
            on_restart=_restart,
            restartable=True,
            on_retry=_retry,
            surroundings=_surroundings,
            retry_note="A retry repeats the same training: code or recipe, parameters, seed, data and costs of errors "
            "as they were. To train by what holds now, clone the run.",
            subject_url=_subject_url,
            facts=_facts,
        )
    )
    job_kind_register(
        JobKind(
            "command",
            "Command",
            on_finish=_finish,
            on_fail=_fail,
            on_restart=_restart,
            restartable=True,
            on_retry=_retry,
            surroundings=_surroundings,
            retry_note="A retry runs the same command of the same code again.",
            subject_url=_subject_url,
            facts=_code_facts,
        )
    )
    bundle_panel_register("training/_bundle_launches.html", _bundle_launches)
    data_panel_register("training/_data_code.html", _data_code)
    environment_use_register(services.environment_uses)
    run_actions_register(_run_actions)
    run_panel_register("training/_reproductions.html", reproductions_panel)
    link_register("training.launch", pages_of_owner("run-detail", selectors.runs_of_launches))
    command_register(Command("Launch training", "training-launch", icon="player-play", visible=_may_launch))
    command_register(Command("Launch code", "code-launch", icon="player-play", visible=_may_launch))
    command_register(Command("Go to templates", "template-list", icon="repeat"))
    link_register("training.codelaunch", pages_of_owner("run-detail", selectors.runs_of_code_launches))
    link_register("training.launchtemplate", page_of("template-detail"), word="template")
