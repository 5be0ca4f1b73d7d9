"""Judging an evaluation by the limits of its problem version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.contracts.metrics import FACT, FACTS
from analysis.contracts.report import Report
from analysis.contracts.wording import amount_text
from analysis.gates import (
    AT_LEAST,
    AT_MOST,
    FAIL,
    KIND_METRIC,
    NOT_EVALUATED,
    NOT_WORSE,
    PASS,
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
from apps.evaluations.contracts import BEHAVIOUR_STATES, people_of, side_sentence
from apps.gates.models import GateResult
from apps.problems import selectors as problems
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.evaluations.contracts import Speech
    from apps.evaluations.models import Evaluation
    from apps.problems.models import Objective
    from apps.registry.models import ModelVersion

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
    """Judge a complete evaluation, once, in the transaction that completes it; results are sealed.

    Each critical behaviour test is a gate too: what is not shown to hold stands in the way.
    A limit against live is judged only when the evaluation compares with the version that is live now. While nothing
    is live there is nothing to be worse than: the limit is not evaluated and does not block. Compared with another
    version than the live one it is not evaluated and blocks.
    """
    report = evaluations.report_of(evaluation)
    agreed = evaluation.problem_version
    baseline = evaluation.baseline_version
    live = registry.live_version_of(evaluation.model_version.model)
    speech = evaluations.speech_of(evaluation, report)
    voice = Voice(
        words=problems.error_words(agreed),
        currency=problems.currency_of(agreed),
        live=f"version {baseline.number}" if baseline else "live",
        level=report.level,
        people={group.key: people_of(group, speech.noun) for group in report.groups if group.level},
    )
    results: list[GateResult] = []
    for objective in problems.objective_list(agreed):
        against_live = objective.comparison == "LIVE" and objective.scope != "DISPARITY"
        common = {
            "team_id": evaluation.team_id,
            "evaluation": evaluation,
            "objective": objective,
            "name": objective.name,
            "critical": objective.critical,
            "limit": objective.limit,
        }
        if against_live and (live is None or baseline is None or baseline.pk != live.pk):
            other = live is not None and live.pk != evaluation.model_version_id
            if live is not None and other:
                reason = f"the evaluation does not compare with version {live.number}, which is live; evaluate again"
            else:
                reason = "this version is live itself" if live else "nothing is live yet to be compared with"
            results.append(
                GateResult(
                    **common,
                    position=len(results),
                    group_key="overall",
                    group_label="everyone",
                    protected=False,
                    outcome=NOT_EVALUATED,
                    blocks=other,
                    sentence=f"{objective.name} is not evaluated: {reason}.",
                )
            )
            continue
        if objective.metric in FACTS:
            results.append(_fact_result(objective, evaluation.model_version, len(results), common))
            continue
        for outcome in judge_report([rule_of(objective, report)], report, voice=voice):
            results.append(
                GateResult(
                    **common,
                    position=len(results),
                    group_key=outcome.group,
                    group_label=outcome.label or "everyone",
                    protected=outcome.protected,
                    outcome=outcome.result,
                    blocks=outcome.effect == "BLOCK",
                    sentence=outcome.sentence,
                    value=outcome.value,
                    low=outcome.low,
                    high=outcome.high,
                    rows=outcome.n,
                )
            )
    results += _behaviour_results(evaluation, speech, len(results))
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


def _fact_result(objective: Objective, version: ModelVersion, position: int, common: dict[str, Any]) -> GateResult:
    """A limit of a fact of the model: known exactly or not at all, and what is not known is never a pass."""
    fact = FACTS[objective.metric]
    value = registry.complexity_of(version).get(objective.metric.removeprefix(FACT))
    if value is None or objective.limit is None:
        why = "it has no limit" if objective.limit is None else f"version {version.number} records no such fact"
        outcome, sentence = NOT_EVALUATED, f"{objective.name} is not evaluated: {why}."
    else:
        meets = value <= objective.limit if objective.direction == "MINIMISE" else value >= objective.limit
        outcome, word = (PASS, "passes") if meets else (FAIL, "fails")
        limit = f"{'at most' if objective.direction == 'MINIMISE' else 'at least'} {amount_text(fact, objective.limit)}"
        told = f"version {version.number} records {amount_text(fact, value)}"
        sentence = f"{objective.name}: {told}, which {word} the limit of {limit}."
    return GateResult(
        **common,
        position=position,
        group_key="overall",
        group_label="the model",
        protected=False,
        outcome=outcome,
        blocks=outcome == FAIL or (outcome == NOT_EVALUATED and objective.critical),
        sentence=sentence,
        value=value,
    )


def _behaviour_results(evaluation: Evaluation, speech: Speech, start: int) -> list[GateResult]:
    """A result for each critical behaviour test that was asked for, also one that the child does not tell of."""
    findings = evaluations.findings_of(evaluation)
    told = findings.behaviour.tests if findings is not None and findings.behaviour is not None else ()
    by_id = {one.id: one.candidate for one in told}
    asked = evaluation.behaviour_versions.filter(critical=True).select_related("test").order_by("test_id")
    results: list[GateResult] = []
    for version in asked:
        side, least = by_id.get(str(version.pk)), float(version.definition.get("least_share", 1))
        name = f"Behaviour: {version.test.name}"
        outcome = BEHAVIOUR_STATES[side.verdict][0] if side is not None else NOT_EVALUATED
        said = side_sentence(side, least, speech.candidate) if side is not None else "not run: nothing is told of it."
        results.append(
            GateResult(
                team_id=evaluation.team_id,
                evaluation=evaluation,
                behaviour=version,
                position=start + len(results),
                name=name,
                group_key="overall",
                group_label="everyone",
                protected=False,
                critical=True,
                outcome=outcome,
                blocks=outcome != PASS,
                sentence=f"{name}: {said}",
                value=side.share.value if side is not None else None,
                low=side.share.low if side is not None else None,
                high=side.share.high if side is not None else None,
                limit=least,
                rows=side.tested if side is not None else None,
            )
        )
    return results
