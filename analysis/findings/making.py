"""The parts of the findings put together, and the rows that flipped as a file of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from analysis.combination import LEAST_SURE
from analysis.contracts.findings import Behaviour, Findings, Leakage
from analysis.contracts.metrics import RANKING
from analysis.findings.behaviour import BehaviourAsked, Told, Tried, behaviour_of
from analysis.findings.combination import Member, combination_of
from analysis.findings.fairness import fairness_of
from analysis.findings.flips import flips_of, rows_hidden
from analysis.findings.leakage import leakage_of
from analysis.findings.rows import Grouped
from analysis.findings.slices import columns_protected, slices_find
from analysis.inputs import EvaluateSpec, EvaluationRows


@dataclass(frozen=True, slots=True)
class Trials:
    """The models to be asked again: behaviour `tests` on both, and the rows that the candidate was trained on.

    `train` is None where these are not known; `target` is the column of the truth.
    """

    candidate: Tried
    baseline: Tried | None = None
    tests: Sequence[BehaviourAsked] = ()
    train: pa.Table | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the findings need beside the rows and the spec.

    `ranked` are the feature columns, the most important first; `masked` columns whose values are told to nobody, beside
    the protected ones; `limits` what the problem allows: segment name -> criterion -> limit; `trials` are the models,
    without which neither behaviour nor leakage is looked for; `members` all models to be combined, the candidate
    first, with the probability from which one is `sure` in a cascade.
    """

    ranked: Sequence[str]
    masked: Sequence[str] = ()
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    trials: Trials | None = None
    members: Sequence[Member] = ()
    sure: float = LEAST_SURE


@dataclass(frozen=True, slots=True)
class Found:
    """The document, and the file of the rows that flipped; None where nothing is listed."""

    findings: Findings
    flip_rows: dict[str, Any] | None = None


def findings_make(rows: EvaluationRows, spec: EvaluateSpec, asked: Asked) -> Found:
    """Everything that is found beyond the report. Raises ValueError when arrays do not fit together."""
    grouped = Grouped.of(rows, spec)
    if spec.task == RANKING:
        # No row of a ranking is right or wrong by itself, so there are neither weak slices nor flips of rows.
        return Found(Findings(fairness=fairness_of(rows, spec, grouped, asked.limits)))
    masked = list(dict.fromkeys([*columns_protected(rows, spec), *asked.masked]))
    flips = flips_of(rows, spec, grouped, asked.ranked, masked)
    findings = Findings(
        slices=slices_find(rows, spec, grouped, asked.ranked),
        flips=None if flips is None else flips[0],
        fairness=fairness_of(rows, spec, grouped, asked.limits),
        behaviour=_behaviour(asked.trials, rows, spec, Told(masked, rows_hidden(grouped))),
        leakage=_leakage(asked.trials, rows, spec),
        combination=combination_of(rows, spec, grouped, asked.members, asked.sure) if asked.members else None,
    )
    return Found(findings, None if flips is None else flips[1])


def _behaviour(trials: Trials | None, rows: EvaluationRows, spec: EvaluateSpec, told: Told) -> Behaviour | None:
    if trials is None:
        return None
    models = trials.candidate, trials.baseline
    return behaviour_of(trials.tests, *models, rows.columns, told, level=spec.level, weights=rows.weights)


def _leakage(trials: Trials | None, rows: EvaluationRows, spec: EvaluateSpec) -> Leakage | None:
    if trials is None or trials.train is None:
        return None
    held = set(rows.columns.column_names) & set(trials.train.column_names)
    columns = sorted(trials.candidate.reads & held)
    return leakage_of(trials.train, rows.columns, columns, trials.target, level=spec.level)
