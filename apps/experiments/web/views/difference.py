"""What sets a run apart from the one that it is measured by: the live version's, else the first of its experiment."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.actors import Actor
from apps.core.web.views import page
from apps.experiments import selectors
from apps.experiments.contracts import RunOutcome, run_outcomes
from apps.experiments.models import Run
from apps.experiments.web.words import metrics_in_order, number_of, param_shown

METRICS_SHOWN = 12


@page
@require_safe
def run_difference(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A card for the run's page, asked for once the page is there; nothing when there is no other run."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = selectors.run_get(actor, pk)
    other, outcome = _other(actor, run)
    if other is None:
        return HttpResponse("")
    context = {
        "run": run,
        "other": other,
        "outcome": outcome,
        "params": _params(run, other),
        "facts": _facts(run, other),
        "data_differs": selectors.data_differs([run, other]),
        "metrics": _metrics(run, other),
    }
    return render(request, "experiments/_difference.html", context)


def _other(actor: Actor, run: Run) -> tuple[Run | None, RunOutcome | None]:
    finished = selectors.run_list(actor, experiment_id=run.experiment_id).filter(status=Run.Status.FINISHED)
    sample = selectors.run_sample(finished.exclude(pk=run.pk))
    outcomes = run_outcomes(actor, sample)
    live = next((one for one in sample if one.pk in outcomes and outcomes[one.pk].live), None)
    other = live or (sample[-1] if sample else None)
    if other is None:
        return None, None
    return selectors.run_get(actor, other.pk), outcomes.get(other.pk)


def _params(run: Run, other: Run) -> list[tuple[str, str, str]]:
    """(key, here, there) of those that differ."""
    keys = sorted(set(run.params) | set(other.params))
    pairs = [(key, param_shown(run.params.get(key)), param_shown(other.params.get(key))) for key in keys]
    return [(key, here, there) for key, here, there in pairs if here != there]


def _facts(run: Run, other: Run) -> list[tuple[str, str, str]]:
    """(what, here, there) of code, interpreter and packages that differ."""
    here, there = run.environment.get("packages") or {}, other.environment.get("packages") or {}
    pairs = [
        ("Code", str(run.code.get("commit") or ""), str(other.code.get("commit") or "")),
        ("Python", str(run.environment.get("python") or ""), str(other.environment.get("python") or "")),
        *((name, str(here.get(name, "")), str(there.get(name, ""))) for name in sorted(set(here) | set(there))),
    ]
    return [(name, mine[:40], theirs[:40]) for name, mine, theirs in pairs if mine != theirs]


def _metrics(run: Run, other: Run) -> list[dict[str, Any]]:
    rows = []
    for words in metrics_in_order(set(run.metrics_latest) & set(other.metrics_latest)):
        here, there = number_of(run.metrics_latest[words.key]), number_of(other.metrics_latest[words.key])
        if words.system or here is None or there is None:
            continue
        better = None if words.lower is None or here == there else (here < there) == words.lower
        shown = words.show_difference(here - there)
        rows.append(
            {
                "words": words,
                "here": words.show(here),
                "there": words.show(there),
                "difference": shown,
                "better": better,
            }
        )
    return rows[:METRICS_SHOWN]
