"""Beginning a sweep: everything is checked before the first trial is launched."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from analysis.halving import BRACKETS, FACTOR
from apps.audit.services import audit_record
from apps.code import selectors as code
from apps.compute.services import target_for_job
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.experiments import services as experiments
from apps.problems import selectors as problems
from apps.sweeps import policies, selectors
from apps.sweeps.contracts import (
    MAX_OBJECTIVES,
    MAX_PARALLEL,
    MAX_SECONDS,
    MAX_TRIALS,
    MAXIMISE,
    MINIMISE,
    Aim,
    finite,
)
from apps.sweeps.models import Sweep
from apps.sweeps.services.ending import DRIVE_TASK
from apps.training import policies as training_policies
from apps.training.services import SEED_LIMIT, code_choose, params_check
from workers.contracts.recipes import recipe_get
from workers.contracts.spaces import MAX_GRID, SpaceError, grid_size, space_check

if TYPE_CHECKING:
    from apps.code.models import Bundle
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import Problem

MAX_FAILURES = 100


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a trial launches, checked; `properties` are its parameters by their schemas."""

    team_id: uuid.UUID
    title: str
    properties: Mapping[str, Mapping[str, Any]]
    params: dict[str, Any]
    aims: list[Aim]
    curve: str
    problem: Problem | None = None
    version: DatasetVersion | None = None
    bundle: Bundle | None = None
    entry: str = ""


def sweep_create(
    *,
    actor: Actor,
    method: str,
    space: Mapping[str, Any],
    max_trials: int = 20,
    recipe: str = "",
    dataset_version_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    bundle_id: uuid.UUID | None = None,
    entry: str = "",
    environment: str = "lock",
    params: Mapping[str, Any] | None = None,
    objectives: Sequence[Mapping[str, Any]] | None = None,
    prune_after: int | None = None,
    prune_metric: str = "",
    seed: int = 0,
    name: str = "",
    parallel: int = 2,
    max_seconds: int | None = None,
    cost_limit_minor: int | None = None,
    max_failures: int = 3,
    target_id: uuid.UUID | None = None,
    cloned_from_id: uuid.UUID | None = None,
    begun_by: str = "",
    begun_url: str = "",
    idempotency_key: str = "",
) -> Sweep:
    """Begin a search over parameters of a recipe (with data and problem) or of an entry of a bundle.

    Its trials are ordinary jobs, launched in the name of whoever begins it with the rights held at that moment.
    Without `objectives` those of the problem are taken. `prune_after` ends trials early from that step on. The same
    `idempotency_key` again is the same sweep. Raises NotFound, Forbidden, Conflict, Invalid at the field.
    """
    subject = _subject(
        actor,
        recipe,
        dataset_version_id,
        problem_id,
        bundle_id,
        entry,
        environment,
        dict(params or {}),
        space,
        target_id,
    )
    require(
        policies.sweep_run(actor, subject.team_id),
        "Beginning a sweep takes the right to run jobs in the team: a data scientist or an operator has it. An "
        "administrator can grant it.",
    )
    if method not in Sweep.Method.values:
        raise Invalid.field("method", f"Choose one of: {', '.join(Sweep.Method.values)}.")
    checked = _space(subject.properties, space)
    if method == "GRID" and grid_size(checked) > MAX_GRID:
        raise Invalid.field("space", f"This grid has {grid_size(checked)} combinations; at most {MAX_GRID}.")
    limits = _limits(max_trials, parallel, max_seconds, max_failures, seed)
    aims = _aims(objectives, subject.aims)
    pruning = _pruning(prune_after, prune_metric, aims, subject)
    if len(name) > 120:
        raise Invalid.field("name", "At most 120 characters.")
    if len(idempotency_key) > 200:
        raise Invalid.field("idempotency_key", "At most 200 characters.")
    cloned = selectors.sweep_get(actor, cloned_from_id) if cloned_from_id is not None else None
    with transaction.atomic():
        if idempotency_key:
            same = _same(subject.team_id, idempotency_key)
            if same is not None:
                return same
        target = target_for_job(team_id=subject.team_id, target_id=target_id)
        _cost_check(cost_limit_minor, target.price_minor, target.name)
        experiment = experiments.experiment_get_or_create(
            actor=actor,
            team_id=subject.team_id,
            name=subject.problem.name if subject.problem else subject.bundle.name if subject.bundle else "",
            problem_id=subject.problem.pk if subject.problem else None,
        )
        title = name.strip() or f"Sweep of {subject.title}"[:120]
        run = experiments.run_create(
            actor=actor,
            experiment=experiment.pk,
            name=title,
            params={"method": method, **{f"space.{key}": _axis_text(axis) for key, axis in checked.items()}},
            tags={"fairway.kind": "sweep"},
            inputs=[(subject.version, "training")] if subject.version else [],
            seed=seed,
            source="sweep",
        )
        sweep: Sweep = Sweep.objects.create(
            team_id=subject.team_id,
            name=title,
            method=method,
            recipe=recipe,
            dataset_version=subject.version,
            problem=subject.problem,
            bundle=subject.bundle,
            entry=subject.entry,
            environment=environment,
            params=subject.params,
            space=checked,
            seed=seed,
            objectives=[one.to_json() for one in aims],
            pruning=pruning,
            target=target,
            cost_limit_minor=cost_limit_minor,
            price_minor=target.price_minor,
            currency=target.currency,
            experiment=experiment,
            run=run,
            cloned_from=cloned,
            begun_by=begun_by[:300],
            begun_url=begun_url,
            idempotency_key=idempotency_key or None,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
            **limits,
        )
        experiments.tags_set(actor=actor, run_id=run.pk, tags={"fairway.sweep": str(sweep.pk)})
        audit_record(
            actor=actor,
            action="sweep.create",
            thing=sweep,
            object_label=title,
            problem_id=sweep.problem_id,
            after={"method": method, "space": checked, "objectives": sweep.objectives, **limits},
        )
        task_send(DRIVE_TASK, sweep.pk)
    return sweep


def _subject(
    actor: Actor,
    recipe: str,
    dataset_version_id: uuid.UUID | None,
    problem_id: uuid.UUID | None,
    bundle_id: uuid.UUID | None,
    entry: str,
    environment: str,
    params: dict[str, Any],
    space: Any,
    target_id: uuid.UUID | None,
) -> _Subject:
    if bundle_id is not None:
        if recipe:
            raise Invalid.field("recipe", "Give a recipe or a bundle, not both.")
        return _code(actor, bundle_id, entry, environment, problem_id, params, space, target_id)
    if not recipe:
        raise Invalid.field("recipe", "Say what to search over: a recipe, or the entry of a bundle.")
    if dataset_version_id is None:
        raise Invalid.field("dataset_version_id", "Choose the data.")
    if problem_id is None:
        raise Invalid.field("problem_id", "Choose the problem.")
    version = datasets.dataset_version_get(actor, dataset_version_id)
    problem = problems.problem_get(actor, problem_id)
    if version.team_id != problem.team_id:
        raise NotFound("There is no such dataset version in the problem's team.")
    require(
        training_policies.training_launch(actor, problem.team_id),
        "A sweep over a recipe takes a data scientist's role in the team. An administrator can grant it.",
    )
    agreed = problems.version_current(problem)
    if agreed is None or problem.state in ("SUSPENDED", "CLOSED") or problem.archived_at:
        raise Conflict(
            f"The problem “{problem}” is {problem.get_state_display()}: training starts once a product owner has "
            "accepted it, and while it is not suspended.",
            code="problem_not_accepted",
        )
    facts = datasets.training_facts(version)
    if facts["target"] != agreed.target:
        raise Conflict(
            f"The data has no column “{agreed.target}” in the role of the target, which the problem asks for.",
            code="target_missing",
        )
    cleaned = params_check(recipe, params, agreed.task)
    found = recipe_get(recipe)
    return _Subject(
        team_id=problem.team_id,
        title=found.title.lower(),
        properties=found.schema["properties"],
        params=cleaned,
        aims=selectors.aims_default(agreed),
        curve=selectors.curve_metric(agreed.task),
        problem=problem,
        version=version,
    )


def _code(
    actor: Actor,
    bundle_id: uuid.UUID,
    entry: str,
    environment: str,
    problem_id: uuid.UUID | None,
    params: dict[str, Any],
    space: Any,
    target_id: uuid.UUID | None,
) -> _Subject:
    bundle = code.bundle_get(actor, bundle_id)
    found = code.entry_find(bundle, entry)
    # A parameter without a default that is searched over is given by each trial: any of its values serves the check.
    known = found.schema["properties"] if found is not None else {}
    probe = {key: value for key, value in _some(space).items() if "default" not in known.get(key, {"default": 0})}
    choice = code_choose(
        actor=actor,
        bundle_id=bundle_id,
        entry=entry,
        params={**probe, **params},
        problem_id=problem_id,
        environment=environment,
        target_id=target_id,
    )
    assert choice.entry is not None  # noqa: S101 - no command was given
    return _Subject(
        team_id=bundle.team_id,
        title=f"{bundle.name} {choice.entry.id}",
        properties=choice.entry.schema["properties"],
        params={key: value for key, value in choice.values.items() if key in params or key not in probe},
        aims=[],
        curve="",
        problem=choice.problem,
        bundle=bundle,
        entry=choice.entry.id,
    )


def _some(space: Any) -> dict[str, Any]:
    """One value of each axis, as far as it has any; what is wrong with the others is said later."""
    found = {}
    for name, axis in space.items() if isinstance(space, Mapping) else ():
        if isinstance(axis, Mapping):
            choices = axis.get("choices")
            found[name] = choices[0] if isinstance(choices, list) and choices else axis.get("low")
    return found


def _space(properties: Mapping[str, Mapping[str, Any]], space: Any) -> dict[str, dict[str, Any]]:
    try:
        return space_check(properties, space)
    except SpaceError as error:
        fields = {f"space.{name}" if name else "space": [text] for name, text in error.errors.items()}
        raise Invalid("Check the search space.", fields=fields) from error


def _whole(field: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid.field(field, f"A whole number from {low} to {high}.")
    return value


def _limits(trials: int, parallel: int, seconds: int | None, failures: int, seed: int) -> dict[str, Any]:
    _whole("seed", seed, 0, SEED_LIMIT - 1)
    return {
        "max_trials": _whole("max_trials", trials, 1, MAX_TRIALS),
        "parallel": _whole("parallel", parallel, 1, MAX_PARALLEL),
        "max_seconds": None if seconds is None else _whole("max_seconds", seconds, 1, MAX_SECONDS),
        "max_failures": _whole("max_failures", failures, 1, MAX_FAILURES),
    }


def _aims(given: Sequence[Mapping[str, Any]] | None, default: list[Aim]) -> list[Aim]:
    if not given:
        if not default:
            raise Invalid.field("objectives", "Name the metric that the code logs and which way is better.")
        return default
    if len(given) > MAX_OBJECTIVES:
        raise Invalid.field("objectives", f"At most {MAX_OBJECTIVES} objectives.")
    found: list[Aim] = []
    for one in given:
        metric = str(one.get("metric") or "").strip()
        if not 0 < len(metric) <= 250 or "\x00" in metric:
            raise Invalid.field("objectives", "Each objective names a metric of the run.")
        if one.get("direction") not in (MINIMISE, MAXIMISE):
            raise Invalid.field("objectives", f"Say of “{metric}” which way is better: {MINIMISE} or {MAXIMISE}.")
        if any(metric == other.metric for other in found):
            raise Invalid.field("objectives", f"“{metric}” is there twice.")
        limit = one.get("limit")
        if limit is not None and finite(limit) is None:
            raise Invalid.field("objectives", f"The limit of “{metric}” is no number.")
        name = str(one.get("name") or metric)[:120]
        found.append(Aim(name, metric, str(one["direction"]), finite(limit)))
    return found


def _pruning(after: int | None, metric: str, aims: list[Aim], subject: _Subject) -> dict[str, Any] | None:
    if after is None:
        if metric:
            raise Invalid.field("prune_after", "Say from which step on trials may be ended early.")
        return None
    _whole("prune_after", after, 1, 1_000_000)
    watched = metric.strip() or subject.curve or aims[0].metric
    if len(watched) > 250:
        raise Invalid.field("prune_metric", "At most 250 characters.")
    known = next((aim for aim in aims if aim.metric == watched), None)
    # What a recipe is watched by is its loss; of code it is the first objective, whatever it is called by step.
    lower = True if watched == subject.curve else (known or aims[0]).lower
    return {"metric": watched, "lower": lower, "first": after, "factor": FACTOR, "brackets": BRACKETS}


def _cost_check(limit: int | None, hourly: int | None, target: str) -> None:
    if limit is None:
        return
    _whole("cost_limit_minor", limit, 1, 2**53)
    if hourly is None:
        raise Invalid.field(
            "cost_limit_minor",
            f"The target “{target}” has no price, so its jobs cost nothing that could be counted. An administrator "
            "sets its price an hour.",
        )


def _axis_text(axis: Mapping[str, Any]) -> str:
    if axis["type"] == "categorical":
        return ", ".join(map(str, axis["choices"]))
    return f"{axis['low']:g} to {axis['high']:g}{', logarithmic' if axis.get('log') else ''}"


def _same(team_id: uuid.UUID, key: str) -> Sweep | None:
    """The sweep of that key; until the end of the transaction nobody else begins one with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 12))", [f"{team_id}:{key}"])
    found: Sweep | None = Sweep.objects.filter(team_id=team_id, idempotency_key=key).first()
    return found
