"""Reading sweeps: always limited to what the actor may see."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from analysis.contracts.metrics import metric_get
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.problems import selectors as problems
from apps.sweeps.contracts import MAXIMISE, MINIMISE, Aim, Standing, aims_of, beats, price
from apps.sweeps.models import Sweep, Trial

if TYPE_CHECKING:
    from apps.problems.models import ProblemVersion

OPEN = (Trial.State.WAITING, Trial.State.RUNNING)
# What a recipe measures on the validation rows, by the metric of the objective sheet that says the same.
_LOSSES = {"BINARY": "log_loss", "MULTICLASS": "log_loss", "REGRESSION": "rmse", "RANKING": "ndcg_loss"}
_MEASURED = {
    "BINARY": ("log_loss", "roc_auc", "pr_auc", "brier", "accuracy", "fpr", "fnr", "selection_rate", "cost_per_100"),
    "MULTICLASS": ("log_loss", "accuracy", "macro_f1"),
    "REGRESSION": ("rmse", "mae", "r2"),
    "RANKING": ("ndcg:10", "mrr"),
}
_OTHER_NAMES = {"macro_f1": "f1_macro", "ndcg:10": "ndcg_10"}
_USUAL = {**_LOSSES, "RANKING": "ndcg:10"}
"""What a sweep looks at where the sheet says nothing: the loss, or of an order what its loss lacks to 1."""


def sweep_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[Sweep]:
    """Sweeps with how many trials have ended; the caller sorts."""
    rows: QuerySet[Sweep] = Sweep.objects.visible_to(actor).filter(archived_at__isnull=True)
    rows = rows.select_related("problem", "bundle", "run").annotate(
        ended=Count("trials", filter=~Q(trials__state__in=OPEN))
    )
    return rows if team_id is None else rows.filter(team_id=team_id)


def sweep_get(actor: Actor, pk: uuid.UUID) -> Sweep:
    """Raises NotFound."""
    rows = Sweep.objects.visible_to(actor).select_related(
        "problem", "bundle", "run", "experiment", "dataset_version__dataset", "target", "team", "cloned_from"
    )
    found: Sweep | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such sweep, or you may not see it.")
    return found


def sweep_of_run(actor: Actor, run_id: uuid.UUID) -> Sweep | None:
    """The sweep that a run belongs to: as its parent, or as one of its trials."""
    rows = Sweep.objects.visible_to(actor).filter(Q(run_id=run_id) | Q(trials__run_id=run_id))
    found: Sweep | None = rows.first()
    return found


def trial_of_job(actor: Actor, job_id: uuid.UUID) -> Trial | None:
    """The trial that a job runs."""
    found: Trial | None = Trial.objects.visible_to(actor).select_related("sweep").filter(job_id=job_id).first()
    return found


def trial_list(sweep: Sweep) -> QuerySet[Trial]:
    """The trials of a sweep that the caller may see, with their runs and jobs."""
    rows: QuerySet[Trial] = Trial.objects.filter(sweep=sweep)
    return rows.select_related("run", "job")


def sweep_ids(pks: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """For links alone: the page behind them asks for the right to see."""
    return list(Sweep.objects.filter(pk__in=pks).values_list("pk", flat=True))


def trial_seconds(trial: Trial, now: datetime) -> float:
    """How long its job has run, until now or its end."""
    if trial.seconds is not None:
        return trial.seconds
    started = trial.job.started_at if trial.job is not None else None
    return max(0.0, (now - started).total_seconds()) if started else 0.0


def standing(sweep: Sweep, trials: Sequence[Trial], now: datetime | None = None) -> Standing:
    """Where a sweep stands by its trials, in the order of their numbers.

    The best keeps to the limits if any does, and is the best of those by the first objective.
    """
    now = now or timezone.now()
    aims = aims_of(sweep)
    done = [one for one in trials if one.state == Trial.State.DONE and one.values]
    kept = [one for one in done if one.within]
    pool = kept or done
    first = aims[0]
    best = min(pool, key=lambda one: (first.rank(one.values[0]), one.number), default=None)
    front = [one for one in pool if not any(beats(aims, other.values, one.values) for other in pool)]
    seconds = sum(trial_seconds(one, now) for one in trials)
    history: list[tuple[int, float, float]] = []
    for one in done:
        value = one.values[0]
        last = history[-1][2] if history else value
        history.append((one.number, value, value if first.better(value, last) else last))
    return Standing(
        aims=aims,
        best=best,
        baseline=done[0] if done else None,
        front=front if len(aims) > 1 else [],
        counts=Counter(one.state for one in trials),
        cost_minor=price(seconds, sweep.price_minor),
        seconds=seconds,
        kept=bool(kept),
        history=history,
    )


def aims_measured(task: str) -> list[Aim]:
    """What a recipe can be judged by, on the validation rows; those without a better direction are left out."""
    found = []
    for name in _MEASURED.get(task, ()):
        metric = metric_get(name)
        if metric.higher_is_better is None:
            continue
        direction = MAXIMISE if metric.higher_is_better else MINIMISE
        found.append(Aim(metric.label, _run_metric(name, task), direction))
    return found


def aims_of_sheet(version: ProblemVersion) -> list[Aim]:
    """The objectives of a problem that a recipe measures while it trains, with their limits.

    Those by segment take an evaluation; a limit against the live model is no number yet. Both are left to the gates.
    """
    found = []
    for one in problems.objective_list(version):
        if one.scope != "OVERALL" or one.metric not in _MEASURED.get(version.task, ()):
            continue
        limit = one.limit if one.comparison == "ABSOLUTE" else None
        found.append(Aim(one.name, _run_metric(one.metric, version.task), one.direction, limit))
    return found


def aims_default(version: ProblemVersion) -> list[Aim]:
    """What a sweep looks at unless it says: the objectives of the sheet, else the loss that the recipe learns by."""
    return aims_of_sheet(version)[:4] or [
        one for one in aims_measured(version.task) if one.metric == _run_metric(_USUAL[version.task], version.task)
    ]


def curve_metric(task: str) -> str:
    """What a recipe measures step by step while it learns."""
    return f"validation_{_LOSSES[task]}"


def _run_metric(name: str, task: str) -> str:
    if name == _LOSSES[task]:
        return f"best_validation_{name}"
    return f"validation_{_OTHER_NAMES.get(name, name)}"


def trial_row(trial: Trial, aims: Sequence[Aim]) -> dict[str, Any]:
    """A trial as a file lists it: its number, state, values, params and cause."""
    values = trial.values or [None] * len(aims)
    return {
        "trial": trial.number,
        "state": trial.state,
        **{aim.metric: value for aim, value in zip(aims, values, strict=True)},
        **trial.params,
        "seconds": trial.seconds,
        "cause": trial.cause,
        "run": str(trial.run_id or ""),
    }
