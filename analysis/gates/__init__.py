"""Gates: a limit held against an interval, with one plain sentence per outcome. Standard library only.

A rule passes when the whole interval lies on the good side of its limit, fails when the whole interval lies
on the bad side, and is not proven in between. It is not evaluated, and so never passes, when it has no limit,
when the evidence is missing, undefined, suppressed or too thin. What each result does (block, warn, nothing)
is the policy's word.
"""

from analysis.gates.judging import judge, judge_disparity, judge_group, judge_report
from analysis.gates.rules import (
    AT_LEAST,
    AT_MOST,
    COMPARISONS,
    FAIL,
    KIND_METRIC,
    NOT_EVALUATED,
    NOT_PROVEN,
    NOT_WORSE,
    PASS,
    SCOPE_CROSSINGS,
    SCOPE_OVERALL,
    SCOPE_PROTECTED,
    SCOPE_SEGMENT,
    SCOPE_SEGMENTS,
    SCOPES,
    Effect,
    Evidence,
    Outcome,
    Policy,
    Result,
    Rule,
    RuleError,
    Voice,
)

__all__ = [
    "AT_LEAST",
    "AT_MOST",
    "COMPARISONS",
    "FAIL",
    "KIND_METRIC",
    "NOT_EVALUATED",
    "NOT_PROVEN",
    "NOT_WORSE",
    "PASS",
    "SCOPES",
    "SCOPE_CROSSINGS",
    "SCOPE_OVERALL",
    "SCOPE_PROTECTED",
    "SCOPE_SEGMENT",
    "SCOPE_SEGMENTS",
    "Effect",
    "Evidence",
    "Outcome",
    "Policy",
    "Result",
    "Rule",
    "RuleError",
    "Voice",
    "judge",
    "judge_disparity",
    "judge_group",
    "judge_report",
]
