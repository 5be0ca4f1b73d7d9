"""Gates: never a silent pass; judged once, in the transaction that completes the evaluation, and sealed."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from analysis.contracts.segments import Support
from apps.accounts.models import User
from apps.core.actors import Actor
from apps.core.registries import station_list
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import (
    evaluation_complete,
    evaluation_end,
    evaluation_running,
    live_set,
    report_make,
    stage_make,
)
from apps.gates import selectors
from apps.gates.models import GateResult, Outcome
from apps.problems import selectors as problems
from apps.problems.tests.factories import COLOUR, PLAIN, behaviour_make

pytestmark = pytest.mark.django_db

PROTECTED = {"metric": "fnr", "comparison": "LIVE", "limit": 0.05, "scope": "PROTECTED", "critical": True}


def _one(**objective):
    """An evaluation of a problem with one objective."""
    stage = stage_make(objectives=[objective])
    return stage, evaluation_complete(stage)


def test_a_proven_harm_fails_and_says_so_in_one_sentence_about_people():
    _, evaluation = _one(**PROTECTED)

    gates = selectors.gate_list(evaluation)

    first = gates[0]
    assert (first.outcome, first.blocks, first.group_key) == ("FAIL", True, "Age=35 and over")
    assert "for people aged 35 and over rises by" in first.sentence
    assert first.sentence.endswith("fails the limit of 5.0 points.")
    assert [gate.blocks for gate in gates] == sorted((gate.blocks for gate in gates), reverse=True)
    assert {gate.group_key for gate in gates} >= {"Age=under 25", "Colour=Black", "Colour=White"}
    assert "Employed=Yes" not in {gate.group_key for gate in gates}


def test_an_interval_on_both_sides_is_not_proven_and_blocks_for_the_protected():
    stage = stage_make(objectives=[{**PROTECTED, "critical": False, "limit": 0.001}])
    evaluation = evaluation_complete(stage, n=400, harm=0.05, least=Support(10, 3, 3))

    gates = selectors.gate_list(evaluation)
    unproven = [gate for gate in gates if gate.outcome == Outcome.NOT_PROVEN]

    assert unproven
    assert all(gate.blocks for gate in unproven), "protected groups block by default"
    assert all("not proven" in gate.sentence for gate in unproven)
    assert all(gate.low < gate.limit < gate.high for gate in unproven)


def test_not_proven_for_everyone_warns_and_does_not_block():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.85}])
    evaluation = evaluation_running(stage)
    for seed in range(6):
        report, statistics = report_make(problems.segment_specs(evaluation.problem_version), n=300, seed=seed)
        auc = report.overall.metrics["roc_auc"]
        if auc.low < 0.85 < auc.high:
            break
    evaluation_end(evaluation, {"report": report.to_json()}, statistics)

    (gate,) = selectors.gate_list(evaluation)

    assert (gate.outcome, gate.blocks) == ("NOT_PROVEN", False)
    assert not selectors.gate_summary(evaluation).blocking


FACTS = ("fact:parameters", "fact:features", "fact:size", "fact:row_time", "fact:depth")


def test_facts_of_the_model_are_gates_that_pass_fail_or_are_not_evaluated():
    # The factories record 2 features, 31 parameters, 4,096 bytes, 0.02 ms a row, and no depth.
    limits = dict(zip(FACTS, (30, 2, 50, 2, 10), strict=True))
    stage = stage_make(objectives=[{"metric": name, "limit": limit} for name, limit in limits.items()])
    evaluation = evaluation_complete(stage)

    gates = {gate.objective.metric: gate for gate in selectors.gate_list(evaluation) if gate.objective}

    assert [(gates[name].outcome, gates[name].blocks) for name in FACTS] == [
        ("FAIL", True),
        ("PASS", False),
        ("PASS", False),
        ("PASS", False),
        ("NOT_EVALUATED", False),
    ]
    number = evaluation.model_version.number
    assert (
        gates["fact:parameters"].sentence
        == f"Parameters: version {number} records 31, which fails the limit of at most 30."
    )
    assert "records 0.00410 MB, which passes the limit of at most 50.0 MB." in gates["fact:size"].sentence
    assert gates["fact:row_time"].sentence.endswith("records 0.0200 ms, which passes the limit of at most 2.00 ms.")
    assert gates["fact:depth"].sentence == f"Depth is not evaluated: version {number} records no such fact."
    assert selectors.gate_focus(gates.values()) == []


def test_an_unknown_fact_blocks_where_the_objective_is_critical():
    _, evaluation = _one(metric="fact:depth", limit=10, critical=True)

    (gate,) = selectors.gate_list(evaluation)

    assert (gate.outcome, gate.blocks) == ("NOT_EVALUATED", True)


def test_the_page_of_the_evaluation_and_the_objectives_show_facts_and_their_gates():
    stage, evaluation = _one(metric="fact:parameters", limit=30)
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.scientist.id))

    page = client.get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode()
    assert "which fails the limit of at most 30" in page
    assert reverse("version-detail", args=[evaluation.model_version_id]) + "#h-facts" in page
    sheet = client.get(reverse("problem-objectives", args=[evaluation.problem_id])).content.decode()
    assert "at most 30" in sheet
    assert "31" in sheet


def test_too_few_rows_are_never_a_pass():
    stage = stage_make(objectives=[PROTECTED])
    evaluation = evaluation_complete(stage, n=200, least=Support(150, 40, 40))

    gates = selectors.gate_list(evaluation)

    assert gates
    hidden = [gate for gate in gates if gate.value is None]
    assert hidden
    assert all(gate.outcome == Outcome.NOT_EVALUATED for gate in hidden)
    assert all("is not evaluated" in gate.sentence for gate in hidden)


def test_an_undefined_metric_is_never_a_pass():
    stage = stage_make(objectives=[{"metric": "fnr", "limit": 0.5, "critical": True}])
    evaluation = evaluation_running(stage)
    report, _ = report_make(problems.segment_specs(evaluation.problem_version))
    body = report.to_json()
    body["groups"][0]["metrics"]["fnr"] = {
        "value": None, "low": None, "high": None, "method": None, "n": 0, "undefined": "no positives",
    }  # fmt: skip
    evaluation_end(evaluation, {"report": body})

    (gate,) = selectors.gate_list(evaluation)

    assert (gate.outcome, gate.blocks) == ("NOT_EVALUATED", True)
    assert "no positives" in gate.sentence


def test_a_segment_that_the_report_does_not_hold_is_not_lost():
    stage = stage_make(
        objectives=[
            {
                "metric": "fnr",
                "limit": 0.1,
                "scope": "DISPARITY",
                "segment": "Colour",
                "critical": True,
                "reason": "So.",
            }
        ]
    )
    evaluation = evaluation_running(stage)
    report, _ = report_make([])
    evaluation_end(evaluation, {"report": report.to_json()})

    (gate,) = selectors.gate_list(evaluation)

    assert (gate.outcome, gate.blocks) == ("NOT_EVALUATED", True)


def test_nothing_judged_is_not_clear():
    summary = selectors.summary_of([])

    assert not summary.clear
    assert summary.headline == "no gate judged"
    assert summary.words == "none judged"
    assert summary.tone == "warn"


@pytest.mark.parametrize(
    ("counts", "tone"),
    [((3, 0, 0, 0, 0), "good"), ((3, 0, 0, 2, 0), "warn"), ((3, 0, 1, 0, 0), "warn"), ((3, 1, 0, 0, 1), "bad")],
)
def test_only_gates_that_all_pass_are_green(counts, tone):
    assert selectors.GateSummary(*counts).tone == tone


def test_a_limit_against_live_needs_the_version_that_is_live():
    stage = stage_make(objectives=[PROTECTED])
    evaluation = evaluation_running(stage)
    report, _ = report_make(problems.segment_specs(evaluation.problem_version))
    live_set(None)

    evaluation_end(evaluation, {"report": report.to_json()})

    (gate,) = selectors.gate_list(evaluation)
    assert (gate.outcome, gate.blocks) == ("NOT_EVALUATED", False)
    assert "nothing is live yet" in gate.sentence
    assert not selectors.gate_summary(evaluation).passed


def test_results_are_written_with_the_evaluation_and_sealed():
    _, evaluation = _one(**PROTECTED)
    gate = GateResult.objects.filter(evaluation=evaluation, outcome="FAIL").first()

    with pytest.raises(IntegrityError), transaction.atomic():
        GateResult.objects.filter(pk=gate.pk).update(outcome="PASS", blocks=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        gate.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        GateResult.objects.create(
            team_id=gate.team_id,
            evaluation=evaluation,
            objective=gate.objective,
            position=99,
            name="x",
            group_key="other",
            group_label="other",
            outcome="FAIL",
            blocks=False,
            sentence="A failed gate that lets pass.",
        )


def test_a_failed_evaluation_has_no_verdict():
    stage = stage_make(objectives=[PROTECTED])
    evaluation = evaluation_running(stage)
    evaluation_end(evaluation, {"report": None})
    evaluation.refresh_from_db()

    assert evaluation.state == Evaluation.State.FAILED
    assert selectors.gate_list(evaluation) == []


def test_the_station_tells_state_and_way():
    stage = stage_make(objectives=[PROTECTED])
    actor = Actor.system()

    def station():
        return next(one for one in station_list(actor, stage.ground.problem.pk) if one.key == "evaluation")

    before = station()
    evaluation = evaluation_running(stage)
    during = station()
    report, _ = report_make(problems.segment_specs(evaluation.problem_version))
    evaluation_end(evaluation, {"report": report.to_json()})
    after = station()

    assert before.state == "not evaluated"
    assert (during.state, during.tone) == ("running", "info")
    assert (after.state, after.tone) == (selectors.gate_summary(evaluation).headline, "bad")
    assert str(evaluation.pk) in after.object_url


def test_the_page_shows_what_blocks_first_and_folds_what_passes():
    stage, evaluation = _one(**PROTECTED)
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.owner.id))

    page = client.get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode()
    gates = selectors.gate_list(evaluation)

    assert gates[0].sentence in page
    assert selectors.gate_summary(evaluation).words in page
    shown = selectors.gates_shown(gates)
    if shown["gate_folded"]:
        assert f"{len(shown['gate_folded'])} gates pass" in page
    assert all(gate.outcome == "PASS" for gate in shown["gate_folded"])


def test_focus_names_what_blocks():
    _, evaluation = _one(**PROTECTED)

    assert ("fnr", "Age=35 and over") in selectors.gate_focus(selectors.gate_list(evaluation))


def test_the_problem_page_fetches_what_two_versions_reached_beside_each_limit():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.5, "comparison": "ABSOLUTE"}, PROTECTED])
    evaluation = evaluation_complete(stage)
    client = Client()
    client.force_login(User.objects.get(pk=stage.ground.owner.person_id))

    page = client.get(reverse("problem-detail", args=[evaluation.problem_id])).content.decode()
    url = reverse("problem-objectives", args=[evaluation.problem_id])
    card = client.get(url).content.decode()

    assert f'hx-get="{url}"' in page
    assert f"v{stage.live.number} live" in card
    assert f"v{stage.candidate.number} candidate" in card
    assert f"Gate for v{stage.candidate.number}" in card
    report = evaluation.report["groups"][0]
    assert f"{report['metrics']['roc_auc']['value']:.3f}" in card
    assert f"{report['baseline']['roc_auc']['value']:.3f}" in card
    assert "pass" in card


def test_a_critical_behaviour_test_is_a_gate_that_blocks_unless_it_is_shown_to_hold():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.5}])
    behaviour_make(stage.ground.owner, stage.ground.problem, COLOUR, critical=True)
    behaviour_make(stage.ground.owner, stage.ground.problem, PLAIN)

    kept, broken = evaluation_complete(stage, by_colour=0.0), evaluation_complete(stage, by_colour=0.3)

    def of(evaluation):
        (gate,) = [gate for gate in selectors.gate_list(evaluation) if gate.behaviour_id is not None]
        return gate

    assert (of(kept).outcome, of(kept).blocks) == ("PASS", False)
    assert (of(broken).outcome, of(broken).blocks) == ("FAIL", True)
    assert of(broken).name == f"Behaviour: {COLOUR['name']}"
    assert of(broken).sentence.startswith(f"Behaviour: {COLOUR['name']}: fails: ")
    assert of(broken).sentence.endswith("at least 99 % must.")
    assert of(broken).limit == 0.99
    assert selectors.gate_list(broken)[0] == of(broken), "what blocks comes first"
    page = Client()
    page.force_login(User.objects.get(pk=stage.ground.owner.id))
    shown = page.get(reverse("evaluation-detail", args=[broken.pk])).content.decode()
    assert f"{reverse('evaluation-behaviour', args=[broken.pk])}#t-{of(broken).behaviour_id}" in shown


def test_a_critical_behaviour_test_of_which_nothing_is_told_blocks():
    stage = stage_make(objectives=[{"metric": "roc_auc", "limit": 0.5}])
    version = behaviour_make(stage.ground.owner, stage.ground.problem, COLOUR, critical=True)

    silent = evaluation_complete(stage, findings=True)

    (gate,) = [gate for gate in selectors.gate_list(silent) if gate.behaviour_id == version.pk]
    assert (gate.outcome, gate.blocks) == ("NOT_EVALUATED", True)
    assert "nothing is told of it" in gate.sentence
    with pytest.raises(IntegrityError), transaction.atomic():
        GateResult.objects.create(
            team=stage.team,
            evaluation=silent,
            position=99,
            name="x",
            group_key="x",
            group_label="x",
            outcome="PASS",
            blocks=False,
            sentence="It judges nothing.",
        )
