"""Thresholds as a what-if: against trying every setting, and what it says about itself."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from analysis.contracts.costs import Costs
from analysis.mitigation import ACCURACY, CONSTRAINTS, COST, PER_GROUP, SINGLE, WhatIf, what_if
from analysis.segment_metrics.binary import BINS, BinaryStatistics
from analysis.tests.plain import plain_statistics

LABELS = ("a", "b", "c")
COSTS = Costs(2, 5)


def make_rows(n: int, seed: int, groups: int, coarse: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group codes, truths and scores; coarse scores are tenths, so that every setting can be tried."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, groups, n).astype(np.int32)
    truth = rng.random(n) < np.array([0.25, 0.45, 0.6])[codes]
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.6 * truth - 0.9 + 0.4 * codes)))
    return codes, truth, np.floor(score * 10) / 10 if coarse else score


def make_statistics(rows: tuple[np.ndarray, np.ndarray, np.ndarray], groups: int) -> BinaryStatistics:
    return plain_statistics(*rows, groups)


def ask(statistics: BinaryStatistics, groups: int = 3, **changes: object) -> WhatIf:
    given: dict[str, object] = {
        "segment": "Colour",
        "protected": True,
        "threshold": 0.5,
        "constraint": "DEMOGRAPHIC_PARITY",
        "limit": 0.05,
        "shape": PER_GROUP,
        "costs": COSTS,
    }
    barred = changes.pop("barred", [None] * groups)
    return what_if(statistics, LABELS[:groups], barred, **(given | changes))


def measure(rows: tuple, constraint: str, quality: str, thresholds: tuple[float, ...]) -> tuple[float, float]:
    """Disparity and quality by their definitions, from the rows."""
    codes, truth, score = rows
    said = score >= np.array(thresholds)[codes]
    groups = range(len(thresholds))
    among = {"selection_rate": np.ones(truth.size, bool), "tpr": truth, "fpr": ~truth}
    rates = [[said[among[name] & (codes == g)].mean() for g in groups] for name in CONSTRAINTS[constraint]]
    if constraint == "FOUR_FIFTHS":
        disparity = min(rates[0]) / max(rates[0]) if max(rates[0]) > 0 else float("nan")
    else:
        disparity = max(max(one) - min(one) for one in rates)
    if quality == ACCURACY:
        return disparity, (said == truth).mean()
    return disparity, 100 * (2 * (said & ~truth) + 5 * (truth & ~said)).mean()


@pytest.mark.parametrize("quality", [ACCURACY, COST])
@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("shape", [SINGLE, PER_GROUP])
def test_the_choice_is_the_best_of_all_settings(shape: str, constraint: str, quality: str) -> None:
    rows = make_rows(900, 3, 3, coarse=True)
    limit = 0.8 if constraint == "FOUR_FIFTHS" else 0.08

    found = ask(make_statistics(rows, 3), shape=shape, constraint=constraint, limit=limit, quality=quality)

    edges = [0.0, *(k / 10 + 0.05 for k in range(10))]
    tried = list(product(edges, repeat=3)) if shape == PER_GROUP else [(one,) * 3 for one in edges]
    all_of = [measure(rows, constraint, quality, one) for one in tried]
    fair = [q for d, q in all_of if (d >= limit if constraint == "FOUR_FIFTHS" else d <= limit + 1e-12)]
    best = max(fair) if quality == ACCURACY else min(fair)
    assert found.chosen is not None
    disparity, worth = measure(rows, constraint, quality, tuple(one.threshold for one in found.chosen.groups))
    assert found.chosen.quality.value == pytest.approx(worth)
    assert found.chosen.disparity.value == pytest.approx(disparity)
    assert disparity >= limit if constraint == "FOUR_FIFTHS" else disparity <= limit + 1e-9
    if constraint == "EQUALIZED_ODDS" and shape == PER_GROUP:
        tight = [q for d, q in all_of if d <= limit - 0.01]
        assert worth >= max(tight) - 1e-12 if quality == ACCURACY else worth <= min(tight) + 1e-12
    else:
        assert worth == pytest.approx(best)


@pytest.mark.parametrize("shape", [SINGLE, PER_GROUP])
def test_the_frontier_rises_from_fair_to_good(shape: str) -> None:
    rows = make_rows(5000, 4, 3, coarse=False)

    found = ask(make_statistics(rows, 3), shape=shape)

    points = [(one.disparity.value, one.quality.value) for one in found.frontier]
    assert len(points) > 3
    assert points == sorted(points)
    assert len({quality for _, quality in points}) == len(points)
    best = max(measure(rows, "DEMOGRAPHIC_PARITY", ACCURACY, (k / BINS,) * 3)[1] for k in range(BINS + 1))
    assert points[-1][1] >= best - 1e-12
    for one in found.frontier:
        assert one.disparity.low is not None
        assert one.disparity.high is not None
        assert one.disparity.low <= one.disparity.value <= one.disparity.high
        assert all(0 <= group.threshold <= 1 for group in one.groups)


def test_thresholds_by_group_do_at_least_as_well_as_one() -> None:
    statistics = make_statistics(make_rows(5000, 5, 3, coarse=False), 3)

    one, many = (ask(statistics, shape=shape, constraint="EQUAL_OPPORTUNITY") for shape in (SINGLE, PER_GROUP))

    assert one.chosen is not None
    assert many.chosen is not None
    assert many.chosen.quality.value >= one.chosen.quality.value
    assert one.today == many.today


def test_what_it_is_and_what_the_law_may_say_are_said() -> None:
    statistics = make_statistics(make_rows(600, 6, 3, coarse=False), 3)

    single, many = ask(statistics, shape=SINGLE), ask(statistics)
    plain = ask(statistics, protected=False)

    assert single.caution is None
    assert "Colour is a protected attribute" in (many.caution or "")
    assert "may be unlawful" in (many.caution or "")
    assert "not legal advice" in (plain.caution or "")
    assert all("Nothing is changed" in one.note and "same rows" in one.note for one in (single, many))
    assert json.dumps(many.to_json())


def test_groups_that_cannot_be_compared_keep_their_threshold() -> None:
    codes, truth, score = make_rows(2000, 7, 3, coarse=False)
    truth[codes == 1] = False

    found = ask(
        make_statistics((codes, truth, score), 3),
        constraint="EQUALIZED_ODDS",
        barred=[None, None, "fewer than 100 rows"],
    )
    two = ask(make_statistics((codes, truth, score), 3), constraint="FALSE_POSITIVE_PARITY")

    assert found.chosen is None
    assert found.reason == "fewer than two groups can be compared"
    assert {one.label: one.reason for one in found.left_out} == {
        "b": "it lacks the outcome that the rate is counted among",
        "c": "fewer than 100 rows",
    }
    assert [one.label for one in found.today.groups] == ["a", "b"]  # nothing of the hidden group
    assert found.today.disparity.value is None
    assert two.chosen is not None
    assert two.left_out == ()


def test_an_answer_for_everyone_is_marked() -> None:
    codes, truth, _ = make_rows(900, 8, 2, coarse=False)

    found = ask(make_statistics((codes, truth, np.full(900, 0.3)), 2), groups=2, shape=SINGLE, limit=0)

    assert found.today.constant
    assert found.chosen is not None
    assert found.chosen.constant
    assert found.today.groups[0].metrics["precision"].value is None


def test_wrong_questions_are_refused() -> None:
    statistics = make_statistics(make_rows(90, 9, 3, coarse=False), 3)
    for wrong in (
        {"constraint": "KINDNESS"},
        {"shape": "many"},
        {"quality": "f1"},
        {"quality": COST, "costs": None},
        {"limit": 1.5},
        {"threshold": -1},
    ):
        with pytest.raises(ValueError, match=r"constraint|Thresholds|quality|costs|limit"):
            ask(statistics, **wrong)
    with pytest.raises(ValueError, match="weighted"):
        ask(replace(statistics, histogram=statistics.histogram / 2))
