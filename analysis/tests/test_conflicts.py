"""Criteria that cannot hold together: the arithmetic, checked on counts made to satisfy the criteria by halves."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.contracts.costs import Costs
from analysis.contracts.findings import ConflictFound
from analysis.criteria import class_conflicts_find, conflicts_find
from analysis.segment_metrics.binary import BinaryStatistics
from analysis.tests.plain import plain_statistics

EVERYTHING = (
    "CALIBRATION",
    "COST_PARITY",
    "DEMOGRAPHIC_PARITY",
    "EQUALIZED_ODDS",
    "FOUR_FIFTHS",
    "PREDICTIVE_PARITY",
)


def make_statistics(cells: list[tuple[int, int, int, int]]) -> BinaryStatistics:
    """Groups of tn, fp, fn, tp rows with scores 0.2 and 0.8."""
    codes, truth, score = [], [], []
    for group, (tn, fp, fn, tp) in enumerate(cells):
        for count, outcome, said in ((tn, 0, 0.2), (fp, 0, 0.8), (fn, 1, 0.2), (tp, 1, 0.8)):
            codes += [group] * count
            truth += [outcome] * count
            score += [said] * count
    return plain_statistics(np.array(codes), np.array(truth, bool), np.array(score), len(cells))


def find(cells: list[tuple[int, int, int, int]], chosen: tuple[str, ...], **rest: object) -> dict[tuple, ConflictFound]:
    labels = [f"g{k}" for k in range(len(cells))]
    found = conflicts_find(chosen, make_statistics(cells), labels, [None] * len(cells), **rest)
    assert json.dumps(asdict(found))
    return {one.criteria: one for one in found.conflicts}


def test_equal_odds_force_what_the_groups_then_have() -> None:
    """Recall 80 % and false positive rate 10 % in both groups, base rates 20 % and 60 %."""
    cells = [(720, 80, 40, 160), (360, 40, 120, 480)]

    found = find(cells, EVERYTHING, costs=Costs(10, 30))

    rate = found[("DEMOGRAPHIC_PARITY", "EQUALIZED_ODDS")]
    assert [one.value for one in rate.forced] == pytest.approx([0.24, 0.52])
    assert [one.value for one in found[("FOUR_FIFTHS", "EQUALIZED_ODDS")].forced] == pytest.approx([0.24, 0.52])
    money = found[("COST_PARITY", "EQUALIZED_ODDS")]
    assert [one.value for one in money.forced] == pytest.approx(
        [100 * (10 * 80 + 30 * 40) / 1000, 100 * (400 + 3600) / 1000]
    )
    assert all(one.proven for one in found.values())
    assert len(found) == 6


def test_equal_precision_and_recall_force_false_positive_rates() -> None:
    """Recall 50 %, precision 80 %: the false positive rates of these counts are the ones forced."""
    cells = [(775, 25, 100, 100), (325, 75, 300, 300)]

    forced = find(cells, ("PREDICTIVE_PARITY", "EQUALIZED_ODDS"))[("PREDICTIVE_PARITY", "EQUALIZED_ODDS")].forced

    assert [one.value for one in forced] == pytest.approx([25 / 800, 75 / 400])


def test_equal_selection_and_precision_force_recall() -> None:
    """Half of either group is chosen and 40 % of those are positive."""
    cells = [(450, 300, 50, 200), (200, 300, 300, 200)]
    chosen = ("DEMOGRAPHIC_PARITY", "PREDICTIVE_PARITY", "EQUAL_OPPORTUNITY")

    forced = find(cells, chosen)[chosen].forced

    assert [one.value for one in forced] == pytest.approx([200 / 250, 200 / 500])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(20, 200)] * 4), min_size=2, max_size=4))
def test_calibrated_scores_force_the_odds(cells: list[tuple[int, int, int, int]]) -> None:
    found = find(cells, ("CALIBRATION", "EQUALIZED_ODDS"))

    p = np.array([(fn + tp) / (tn + fp + fn + tp) for tn, fp, fn, tp in cells])
    for conflict in found.values():
        for rate, one in zip(p, conflict.forced, strict=True):
            if one.value is not None:
                # Then the mean score of the group is its base rate, which is what calibration asks.
                hits = sum(tp for *_, tp in cells) / sum(fn + tp for *_, fn, tp in cells)
                positive = 0.2025 + 0.6 * hits
                assert rate * positive + (1 - rate) * one.value == pytest.approx(rate, abs=1e-9)


def test_equal_base_rates_let_everything_hold() -> None:
    assert find([(700, 100, 50, 150), (350, 50, 25, 75)], EVERYTHING) == {}


def test_base_rates_that_may_be_equal_are_said_to_be_unproven() -> None:
    found = find([(70, 10, 5, 15), (71, 10, 5, 14)], EVERYTHING)

    assert found
    for one in found.values():
        assert not one.proven
        assert "do not prove that base rates differ" in one.sentence


def test_a_perfect_model_escapes() -> None:
    found = find([(800, 0, 0, 200), (400, 0, 0, 600)], ("PREDICTIVE_PARITY", "EQUALIZED_ODDS"))

    assert found == {}


def test_only_what_is_chosen_is_held_against_each_other() -> None:
    cells = [(720, 80, 40, 160), (360, 40, 120, 480)]

    assert find(cells, ("DEMOGRAPHIC_PARITY", "PREDICTIVE_PARITY")) == {}
    assert find(cells, ("CALIBRATION", "EQUAL_OPPORTUNITY", "PREDICTIVE_PARITY")) == {}
    assert ("COST_PARITY", "EQUALIZED_ODDS") not in find(cells, EVERYTHING)  # no costs are stated


def test_impossible_numbers_say_so() -> None:
    cells = [(10, 90, 300, 600), (860, 40, 0, 100), (0, 0, 50, 50)]

    found = find(cells, ("PREDICTIVE_PARITY", "EQUALIZED_ODDS"))[("PREDICTIVE_PARITY", "EQUALIZED_ODDS")]

    assert [one.value is None for one in found.forced] == [True, False, True]
    assert "more than all" in (found.forced[0].reason or "")
    assert "one outcome only" in (found.forced[2].reason or "")


def test_one_group_is_no_comparison() -> None:
    found = conflicts_find(EVERYTHING, make_statistics([(5, 5, 5, 5), (5, 5, 5, 5)]), "ab", (None, "hidden"))

    assert found.undefined == "fewer than two groups can be compared"
    assert found.spread.value is None
    assert [one.label for one in found.base_rates] == ["a"]
    weighted = replace(make_statistics([(5, 5, 5, 5)] * 2), counts=np.full((2, 4), 5.5))
    with pytest.raises(ValueError, match="weighted"):
        conflicts_find(EVERYTHING, weighted, "ab", (None, None))
    with pytest.raises(KeyError):
        conflicts_find(("KINDNESS",), make_statistics([(5, 5, 5, 5)]), "a", (None,))


def test_many_classes_are_asked_class_by_class_against_the_rest() -> None:
    rng = np.random.default_rng(4)
    group = rng.integers(0, 2, 4000)
    truth = np.where(rng.random(4000) < np.where(group == 1, 0.6, 0.2), 0, rng.integers(1, 3, 4000))
    raw = np.eye(3)[truth] + 1.5 * rng.random((4000, 3))
    scores = raw / raw.sum(axis=1, keepdims=True)
    said = scores.argmax(axis=1)
    confusion = np.zeros((2, 3, 3), np.int64)
    np.add.at(confusion, (group, truth, said), 1)

    found = dict(class_conflicts_find(confusion, ("a", "b", "c"), "xy", (None, None), scores=(group, truth, scores)))
    without = dict(class_conflicts_find(confusion, ("a", "b", "c"), "xy", (None, None)))

    plain = plain_statistics(group, truth == 0, np.where(said == 0, 0.9, 0.1), 2)
    asked = [code for code in EVERYTHING if code not in ("COST_PARITY", "CALIBRATION")]
    alone = conflicts_find([*asked, "EQUAL_OPPORTUNITY"], plain, "xy", (None, None), level=1 - 0.05 / 3)
    assert set(found) == {"a", "b", "c"}
    assert [one.rate for one in without["a"].base_rates] == [one.rate for one in alone.base_rates]
    assert {one.criteria: one.forced for one in without["a"].conflicts} == {
        one.criteria: one.forced for one in alone.conflicts
    }
    assert ("CALIBRATION", "EQUALIZED_ODDS") in {one.criteria for one in found["a"].conflicts}
    assert ("CALIBRATION", "EQUALIZED_ODDS") not in {one.criteria for one in without["a"].conflicts}
    assert all(one.proven for one in found["a"].conflicts)
