"""Judging: one rule against one piece of evidence, one group, one gap, or a whole report."""

from collections.abc import Sequence
from dataclasses import replace

from analysis.contracts.metrics import Metric, metric_get
from analysis.contracts.report import OVERALL, Disparity, Group, Report
from analysis.contracts.wording import change_text
from analysis.gates.rules import (
    AT_MOST,
    FAIL,
    KIND_METRIC,
    NOT_EVALUATED,
    NOT_PROVEN,
    NOT_WORSE,
    PASS,
    SCOPE_CROSSINGS,
    SCOPE_OVERALL,
    SCOPE_PROTECTED,
    SCOPE_SEGMENTS,
    Effect,
    Evidence,
    Outcome,
    Result,
    Rule,
    Voice,
)
from analysis.gates.sentences import limit_text, move_text, subject_text, value_text


def judge(
    rule: Rule,
    evidence: Evidence,
    *,
    group: str = OVERALL,
    label: str = "",
    protected: bool = False,
    voice: Voice | None = None,
) -> Outcome:
    """Hold one rule against one piece of evidence.

    `label` is what the sentence says after "for" (empty: everyone).
    """
    voice = voice or Voice()
    metric = metric_get(rule.metric)
    who = (voice.people or {}).get(group, label)
    subject = subject_text(rule, voice, who)
    outcome = Outcome(
        NOT_EVALUATED,
        "NONE",
        "",
        rule,
        group,
        label,
        protected,
        evidence.value,
        evidence.low,
        evidence.high,
        evidence.n,
    )
    strict = protected or rule.critical
    missing = _why_not(rule, metric, evidence)
    if missing is not None:
        small = evidence.small and rule.limit is not None
        effect = _effect(rule.policy.on_not_evaluated, strict and not small)
        return replace(outcome, effect=effect, sentence=f"{subject} is not evaluated: {missing}.")

    value, low, high, limit = _numbers(evidence, rule)
    lower_is_good = _lower_is_good(rule, metric)
    if rule.comparison == NOT_WORSE:
        harm = (value, low, high) if lower_is_good else (-value, -high, -low)
        result = _side(harm[1], harm[2], limit)
        point_good = harm[0] <= limit
        fact = f"{subject} {move_text(metric, voice, value, low, high)}"
        bound = f"the limit of {change_text(metric, limit, currency=voice.currency)}"
    else:
        sign = 1.0 if rule.comparison == AT_MOST else -1.0
        ends = sorted((sign * low, sign * high))
        result = _side(ends[0], ends[1], sign * limit)
        point_good = sign * value <= sign * limit
        fact = f"{subject} is {value_text(rule, metric, voice, value, low, high)}"
        word = "at most" if rule.comparison == AT_MOST else "at least"
        bound = f"the limit of {word} {limit_text(rule, metric, voice, limit)}"
    on_point = result == NOT_PROVEN and rule.policy.on_not_proven == "POINT"
    if on_point:
        result = PASS if point_good else FAIL
    tail = {
        PASS: f"passes {bound}",
        FAIL: f"fails {bound}",
        NOT_PROVEN: f"not proven, the interval lies on both sides of {bound}",
        NOT_EVALUATED: "not evaluated",
    }[result]
    if on_point:
        tail += " by its value alone, the interval lies on both sides"
    effect = {
        PASS: _effect("NONE", strict),
        FAIL: _effect(rule.policy.on_fail, strict),
        NOT_PROVEN: _effect(rule.policy.on_not_proven, strict),
        NOT_EVALUATED: _effect(rule.policy.on_not_evaluated, strict),
    }[result]
    return replace(outcome, result=result, effect=effect, sentence=f"{fact}: {tail}.", on_point=on_point)


def judge_group(rule: Rule, group: Group, *, voice: Voice | None = None) -> Outcome:
    """Judge a rule of kind METRIC for one group of a report."""
    label = "" if group.key == OVERALL else group.label
    return judge(
        rule,
        _group_evidence(rule, group),
        group=group.key,
        label=label,
        protected=group.protected,
        voice=voice,
    )


def judge_disparity(rule: Rule, disparity: Disparity, *, voice: Voice | None = None) -> Outcome:
    """Judge a rule about the gap between the groups of one segment."""
    missing = disparity.undefined
    if rule.comparison == NOT_WORSE:
        missing = "a gap between groups is held against a limit of its own, not against live"
    evidence = Evidence(
        disparity.value, disparity.low, disparity.high, None, missing, small=disparity.undefined is not None
    )
    return judge(
        rule,
        evidence,
        group=disparity.dimension,
        label=disparity.dimension,
        protected=disparity.protected,
        voice=voice,
    )


def judge_report(rules: Sequence[Rule], report: Report, *, voice: Voice | None = None) -> list[Outcome]:
    """Judge every rule for every group in its scope; a rule that finds no group at all is not evaluated,
    never lost.
    """
    outcomes: list[Outcome] = []
    for rule in rules:
        if rule.kind == KIND_METRIC:
            found = [judge_group(rule, group, voice=voice) for group in report.groups if _in_scope(rule, group)]
        else:
            found = [
                judge_disparity(rule, one, voice=voice)
                for one in report.disparities
                if _gap_in_scope(rule, one, report)
            ]
        if not found:
            known = {one.segment: one for one in report.dimensions}
            dimension = known.get(rule.segment or "")
            reason = "the report holds no group it applies to"
            if dimension is not None and dimension.error:
                reason = f"the segment could not be computed ({dimension.error.rstrip('.')})"
            label = dimension.name if dimension is not None else ""
            strict = rule.scope == SCOPE_PROTECTED or (dimension is not None and dimension.protected)
            found = [judge(rule, Evidence(missing=reason), group="", label=label, protected=strict, voice=voice)]
        outcomes.extend(found)
    return outcomes


def _in_scope(rule: Rule, group: Group) -> bool:
    if rule.scope == SCOPE_OVERALL:
        return group.level == 0
    if rule.scope == SCOPE_CROSSINGS:
        return group.level == 2
    if group.level != 1:
        return False
    if rule.scope == SCOPE_PROTECTED:
        return group.protected
    return rule.scope == SCOPE_SEGMENTS or group.dimensions[0].segment == rule.segment


def _gap_in_scope(rule: Rule, disparity: Disparity, report: Report) -> bool:
    if disparity.kind != rule.kind or disparity.metric != rule.metric:
        return False
    names = {one.name: one for one in report.dimensions}
    single = names.get(disparity.dimension)
    if rule.scope == SCOPE_CROSSINGS:
        return single is None
    if single is None:
        return False
    if rule.scope == SCOPE_PROTECTED:
        return disparity.protected
    return rule.scope == SCOPE_SEGMENTS or single.segment == rule.segment


def _group_evidence(rule: Rule, group: Group) -> Evidence:
    if group.suppressed:
        return Evidence(missing=f"hidden, {group.suppressed}", small=True)
    if group.thin:
        return Evidence(n=group.n, missing=f"not enough data, {group.thin}", small=True)
    if rule.comparison == NOT_WORSE:
        if group.paired is None:
            return Evidence(n=group.n, missing="there is no version to compare with on the same rows")
        difference = group.paired.differences.get(rule.metric)
        if difference is None:
            return Evidence(n=group.n, missing="the report does not compare this metric")
        reason = None if difference.value is not None else difference.reason or "the difference is undefined"
        return Evidence(difference.value, difference.low, difference.high, group.n, reason)
    estimate = group.metrics.get(rule.metric)
    if estimate is None:
        return Evidence(n=group.n, missing="the report does not hold this metric")
    reason = None if estimate.undefined is None else f"it is undefined, {estimate.undefined}"
    return Evidence(estimate.value, estimate.low, estimate.high, group.n, reason)


def _why_not(rule: Rule, metric: Metric, evidence: Evidence) -> str | None:
    if rule.limit is None:
        return "no limit is set"
    if evidence.missing is not None:
        return evidence.missing
    if evidence.value is None:
        return "there is no value"
    if evidence.low is None or evidence.high is None:
        return "there is no interval"
    if rule.comparison == NOT_WORSE and rule.higher_is_better is None and metric.higher_is_better is None:
        return "neither direction of this metric is worse by itself"
    return None


def _numbers(evidence: Evidence, rule: Rule) -> tuple[float, float, float, float]:
    numbers = (evidence.value, evidence.low, evidence.high, rule.limit)
    value, low, high, limit = (float(number) for number in numbers if number is not None)
    return value, low, high, limit


def _lower_is_good(rule: Rule, metric: Metric) -> bool:
    better = rule.higher_is_better if rule.higher_is_better is not None else metric.higher_is_better
    return not better


def _side(low: float, high: float, limit: float) -> Result:
    """Which side of an upper limit the interval lies on; an end that touches the limit decides nothing."""
    if high <= limit:
        return PASS
    return FAIL if low >= limit else NOT_PROVEN


def _effect(chosen: str | None, strict: bool) -> Effect:
    if chosen == "NONE":
        return "NONE"
    if chosen in ("BLOCK", "WARN"):
        return "BLOCK" if chosen == "BLOCK" else "WARN"
    return "BLOCK" if strict else "WARN"
