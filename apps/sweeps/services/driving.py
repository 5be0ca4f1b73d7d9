"""What a sweep does next, derived from its row and those of its trials alone.

A beat task comes here every few seconds; so does whoever begins a sweep. Several drivers of one sweep harm nothing:
each step holds a lock, and the next trials are added only if there are as many as when they were asked for. What a
crash leaves is a row that says where to go on.
"""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analysis.halving import Halving, halt_find
from apps.accounts import selectors as accounts
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.topics import nudge
from apps.experiments import selectors as experiments
from apps.jobs import services as jobs
from apps.jobs.contracts import FINAL_STATES
from apps.sweeps import policies, selectors
from apps.sweeps.contracts import Aim, aims_of, finite, price, within
from apps.sweeps.models import Sweep, Trial
from apps.sweeps.selectors import OPEN
from apps.sweeps.services.ending import sweep_close, trial_end
from apps.training import services as training
from workers.contracts.spaces import grid_points, grid_size

logger = logging.getLogger(__name__)

SUGGEST_SECONDS = 120
SUGGEST_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
# So many attempts of a run's curve are looked at when a trial may end early.
CURVE_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class _Wish:
    """How many trials to add to how many there are."""

    held: int
    count: int
    question: dict[str, Any] | None
    points: list[dict[str, Any]]


def sweeps_running() -> list[uuid.UUID]:
    """The sweeps that a beat task drives, oldest first."""
    return list(Sweep.objects.filter(state=Sweep.State.RUNNING).order_by("id").values_list("pk", flat=True))


def sweep_drive(sweep_id: uuid.UUID) -> None:
    """Take the sweep as far as it goes now: end trials whose jobs have ended, stop at limits, launch the next ones.

    May be called at any time, by several at once; one that has ended is left as it is.
    """
    wish = _look(sweep_id)
    if wish is not None:
        try:
            points = wish.points or _suggest(wish)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            # Asked again at the next round; the sampler needs no state of its own.
            logger.warning("The next trials of sweep %s could not be found: %s", sweep_id, error)
            return
        _add(sweep_id, wish.held, points)
    waiting = Trial.objects.filter(sweep_id=sweep_id, state=Trial.State.WAITING).order_by("number")
    for trial_id in list(waiting.values_list("pk", flat=True)):
        _launch(trial_id)


def _locked(sweep_id: uuid.UUID) -> Sweep | None:
    """The running sweep, locked; None where it has ended or another driver is at it."""
    rows = Sweep.objects.select_for_update(of=("self",), skip_locked=True, no_key=True)
    found: Sweep | None = rows.filter(pk=sweep_id, state=Sweep.State.RUNNING).first()
    return found


def _look(sweep_id: uuid.UUID) -> _Wish | None:
    with transaction.atomic():
        sweep = _locked(sweep_id)
        if sweep is None:
            return None
        trials = list(selectors.trial_list(sweep).order_by("number"))
        before = [trial.state for trial in trials]
        aims = aims_of(sweep)
        for trial in trials:
            if trial.state == Trial.State.RUNNING and trial.job is not None and trial.job.state in FINAL_STATES:
                _settle(sweep, trial, aims)
        if not sweep.ending:
            _stop_find(sweep, trials)
        if not sweep.ending:
            _prune(sweep, trials)
        if before != [trial.state for trial in trials]:
            nudge(f"sweep.{sweep.pk}")
        if sweep.ending:
            _wind_down(sweep, trials)
            return None
        return _wish(sweep, trials, aims)


def _settle(sweep: Sweep, trial: Trial, aims: list[Aim]) -> None:
    """Its job has ended: read what the run measured."""
    job, run = trial.job, trial.run
    assert job is not None  # noqa: S101 - a running trial has both
    assert run is not None  # noqa: S101
    spent = (job.ended_at - job.started_at).total_seconds() if job.started_at and job.ended_at else 0.0
    trial.seconds, trial.cost_minor = max(0.0, spent), price(spent, sweep.price_minor)
    if trial.halt is not None and job.state == "CANCELLED":
        step, value, place, of = trial.halt
        told = f"{formats.num(value)} at step {step} was place {place} of {of}: only the best go on."
        trial_end(trial, Trial.State.PRUNED, told)
        return
    if job.state == "CANCELLED":
        trial_end(trial, Trial.State.CANCELLED, job.cause)
        return
    if job.state != "SUCCEEDED":
        trial_end(trial, Trial.State.FAILED, job.cause or f"Its job is {job.get_state_display()}.")
        return
    found = {aim.metric: finite((run.metrics_latest.get(aim.metric) or [None])[0]) for aim in aims}
    missing = [metric for metric, value in found.items() if value is None]
    if missing:
        names = ", ".join(f"“{one}”" for one in missing)
        trial_end(trial, Trial.State.FAILED, f"Its run has no finite value of {names}, which the sweep looks at.")
        return
    trial.values = [found[aim.metric] for aim in aims]
    trial.within = within(aims, trial.values)
    trial_end(trial, Trial.State.DONE)


def _stop_find(sweep: Sweep, trials: list[Trial]) -> None:
    """Say why it takes no further trial, if there is a reason."""
    now = timezone.now()
    ended = sorted((one for one in trials if one.ended_at is not None), key=lambda one: (one.ended_at, one.number))
    row = list(itertools.takewhile(lambda one: one.state == Trial.State.FAILED, reversed(ended)))
    spent = sum(selectors.trial_seconds(one, now) for one in trials)
    cost = price(spent, sweep.price_minor)
    if sweep.cancel_requested_at is not None:
        _end_for(sweep, Sweep.State.CANCELLED, sweep.cancel_reason or "Cancelled.")
    elif len(row) >= sweep.max_failures:
        many = "One trial" if len(row) == 1 else f"{len(row)} trials in a row"
        _end_for(sweep, Sweep.State.FAILED, f"{many} failed, the last one because: {row[0].cause}")
    elif sweep.max_seconds is not None and (now - sweep.created_at).total_seconds() >= sweep.max_seconds:
        told = f"It has run for {formats.duration(sweep.max_seconds)}, as long as it may."
        _end_for(sweep, Sweep.State.STOPPED, told)
    elif sweep.cost_limit_minor is not None and cost is not None and cost >= sweep.cost_limit_minor:
        limit = formats.money(sweep.cost_limit_minor, sweep.currency)
        told = f"Its trials cost {formats.money(round(cost), sweep.currency)}; the limit is {limit}."
        _end_for(sweep, Sweep.State.STOPPED, told)
    elif not any(one.state in OPEN for one in trials):
        most = min(sweep.max_trials, grid_size(sweep.space)) if sweep.method == "GRID" else sweep.max_trials
        if len(trials) >= most:
            whole = sweep.method == "GRID" and most < sweep.max_trials
            told = f"All {most} combinations were tried." if whole else f"All {most} trials were made."
            _end_for(sweep, Sweep.State.FINISHED, told)


def _end_for(sweep: Sweep, state: str, cause: str) -> None:
    sweep.ending, sweep.cause = state, cause
    sweep.save(update_fields=["ending", "cause"])


def _prune(sweep: Sweep, trials: list[Trial]) -> None:
    """Ask the jobs of trials to end that are not among the best at their rung."""
    rule = sweep.pruning
    running = [one for one in trials if one.state == Trial.State.RUNNING and one.halt is None and one.run_id]
    if rule is None or not running:
        return
    seen = {one.run_id: one.number for one in trials if one.run_id and one.state not in ("FAILED", "CANCELLED")}
    lines = experiments.metric_curves_of([*seen], rule["metric"], points=CURVE_POINTS)
    curves = {
        seen[run_id]: sorted((point.step, point.value) for point in line)
        for run_id, line in lines.items()
        if run_id in seen
    }
    halving = Halving(rule["first"], rule["factor"], rule["brackets"])
    for trial in running:
        halt = halt_find(halving, trial.number, curves, lower=bool(rule["lower"]))
        if halt is None:
            continue
        trial.halt = [halt.step, halt.value, halt.place, halt.of]
        trial.save(update_fields=["halt"])
        _job_cancel(trial, f"ended early at step {halt.step}, place {halt.place} of {halt.of}")


def _job_cancel(trial: Trial, reason: str) -> None:
    if trial.job_id is None:
        return
    try:
        with transaction.atomic():
            jobs.job_cancel(actor=Actor.system("the sweep"), job_id=trial.job_id, reason=reason)
    except FairwayError:
        # It has ended meanwhile; the next round reads how.
        return


def _wind_down(sweep: Sweep, trials: list[Trial]) -> None:
    """End what is open; once nothing is, the sweep has ended."""
    for trial in trials:
        if trial.state == Trial.State.WAITING:
            trial_end(trial, Trial.State.CANCELLED, sweep.cause)
        elif trial.state == Trial.State.RUNNING and trial.job is not None and trial.job.cancel_requested_at is None:
            _job_cancel(trial, sweep.cause)
    if not any(one.state in OPEN for one in trials):
        sweep_close(sweep, selectors.standing(sweep, trials))


def _wish(sweep: Sweep, trials: list[Trial], aims: list[Aim]) -> _Wish | None:
    """Which trials to add: of a grid its next points, at first the defaults, then what the sampler says."""
    held = len(trials)
    count = min(sweep.parallel - sum(one.state in OPEN for one in trials), sweep.max_trials - held)
    if sweep.method == "GRID":
        count = min(count, grid_size(sweep.space) - held)
    if count <= 0:
        return None
    if sweep.method == "GRID":
        return _Wish(held, count, None, list(itertools.islice(grid_points(sweep.space), held, held + count)))
    if held == 0 and all(name in sweep.params for name in sweep.space):
        return _Wish(held, 1, None, [{name: sweep.params[name] for name in sweep.space}])
    limited = any(aim.limit is not None for aim in aims)
    told = []
    for one in trials:
        state = "DONE" if one.state == Trial.State.DONE else "OPEN" if one.state in OPEN else "FAILED"
        row: dict[str, Any] = {"params": one.params, "state": state}
        if state == "DONE":
            row["values"] = one.values
            if limited:
                row["over"] = [aim.over(value) for aim, value in zip(aims, one.values, strict=True)]
        told.append(row)
    question = {
        "method": sweep.method,
        "seed": sweep.seed,
        "space": sweep.space,
        "directions": [aim.direction for aim in aims],
        "trials": told,
        "count": count,
    }
    return _Wish(held, count, question, [])


def _suggest(wish: _Wish) -> list[dict[str, Any]]:
    """Ask the sampler, in a process of its own: it is no business of this one's memory, and holds no lock."""
    done = subprocess.run(
        [sys.executable, "-m", "workers.sweeping"],
        input=json.dumps(wish.question),
        capture_output=True,
        text=True,
        cwd=settings.ROOT_DIR,
        # It gets no secret of the server's: a library in it has no business with any.
        env=SUGGEST_ENVIRONMENT,
        timeout=SUGGEST_SECONDS,
        check=True,
    )
    found = json.loads(done.stdout)
    if not isinstance(found, list) or len(found) != wish.count:
        raise ValueError("the sampler answered something else")
    return found


def _add(sweep_id: uuid.UUID, held: int, points: list[dict[str, Any]]) -> None:
    """Add the next trials, unless another driver has or the sweep goes on no more."""
    with transaction.atomic():
        sweep = _locked(sweep_id)
        if sweep is None or sweep.trial_count != held or sweep.ending or sweep.cancel_requested_at is not None:
            return
        Trial.objects.bulk_create(
            Trial(sweep=sweep, number=held + place, params=point) for place, point in enumerate(points, 1)
        )
        sweep.trial_count = held + len(points)
        sweep.save(update_fields=["trial_count"])
        nudge(f"sweep.{sweep_id}")


def _launch(trial_id: uuid.UUID) -> None:
    """Launch a waiting trial in the name of whoever began the sweep, with the rights held now; once."""
    with transaction.atomic():
        rows = Trial.objects.select_for_update(of=("self",), skip_locked=True).select_related("sweep")
        trial: Trial | None = rows.filter(pk=trial_id, state=Trial.State.WAITING).first()
        if trial is None or trial.sweep.state != Sweep.State.RUNNING or trial.sweep.ending:
            return
        sweep = trial.sweep
        person = accounts.person_with_roles(sweep.created_by_id) if sweep.created_by_id else None
        actor = accounts.actor_of_user(person, just_read=True) if person is not None else Actor.anonymous()
        if not policies.sweep_run(actor, sweep.team_id):
            # Not by the row at hand: a driver may hold the sweep, and looks at this first.
            told = f"{sweep.created_by_label}, who began it, may not launch in the team any more."
            changed = Sweep.objects.filter(pk=sweep.pk, state=Sweep.State.RUNNING, ending="")
            changed.update(ending=Sweep.State.FAILED, cause=told)
            return
        try:
            with transaction.atomic():
                launch = _begin(actor, sweep, trial)
        except FairwayError as refusal:
            fields = " ".join(f"{name}: {' '.join(texts)}" for name, texts in refusal.fields.items())
            trial_end(trial, Trial.State.FAILED, f"It could not be launched. {refusal.detail} {fields}".strip())
            return
        trial.state, trial.run_id, trial.job_id = Trial.State.RUNNING, launch.run_id, launch.job_id
        trial.save(update_fields=["state", "run_id", "job_id"])
        nudge(f"sweep.{sweep.pk}")


def _begin(actor: Actor, sweep: Sweep, trial: Trial) -> Any:
    values = {**sweep.params, **trial.params}
    tags = {
        "mlflow.parentRunId": sweep.run_id.hex,
        "fairway.sweep": str(sweep.pk),
        "fairway.trial": str(trial.number),
    }
    name = f"{sweep.name[:180]} {trial.number}"
    if sweep.bundle_id is not None:
        return training.code_launch(
            actor=actor,
            bundle_id=sweep.bundle_id,
            entry=sweep.entry,
            params=values,
            seed=sweep.seed,
            name=name,
            problem_id=sweep.problem_id,
            environment=sweep.environment,
            target_id=sweep.target_id,
            register=False,
            tags=tags,
        )
    return training.training_launch(
        actor=actor,
        dataset_version_id=_known(sweep.dataset_version_id),
        problem_id=_known(sweep.problem_id),
        recipe=sweep.recipe,
        params=values,
        seed=sweep.seed,
        name=name,
        target_id=sweep.target_id,
        register=False,
        tags=tags,
    )


def _known(pk: uuid.UUID | None) -> uuid.UUID:
    """What a sweep over a recipe always has."""
    assert pk is not None  # noqa: S101 - for the type checker
    return pk
