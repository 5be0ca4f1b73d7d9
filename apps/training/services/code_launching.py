"""Launching people's own code."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from apps.audit.services import audit_record
from apps.code import selectors as code
from apps.code import services as code_services
from apps.code.contracts import Entry
from apps.compute import services as compute_services
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.policies import require
from apps.datasets import services as dataset_services
from apps.experiments import services as experiments
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from apps.problems import selectors as problems
from apps.registry import services as registry
from apps.training import policies
from apps.training.models import CodeLaunch
from apps.training.services.code_inputs import CodeInputs, command_words, inputs_find, values_check
from workers.contracts.checkpoints import folder_of

if TYPE_CHECKING:
    from apps.code.models import Bundle, Environment
    from apps.experiments.models import Run
    from apps.problems.models import Problem

SEED_LIMIT = 2**32
ENVIRONMENTS = ("lock", "own")
SEEDS = ("seed", "random_state", "random_seed")


@dataclass(frozen=True, slots=True)
class CodeChoice:
    """What a launch is made of, checked: for the launch itself and for a template of it."""

    bundle: Bundle
    entry: Entry | None
    words: list[str]
    values: dict[str, Any]
    found: CodeInputs
    seed: int
    problem: Problem | None
    target_id: uuid.UUID | None
    checkpoint: str


def code_choose(
    *,
    actor: Actor,
    bundle_id: uuid.UUID,
    entry: str = "",
    command: str = "",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    problem_id: uuid.UUID | None = None,
    environment: str = "lock",
    target_id: uuid.UUID | None = None,
    checkpoint: str | None = None,
) -> CodeChoice:
    """Check what a launch says. Raises NotFound, Forbidden, Conflict (code not ready), Invalid at the field."""
    bundle = code.bundle_get(actor, bundle_id)
    require(
        policies.code_launch(actor, bundle.team_id),
        "Launching code takes the right to run jobs in the team: a data scientist or an operator has it. An "
        "administrator can grant it.",
    )
    if bundle.state != bundle.State.READY:
        raise Conflict(f"{bundle} is {bundle.get_state_display()}: it cannot be launched.", code="code_not_ready")
    if environment not in ENVIRONMENTS:
        raise Invalid.field("environment", "Choose “lock” for the bundle's lockfile or “own” for Fairway's own.")
    if isinstance(seed, bool) or not 0 <= seed < SEED_LIMIT:
        raise Invalid.field("seed", f"A whole number from 0 to {SEED_LIMIT - 1}.")
    words, chosen = [], None
    if command.strip():
        if entry:
            raise Invalid.field("command", "Give an entry or a command, not both.")
        if params:
            raise Invalid.field("params", "A command says its parameters itself.")
        words = command_words(command)
    else:
        chosen = code.entry_find(bundle, entry)
        if chosen is None:
            known = ", ".join(one.id for one in code.entries_of(bundle)) or "none; launch it as a command"
            raise Invalid.field("entry", f"{bundle} has no entry “{entry}”; known: {known}.")
    code_services.python_check(bundle.requires_python)
    if chosen is not None and chosen.how == "notebook":
        _notebook_check(bundle, chosen, environment)
    given = dict(params or {})
    for name in SEEDS:
        asked = chosen.schema["properties"].get(name) if chosen is not None else None
        if asked is not None and asked["type"] == "integer" and given.get(name) in (None, ""):
            given[name] = seed
    values = values_check(chosen, given)
    found = inputs_find(actor, bundle.team_id, chosen, values)
    seed = next((int(values[name]) for name in SEEDS if isinstance(values.get(name), int)), seed)
    problem = problems.problem_get(actor, problem_id) if problem_id is not None else None
    if problem is not None and problem.team_id != bundle.team_id:
        raise Invalid.field("problem_id", "The problem belongs to another team than the code.")
    if problem is not None and not policies.training_launch(actor, bundle.team_id):
        raise Invalid.field("problem_id", "Registering what it logs takes a data scientist's role in the team.")
    if target_id is not None:
        _target_check(bundle, target_id, environment)
    folder = _checkpoint(chosen, checkpoint)
    return CodeChoice(bundle, chosen, words, values, found, seed, problem, target_id, folder)


def _checkpoint(entry: Entry | None, asked: str | None) -> str:
    """The folder that is kept to go on from: as asked, else as the entry declares. Raises Invalid at `checkpoint`."""
    if asked is None:
        return entry.checkpoint if entry is not None else ""
    try:
        return folder_of(asked) if asked.strip() else ""
    except ValueError as error:
        raise Invalid.field("checkpoint", str(error)) from error


def _target_check(bundle: Bundle, target_id: uuid.UUID, environment: str) -> None:
    """Refuse a target that lacks what the code needs. Raises Invalid at `target_id`, Conflict for one that is away."""
    target = compute_services.target_for_job(team_id=bundle.team_id, target_id=target_id)
    if not target.builtin and environment == "lock" and bundle.lock_path:
        raise Invalid.field(
            "target_id",
            f"Environments of lockfiles are unpacked on this machine, not on {target.name}: choose “local”, or "
            "Fairway's own packages.",
        )


def _notebook_check(bundle: Bundle, entry: Entry, environment: str) -> None:
    """Refuse a notebook until it is clean. Raises Invalid at `environment` and `entry`, with each cell."""
    if environment == "own":
        raise Invalid.field("environment", "A notebook runs in the environment of its own lockfile: choose that.")
    problems = code.notebook_problems(bundle, entry)
    if problems:
        raise Invalid("The notebook cannot run as a job yet.", fields={"entry": problems})


def code_launch(
    *,
    actor: Actor,
    bundle_id: uuid.UUID,
    entry: str = "",
    command: str = "",
    params: dict[str, Any] | None = None,
    seed: int = 0,
    name: str = "",
    problem_id: uuid.UUID | None = None,
    environment: str = "lock",
    target_id: uuid.UUID | None = None,
    priority: str = "normal",
    restartable: bool = False,
    idempotency_key: str = "",
    register: bool = True,
    tags: dict[str, str] | None = None,
    checkpoint: str | None = None,
) -> CodeLaunch:
    """Begin a run and queue the job that runs an entry, or a command, of a bundle, on a target or on this machine.

    With a lockfile the job waits for that environment, which is built when there is none. With a problem the models
    that the code logs become versions of the problem's model, unless it is not to `register` them. Files that it writes
    to the folder `checkpoint` (None: as the entry declares; "": none) are kept, and the next attempt begins with them.
    The same `idempotency_key` again is the same launch. Raises NotFound, Forbidden, Invalid at the field, Conflict.
    """
    choice = code_choose(
        actor=actor,
        bundle_id=bundle_id,
        entry=entry,
        command=command,
        params=params,
        seed=seed,
        problem_id=problem_id,
        environment=environment,
        target_id=target_id,
        checkpoint=checkpoint,
    )
    bundle = choice.bundle
    if len(name) > 200:
        raise Invalid.field("name", "At most 200 characters.")
    if len(idempotency_key) > 200:
        raise Invalid.field("idempotency_key", "At most 200 characters.")
    with transaction.atomic():
        if idempotency_key:
            same = _same(bundle.team_id, idempotency_key)
            if same is not None:
                return same
        held = environment_for(actor, bundle) if environment == "lock" else None
        experiment = experiments.experiment_get_or_create(
            actor=actor,
            team_id=bundle.team_id,
            name=choice.problem.name if choice.problem else bundle.name,
            problem_id=choice.problem.pk if choice.problem else None,
        )
        model = None
        if choice.problem is not None and register:
            agreed = problems.version_current(choice.problem)
            model = registry.model_get_or_create(
                actor=actor,
                team_id=bundle.team_id,
                name=registry.model_name_fit(choice.problem.name),
                problem_id=choice.problem.pk,
                task=agreed.task if agreed else "",
            )
        for version in choice.found.datasets:
            dataset_services.version_cite(actor=actor, version_id=version.pk)
        title = choice.entry.id if choice.entry else " ".join(choice.words)
        launch = CodeLaunch(
            team_id=bundle.team_id,
            bundle=bundle,
            entry=choice.entry.id if choice.entry else "",
            command=choice.words,
            params=choice.values,
            seed=choice.seed,
            checkpoint=choice.checkpoint,
            environment=held,
            problem=choice.problem,
            experiment=experiment,
            model=model,
            idempotency_key=idempotency_key or None,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        run_name = name.strip() or f"{bundle.name}: {title}"[:200]
        launch.run = run_begin(actor, launch, choice.found, run_name, tags=tags)
        launch.job = jobs.job_queue(
            actor=actor,
            team_id=bundle.team_id,
            kind="train" if choice.entry else "command",
            title=f"run {title}"[:200],
            spec={**_spec(launch, choice), **({"tags": tags} if tags else {})},
            files=[{"sha256": bundle.sha256, "size": bundle.size, "name": bundle.filename}, *choice.found.files()],
            problem_id=choice.problem.pk if choice.problem else None,
            run_id=launch.run.pk,
            subject=launch.run,
            target_id=choice.target_id,
            priority=priority,
            restartable=restartable,
            signature=signature_of(bundle, title),
            **waits_for(held),
        )
        experiments.run_job_set(run_id=launch.run.pk, job_id=launch.job.pk)
        launch.save(force_insert=True)
        audit_record(
            actor=actor,
            action="code.launch",
            thing=launch,
            object_label=f"{title} of {bundle}"[:200],
            problem_id=launch.problem_id,
            after={"entry": title, "params": choice.values, "seed": choice.seed, "job": launch.job.number},
        )
    return launch


def signature_of(bundle: Bundle, title: str) -> str:
    """What launches of one entry (or command) of code of one name have in common; see `jobs.services.job_queue`."""
    return f"code:{bundle.name}:{title}"[:200]


def _same(team_id: uuid.UUID, key: str) -> CodeLaunch | None:
    """The launch of that key; until the end of the transaction nobody else begins one with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 11))", [f"{team_id}:{key}"])
    rows = CodeLaunch.objects.select_related("bundle", "run", "job", "environment")
    found: CodeLaunch | None = rows.filter(team_id=team_id, idempotency_key=key).first()
    return found


def environment_for(actor: Actor, bundle: Bundle) -> Environment | None:
    """The environment of the bundle's lockfile, built if need be; None for a bundle without one."""
    if not bundle.lock_path:
        return None
    return code_services.environment_require(
        actor=actor, team_id=bundle.team_id, lock=bundle.lock_text, path=bundle.lock_path, name=bundle.name
    )


def waits_for(environment: Environment | None) -> dict[str, Any]:
    """What a job waits for, and in which words."""
    job = code_services.environment_job(environment) if environment is not None else None
    if job is None:
        return {}
    return {"waits_for": job, "waits_text": f"Waits for its environment, which job {job.number} builds."}


def _spec(launch: CodeLaunch, choice: CodeChoice) -> dict[str, Any]:
    bundle, entry = launch.bundle, choice.entry
    return {
        "code": {
            "sha256": bundle.sha256,
            "size": bundle.size,
            "filename": bundle.filename,
            "kind": bundle.kind,
            "root": bundle.root,
        },
        "entry": entry.to_json() if entry else None,
        "command": choice.words,
        "values": choice.found.values,
        "inputs": choice.found.inputs,
        "seed": choice.seed,
        "checkpoint": choice.checkpoint,
        "environment": str(launch.environment_id) if launch.environment_id else None,
    }


def run_begin(
    actor: Actor,
    launch: CodeLaunch,
    found: CodeInputs,
    name: str,
    job_id: uuid.UUID | None = None,
    tags: dict[str, str] | None = None,
) -> Run:
    """A run that notes all that is needed to do it again: code, environment, data, params, seed."""
    bundle, environment = launch.bundle, launch.environment
    told = code.environment_told(environment)
    inputs = {version.pk: version for version in found.datasets}
    run = experiments.run_create(
        actor=actor,
        experiment=launch.experiment_id,
        name=name[:200],
        # Not its inputs: those are the run's inputs, and the code may log the paths that it got under their names.
        params={key: str(value)[:6000] for key, value in found.values.items()},
        tags=tags,
        job_id=job_id,
        inputs=[(version, "training") for version in inputs.values()],
        code={
            "bundle": str(bundle.pk),
            "name": bundle.name,
            "sha256": bundle.sha256,
            "entry": launch.entry or " ".join(launch.command)[:1000],
            "repository": bundle.repository,
            "commit": bundle.commit,
        },
        environment=told,
        seed=launch.seed,
        source="code",
    )
    edge_add(subject=run, relation="USED", thing=bundle, team_id=run.team_id)
    for version in {one.pk: one for one in found.models}.values():
        edge_add(subject=run, relation="USED", thing=version, team_id=run.team_id)
    return run
