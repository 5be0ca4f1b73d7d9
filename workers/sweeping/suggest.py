"""Which values a sweep tries next, by Optuna.

A question is {"method": "RANDOM" | "TPE", "seed", "space", "directions": ["MINIMISE" | "MAXIMISE"], "count",
"trials": [{"params", "state": "DONE" | "OPEN" | "FAILED", "values"?, "over"?}]}; the answer a list of params. Nothing
is kept between two questions: the study is built again from the trials, so what a crash can lose is nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

# Values of a trial beyond its limits, under the name by which Optuna's samplers look for them.
_OVER = "constraints"


def _distribution(axis: Mapping[str, Any]) -> BaseDistribution:
    if axis["type"] == "categorical":
        return CategoricalDistribution([*axis["choices"]])
    kind = IntDistribution if axis["type"] == "int" else FloatDistribution
    return kind(low=axis["low"], high=axis["high"], log=bool(axis.get("log")))


def _trial(one: Mapping[str, Any], space: Mapping[str, BaseDistribution]) -> FrozenTrial | None:
    """A trial as Optuna knows it; None for one whose values lie outside the space, such as the defaults."""
    params = one["params"]
    if any(name not in params or not _held(space[name], params[name]) for name in space):
        return None
    state = {"DONE": TrialState.COMPLETE, "OPEN": TrialState.RUNNING}.get(one["state"], TrialState.FAIL)
    attrs = {_OVER: list(one["over"])} if one.get("over") is not None else {}
    values = list(one["values"]) if state == TrialState.COMPLETE else None
    return create_trial(
        state=state,
        values=values,
        params={name: params[name] for name in space},
        distributions=dict(space),
        system_attrs=attrs,
    )


def _held(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (ValueError, TypeError):
        return False


def suggest(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The next values, `count` of them. The same question has the same answer."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {name: _distribution(axis) for name, axis in question["space"].items()}
    study = optuna.create_study(
        directions=["minimize" if one == "MINIMISE" else "maximize" for one in question["directions"]],
        sampler=_sampler(question),
    )
    for one in question["trials"]:
        made = _trial(one, space)
        if made is not None:
            study.add_trial(made)
    answers = []
    for _ in range(int(question["count"])):
        # Those asked for before stand as running trials, so that the next one keeps its distance.
        answers.append(dict(study.ask(space).params))
    return answers


def _sampler(question: Mapping[str, Any]) -> optuna.samplers.BaseSampler:
    # A seed for each question: one alone would give the first numbers again and again.
    seed = (int(question["seed"]) * 1_000_003 + len(question["trials"])) % 2**32
    if question["method"] == "RANDOM":
        return optuna.samplers.RandomSampler(seed=seed)
    limited = any(one.get("over") is not None for one in question["trials"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.samplers.TPESampler(
            seed=seed,
            constant_liar=True,
            multivariate=True,
            constraints_func=_over if limited else None,
        )


def _over(trial: FrozenTrial) -> list[float]:
    return list(trial.system_attrs.get(_OVER, ()))
