"""Judging an evaluation by the limits of its problem version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.contracts.report import Report
from analysis.gates import (
    AT_LEAST,
    AT_MOST,
    KIND_METRIC,
    NOT_WORSE,
    SCOPE_OVERALL,
    SCOPE_PROTECTED,
    SCOPE_SEGMENT,
    SCOPE_SEGMENTS,
    Policy,
    Rule,
    Voice,
    judge_report,
)
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.evaluations import selectors as evaluations
from apps.gates.models import GateResult
from apps.problems import selectors as problems

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.problems.models import Objective

_SCOPES = {"OVERALL": SCOPE_OVERALL, "SEGMENTS": SCOPE_SEGMENTS, "PROTECTED": SCOPE_PROTECTED}


def rule_of(objective: Objective, report: Report) -> Rule:
    """The rule that an objective stands for. A failed limit always blocks; what is not proven follows the policy."""
    higher = objective.direction == "MAXIMISE"
    kind, scope, segment = KIND_METRIC, _SCOPES.get(objective.scope, SCOPE_OVERALL), None
    comparison = NOT_WORSE if objective.comparison == "LIVE" else AT_LEAST if higher else AT_MOST
    if objective.scope == "DISPARITY":
        kind, comparison, scope = "RANGE", AT_MOST, SCOPE_SEGMENTS
        if objective.segment:
            found = next((d for d in report.dimensions if d.name.lower() == objective.segment.lower()), None)
            scope, segment = SCOPE_SEGMENT, found.segment if found else "missing"
    return Rule(
        metric=objective.metric,
        comparison=comparison,
        limit=objective.limit,
        scope=scope,
        segment=segment,
        kind=kind,
        critical=objective.critical,
        higher_is_better=higher,
        policy=Policy(on_fail="BLOCK"),
    )


def verdict_record(evaluation: Evaluation) -> list[GateResult]:
    """Judge a complete evaluation, once, in the transaction that completes it; results are sealed."""
    report = evaluations.report_of(evaluation)
    agreed = evaluation.problem_version
    live = evaluation.baseline_version
    voice = Voice(
        words=problems.error_words(agreed),
        currency=problems.currency_of(agreed),
        live=f"version {live.number}" if live else "live",
        level=report.level,
    )
    results: list[GateResult] = []
    for objective in problems.objective_list(agreed):
        for outcome in judge_report([rule_of(objective, report)], report, voice=voice):
            results.append(
                GateResult(
                    team_id=evaluation.team_id,
                    evaluation=evaluation,
                    objective=objective,
                    position=len(results),
                    name=objective.name,
                    group_key=outcome.group,
                    group_label=outcome.label or "everyone",
                    protected=outcome.protected,
                    critical=objective.critical,
                    outcome=outcome.result,
                    blocks=outcome.effect == "BLOCK",
                    sentence=outcome.sentence,
                    value=outcome.value,
                    low=outcome.low,
                    high=outcome.high,
                    limit=objective.limit,
                    rows=outcome.n,
                )
            )
    GateResult.objects.bulk_create(results)
    counts: dict[str, int] = {}
    for result in results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    audit_record(
        actor=Actor.system("gates"),
        action="gates.judge",
        thing=evaluation,
        problem_id=evaluation.problem_id,
        after={"outcomes": counts, "blocking": sum(result.blocks for result in results)},
    )
    return results
