"""Gates: which side of the limit, what it does, and the sentence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contracts.metrics import ErrorWords
from analysis.contracts.report import Report
from analysis.evaluate import evaluate_table
from analysis.gates import (
    AT_LEAST,
    AT_MOST,
    FAIL,
    NOT_EVALUATED,
    NOT_PROVEN,
    NOT_WORSE,
    PASS,
    Evidence,
    Outcome,
    Policy,
    Rule,
    RuleError,
    Voice,
    judge,
    judge_report,
)
from analysis.tests.factories import make_binary, make_spec

VOICE = Voice(
    words=ErrorWords("wrongly released", "wrongly held"),
    currency="C$",
    people={"Age=35 and over": "people aged 35 and over"},
)


@pytest.mark.parametrize(
    ("rule", "evidence", "result", "sentence"),
    [
        (
            Rule("fnr", NOT_WORSE, 0.05),
            Evidence(0.170, 0.115, 0.228),
            FAIL,
            "Wrongly held for people aged 35 and over rises by 17.0 points (95 % interval 11.5 to 22.8) against "
            "live: fails the limit of 5.0 points.",
        ),
        (
            Rule("fnr", NOT_WORSE, 0.05),
            Evidence(-0.031, -0.07, 0.008),
            PASS,
            "Wrongly held for people aged 35 and over falls by 3.1 points (95 % interval \u22120.8 to 7.0) against "
            "live: passes the limit of 5.0 points.",
        ),
        (
            Rule("tpr", NOT_WORSE, 0.02),
            Evidence(-0.06, -0.10, -0.01),
            NOT_PROVEN,
            "Recall for people aged 35 and over falls by 6.0 points (95 % interval 1.0 to 10.0) against live: "
            "not proven, the interval lies on both sides of the limit of 2.0 points.",
        ),
        (
            Rule("roc_auc", AT_LEAST, 0.65),
            Evidence(0.709, 0.68, 0.73),
            PASS,
            "ROC AUC for people aged 35 and over is 0.709 (95 % interval 0.680 to 0.730): passes the limit of at "
            "least 0.650.",
        ),
        (
            Rule("cost_per_100", AT_MOST, 16000),
            Evidence(16797, 16500, 17100),
            FAIL,
            "Cost per 100 for people aged 35 and over is C$ 16\u202f797 (95 % interval 16\u202f500 to 17\u202f100): "
            "fails the limit of at most C$ 16\u202f000.",
        ),
        (
            Rule("fnr", AT_MOST, None),
            Evidence(0.1, 0.05, 0.2),
            NOT_EVALUATED,
            "Wrongly held for people aged 35 and over is not evaluated: no limit is set.",
        ),
        (
            Rule("tpr", AT_LEAST, 0.5),
            Evidence(missing="not enough data, n = 34, needs 100", small=True),
            NOT_EVALUATED,
            "Recall for people aged 35 and over is not evaluated: not enough data, n = 34, needs 100.",
        ),
        (
            Rule("selection_rate", NOT_WORSE, 0.05),
            Evidence(0.1, 0.0, 0.2),
            NOT_EVALUATED,
            "Selection rate for people aged 35 and over is not evaluated: neither direction of this metric is worse "
            "by itself.",
        ),
        (
            Rule("brier", AT_MOST, 0.2),
            Evidence(0.1),
            NOT_EVALUATED,
            "Brier score for people aged 35 and over is not evaluated: there is no interval.",
        ),
        (
            Rule("mae", NOT_WORSE, 0.5),
            Evidence(0.0, -0.1, 0.1),
            PASS,
            "Mean absolute error for people aged 35 and over does not change (95 % interval \u22120.100 to 0.100) "
            "against live: passes the limit of 0.500.",
        ),
    ],
)
def test_results_and_sentences(rule: Rule, evidence: Evidence, result: str, sentence: str) -> None:
    outcome = judge(rule, evidence, group="Age=35 and over", label="35 and over", voice=VOICE)

    assert (outcome.result, outcome.sentence) == (result, sentence)


def test_the_larger_gap_speaks_of_its_segment() -> None:
    rule = Rule("fnr", AT_MOST, 0.1, scope="SEGMENTS", kind="RANGE")

    outcome = judge(rule, Evidence(0.273, 0.222, 0.324), group="Colour", label="Colour", voice=VOICE)

    assert outcome.sentence == (
        "The gap in wrongly held between the groups of Colour is 27.3 points (95 % interval 22.2 to 32.4): "
        "fails the limit of at most 10.0 points."
    )


@pytest.mark.parametrize(
    ("evidence", "strict", "policy", "result", "effect"),
    [
        (Evidence(0.1, 0.05, 0.15), True, Policy(), PASS, "NONE"),
        (Evidence(0.3, 0.25, 0.35), True, Policy(), FAIL, "BLOCK"),
        (Evidence(0.3, 0.25, 0.35), False, Policy(), FAIL, "WARN"),
        (Evidence(0.3, 0.25, 0.35), False, Policy(on_fail="BLOCK"), FAIL, "BLOCK"),
        (Evidence(0.2, 0.15, 0.25), True, Policy(), NOT_PROVEN, "BLOCK"),
        (Evidence(0.2, 0.15, 0.25), False, Policy(), NOT_PROVEN, "WARN"),
        (Evidence(0.2, 0.15, 0.25), True, Policy(on_not_proven="WARN"), NOT_PROVEN, "WARN"),
        (Evidence(0.19, 0.15, 0.25), True, Policy(on_not_proven="POINT"), PASS, "NONE"),
        (Evidence(0.21, 0.15, 0.25), True, Policy(on_not_proven="POINT"), FAIL, "BLOCK"),
        (Evidence(missing="it is undefined"), True, Policy(), NOT_EVALUATED, "BLOCK"),
        (Evidence(missing="hidden", small=True), True, Policy(), NOT_EVALUATED, "WARN"),
        (Evidence(missing="hidden", small=True), True, Policy(on_not_evaluated="BLOCK"), NOT_EVALUATED, "BLOCK"),
    ],
)
def test_effects(evidence: Evidence, strict: bool, policy: Policy, result: str, effect: str) -> None:
    outcome = judge(Rule("fpr", AT_MOST, 0.2, policy=policy), evidence, protected=strict)

    assert (outcome.result, outcome.effect) == (result, effect)
    assert outcome.on_point == (policy.on_not_proven == "POINT")


def test_a_critical_rule_blocks_without_a_protected_segment() -> None:
    assert judge(Rule("fpr", AT_MOST, 0.2, critical=True), Evidence(0.3, 0.25, 0.35)).effect == "BLOCK"


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_pass_always_has_its_whole_interval_on_the_good_side(
    value: float, below: float, above: float, margin: float
) -> None:
    for metric, worse in (("fnr", 1), ("tpr", -1)):
        outcome = judge(Rule(metric, NOT_WORSE, margin), Evidence(value, value - below, value + above))
        ends = sorted((worse * (value - below), worse * (value + above)))
        if outcome.result == PASS:
            assert ends[1] <= margin
        elif outcome.result == FAIL:
            assert ends[0] >= margin
        else:
            assert ends[0] < margin < ends[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "charm"},
        {"comparison": "ABOUT"},
        {"scope": "SOME"},
        {"scope": "SEGMENT"},
        {"comparison": NOT_WORSE, "limit": -0.1},
        {"kind": "RANGE"},
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RuleError):
        Rule(**({"metric": "fpr", "comparison": AT_MOST, "limit": 0.1} | wrong))  # type: ignore[arg-type]


def test_rules_survive_json() -> None:
    rule = Rule("fpr", AT_MOST, 0.1, scope="SEGMENT", segment="v-Age", critical=True, policy=Policy("WARN", "POINT"))

    assert Rule.from_json(rule.to_json()) == rule


@pytest.fixture(scope="module")
def report() -> Report:
    return evaluate_table(make_binary(3000, 12), make_spec())[0]


def outcomes_by_group(rules: list[Rule], report: Report) -> dict[str, Outcome]:
    return {one.group: one for one in judge_report(rules, report, voice=VOICE)}


def test_a_report_is_judged_in_every_scope(report: Report) -> None:
    everyone = outcomes_by_group([Rule("fnr", AT_MOST, 0.9)], report)
    segments = outcomes_by_group([Rule("fnr", NOT_WORSE, 0.5, scope="SEGMENTS")], report)
    protected = outcomes_by_group([Rule("fnr", NOT_WORSE, 0.5, scope="PROTECTED")], report)
    one = outcomes_by_group([Rule("fnr", NOT_WORSE, 0.5, scope="SEGMENT", segment="v-Employed")], report)
    gaps = outcomes_by_group([Rule("fnr", AT_MOST, 0.9, scope="SEGMENTS", kind="RANGE")], report)
    crossings = outcomes_by_group([Rule("fnr", NOT_WORSE, 0.9, scope="CROSSINGS")], report)

    assert list(everyone) == ["overall"]
    assert set(one) == {"Employed=Employed", "Employed=not Employed"}
    assert set(protected) | set(one) == set(segments)
    assert set(gaps) == {"Age", "Colour", "Employed"}
    assert {group.key for group in report.groups if group.level == 2} == set(crossings)
    assert {outcome.result for outcome in segments.values()} == {PASS}


def test_a_rule_that_finds_nothing_is_told(report: Report) -> None:
    outcome = judge_report([Rule("fnr", AT_MOST, 0.9, scope="SEGMENT", segment="v-Gone")], report)[0]

    assert outcome.result == NOT_EVALUATED
    assert "no group" in outcome.sentence


def test_without_a_baseline_nothing_is_not_worse() -> None:
    report, _ = evaluate_table(replace(make_binary(1000, 4), baseline=None), make_spec())

    outcome = judge_report([Rule("fnr", NOT_WORSE, 0.9, critical=True)], report)[0]

    assert (outcome.result, outcome.effect) == (NOT_EVALUATED, "BLOCK")
    assert "no version to compare with" in outcome.sentence


def test_hidden_and_thin_groups_never_pass() -> None:
    report, _ = evaluate_table(make_binary(260, 4), make_spec())

    outcomes = judge_report([Rule("fnr", AT_MOST, 1.0, scope="CROSSINGS")], report)

    small = {group.key for group in report.groups if group.level == 2 and (group.thin or group.suppressed)}
    assert small
    assert {one.result for one in outcomes if one.group in small} == {NOT_EVALUATED}
