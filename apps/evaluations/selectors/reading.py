"""What a report says to people: the verdict, and who is harmed and who is helped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from analysis.contracts.criteria import (
    COST_PARITY,
    DEMOGRAPHIC_PARITY,
    EQUAL_OPPORTUNITY,
    MEAN_ERROR_PARITY,
    PREDICTIVE_PARITY,
)
from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING
from analysis.contracts.report import BETTER, NO_DIFFERENCE, NOT_ENOUGH_DATA, NOT_PROVEN, WORSE, Difference, Report
from analysis.report import Row, Statistics, StatisticsError, curves_pick, rows_by_harm, table_rows
from apps.core.blobs import blob_open
from apps.core.errors import NotFound
from apps.evaluations.contracts.verdict import Speech, Verdict, verdict_say
from apps.evaluations.contracts.words import PEOPLE, plural_of
from apps.problems import selectors as problems
from apps.registry.contracts import live_version_id

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.problems.models import Objective
    from apps.registry.models import ModelVersion


class Unknown(Enum):
    """Stands for a version that the caller has not looked up."""

    UNKNOWN = 0


UNKNOWN: Final = Unknown.UNKNOWN

TRIVIAL_RECIPES: Final = ("baseline",)


def speech_of(
    evaluation: Evaluation, report: Report | None = None, *, live: ModelVersion | Unknown | None = UNKNOWN
) -> Speech:
    """How sentences about this evaluation speak: the names of both versions, the problem's words, its currency.

    Rows of a problem with a protected segment stand for people. `live`: the version that answers, when it is at hand.
    """
    agreed, version, baseline = evaluation.problem_version, evaluation.model_version, evaluation.baseline_version
    protected = report is not None and any(dimension.protected for dimension in report.dimensions)
    words = problems.error_words(agreed)
    against = ""
    if baseline is not None:
        if isinstance(live, Unknown):
            live_id = live_version_id(version.model_id)
        else:
            live_id = live.pk if live is not None else None
        kind = "live " if live_id == baseline.pk else ""
        if not kind and baseline.recipe in TRIVIAL_RECIPES:
            kind = "baseline "
        named = f" of {baseline.model.name}" if baseline.model_id != version.model_id else ""
        against = f"{kind}version {baseline.number}{named}"
    units = plural_of(agreed.unit_of_prediction)
    return Speech(
        candidate=f"version {version.number}",
        baseline=against,
        positive_word=agreed.positive_word,
        negative_word=agreed.negative_word,
        noun=PEOPLE if protected else units,
        units=units,
        currency=problems.currency_of(agreed),
        words=words,
        target=agreed.target,
    )


def verdict_of(
    evaluation: Evaluation, report: Report, *, speech: Speech | None = None, focus: Iterable[tuple[str, str]] = ()
) -> Verdict:
    """The verdict in one sentence. `focus` names (metric, group key) pairs that are told first."""
    return verdict_say(report, speech or speech_of(evaluation, report), focus=focus)


def margins_of(objectives: Iterable[Objective]) -> dict[str, float]:
    """The margins that a problem states for "not worse than live", by metric: inside them reads "no difference"."""
    margins: dict[str, float] = {}
    for objective in objectives:
        if objective.comparison == "LIVE" and objective.limit:
            margins[objective.metric] = min(objective.limit, margins.get(objective.metric, objective.limit))
    return margins


_CRITERION_OF: Final = {
    "selection_rate": DEMOGRAPHIC_PARITY,
    "tpr": EQUAL_OPPORTUNITY,
    "fnr": EQUAL_OPPORTUNITY,
    "precision": PREDICTIVE_PARITY,
    "cost_per_100": COST_PARITY,
    "mean_error": MEAN_ERROR_PARITY,
}
# By the name of a metric before its class.
_OF_CLASS: Final = {"recall": EQUAL_OPPORTUNITY, "precision": PREDICTIVE_PARITY}


def cutoffs_of(objectives: Iterable[Objective]) -> list[int]:
    """The ranks down to which a ranking is judged: ten, and those that the objectives name."""
    named = {
        int(k) for one in objectives for name, _, k in [one.metric.partition(":")] if name in ("ndcg", "map") and k
    }
    return sorted({10, *named})


def criteria_limits_of(objectives: Iterable[Objective]) -> dict[str, dict[str, float]]:
    """What the problem allows between the groups of a segment, as the limit of the criterion that asks the same.

    Segment name -> criterion -> the strictest limit.
    """
    limits: dict[str, dict[str, float]] = {}
    for objective in objectives:
        code = _CRITERION_OF.get(objective.metric)
        between = objective.scope == "DISPARITY" and objective.comparison == "ABSOLUTE"
        if between and code is not None and objective.limit is not None:
            held = limits.setdefault(objective.segment, {})
            held[code] = min(objective.limit, held.get(code, objective.limit))
    return limits


def criteria_reasons_of(objectives: Iterable[Objective]) -> dict[tuple[str, str], str]:
    """Why the problem chose a criterion, by (segment, criterion); older versions of a problem gave no reason."""
    return {
        (one.segment, code): one.reason
        for one in objectives
        if one.scope == "DISPARITY"
        and (code := _CRITERION_OF.get(one.metric) or _OF_CLASS.get(one.metric.split(":")[0]))
    }


@dataclass(frozen=True, slots=True)
class HarmRow:
    """One group: how many were right before and are wrong now (harmed), and the other way round (helped).

    `change` is the difference of the chosen metric and `money` that of the costs per 100; None where there is none.
    """

    key: str
    label: str
    level: int
    protected: bool
    n: int | None
    harmed: int | None
    helped: int | None
    change: Difference | None
    money: Difference | None
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class HarmGroup:
    """Rows of one finding, the most harmed first."""

    verdict: str
    title: str
    rows: tuple[HarmRow, ...]


_TITLES: Final = (
    (WORSE, "Worse than before"),
    (NOT_PROVEN, "Not proven either way"),
    (NO_DIFFERENCE, "No difference"),
    (BETTER, "Better than before"),
    (NOT_ENOUGH_DATA, "Not enough data"),
)


def harm_metric(report: Report, verdict: Verdict) -> str:
    """The metric that the table of the harmed shows: the verdict's."""
    if verdict.metric in report.overall.metrics:
        return verdict.metric
    usual = {BINARY: "fnr", MULTICLASS: "accuracy", RANKING: "ndcg:10"}.get(report.task, "mae")
    return usual if usual in report.overall.metrics else next(iter(report.overall.metrics))


def harm_groups(report: Report, metric: str, *, compared: str = "before") -> list[HarmGroup]:
    """Groups of single segments, and crossings that are proven worse or better, by finding; empty ones are left out.

    `compared` completes "Worse than ...", such as "live".
    """
    found: dict[str, list[HarmRow]] = {verdict: [] for verdict, _ in _TITLES}
    for row in rows_by_harm(table_rows(report, metric)):
        if row.level == 0:
            continue
        shown = _harm_row(report, row)
        if row.level > 1 and shown.verdict not in (WORSE, BETTER):
            continue
        found[shown.verdict].append(shown)
    return [
        HarmGroup(verdict, title.replace("before", compared), tuple(found[verdict]))
        for verdict, title in _TITLES
        if found[verdict]
    ]


def _harm_row(report: Report, row: Row) -> HarmRow:
    group = report.group(row.key)
    paired = group.paired if group is not None else None
    told = row.difference is not None and row.difference.value is not None and row.state == "ok"
    return HarmRow(
        key=row.key,
        label=row.label,
        level=row.level,
        protected=row.protected,
        n=row.n,
        harmed=paired.only_baseline_right if paired is not None else None,
        helped=paired.only_candidate_right if paired is not None else None,
        change=row.difference if row.state != "suppressed" else None,
        money=paired.differences.get("cost_per_100") if paired is not None else None,
        verdict=row.difference.verdict if told and row.difference is not None else NOT_ENOUGH_DATA,
        reason=row.reason or "",
    )


def curves_of(evaluation: Evaluation, report: Report, key: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Curves of a group for the candidate and the baseline: stored for single segments, drawn from the stored
    statistics for crossings. (None, None) when there are none or the group is hidden.
    """
    group = report.group(key)
    if group is None or group.suppressed is not None or report.task != BINARY:
        return None, None
    if group.curves is not None:
        return group.curves, group.baseline_curves
    if not evaluation.statistics_sha256:
        return None, None
    try:
        with blob_open(evaluation.statistics_sha256) as handle:
            statistics = Statistics.read(handle.read())
        own = curves_pick(statistics, key)
        return own, curves_pick(statistics, key, baseline=True) if report.has_baseline else None
    except (StatisticsError, NotFound):
        return None, None
