"""Several models: combinations by hand, shares against all orders, and how far draws spread."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from analysis.ensembles import Cascade, Combination, Mean, Vote, ensemble_measure, shapley_values


def make_models(n: int = 400, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Four models of different worth; the last two are nearly the same."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    signal = rng.normal(size=n) + 1.5 * truth
    scores = [1 / (1 + np.exp(-(signal + noise * rng.normal(size=n) - 0.7))) for noise in (0.2, 3, 1)]
    return truth, [*scores, np.clip(scores[2] + 0.01 * rng.normal(size=n), 0.001, 0.999)]


def auc_of(truth: np.ndarray):
    def auc(output: np.ndarray, rows: np.ndarray) -> float:
        one = truth[rows]
        return float(roc_auc_score(one, output[rows])) if 0 < one.sum() < one.size else float("nan")

    return auc


@pytest.mark.parametrize("combination", [Mean(), Mean((3, 1, 0, 2)), Vote(), Cascade((0.9, 0.6, 0.8, 0.9))])
def test_four_models_equal_brute_force(combination: Combination) -> None:
    truth, scores = make_models()
    auc, rows = auc_of(truth), np.arange(truth.size)
    without = np.full(truth.size, 0.4)

    found = ensemble_measure("wxyz", scores, combination, auc, without)

    def value(members: set[int]) -> float:
        places = sorted(members)
        return auc(combination([scores[at] for at in places], places) if places else without, rows)

    orders = list(permutations(range(4)))
    for member, one in enumerate(found.members):
        steps = [
            value({*order[: order.index(member)], member}) - value({*order[: order.index(member)]}) for order in orders
        ]
        assert one.shapley.value == pytest.approx(np.mean(steps), abs=1e-12)
        assert one.alone.value == pytest.approx(value({member}))
        assert one.leave_one_out.value == pytest.approx(value({0, 1, 2, 3}) - value({0, 1, 2, 3} - {member}))
    assert found.together.value == pytest.approx(value({0, 1, 2, 3}))
    assert found.without.value == pytest.approx(0.5)
    total = sum(one.shapley.value or 0 for one in found.members)
    assert total == pytest.approx((found.together.value or 0) - 0.5, abs=1e-12)


@given(st.integers(1, 6), st.randoms(use_true_random=False))
def test_shares_keep_what_shapley_promises(count: int, random) -> None:
    values = np.array([random.uniform(-1, 1) for _ in range(1 << count)])
    coalitions = np.arange(1 << count)
    idle = random.randrange(count)
    lazy = values[coalitions & ~(1 << idle)]  # a member that never changes anything

    shares, of_lazy = shapley_values(values, count), shapley_values(lazy, count)

    assert shares.sum() == pytest.approx(values[-1] - values[0])
    assert of_lazy[idle] == pytest.approx(0)
    np.testing.assert_allclose(shapley_values(values + 2 * lazy, count), shares + 2 * of_lazy, atol=1e-12)


def test_twins_share_what_leaving_one_out_does_not_see() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(3000) < 0.5
    twin = np.where(rng.random(3000) < 0.9, truth, ~truth).astype(float)

    found = ensemble_measure("ab", [twin, twin], Mean(), auc_of(truth), np.full(3000, 0.5))

    for one in found.members:
        assert one.leave_one_out.value == 0
        assert one.shapley.value == pytest.approx(0.2, abs=0.02)


def test_votes_and_cascades_by_hand() -> None:
    a, b, c = (np.array(row) for row in ([0.9, 0.6, 0.4], [0.2, 0.6, 0.4], [0.1, 0.1, 0.8]))

    assert Vote()([a, b, c], [0, 1, 2]).tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert Vote((0.95, 0.1, 0.1))([a, b, c], [0, 1, 2]).tolist() == pytest.approx([2 / 3] * 3)
    assert Cascade((0.8, 0.7, 0.5))([a, b, c], [0, 1, 2]).tolist() == [0.9, 0.1, 0.8]
    assert Cascade((0.8, 0.7, 0.5))([a, b], [0, 1]).tolist() == [0.9, 0.6, 0.4]
    assert [rows.tolist() for rows in Cascade((0.8, 0.7, 0.5)).answered([a, b, c], [0, 1, 2])] == [
        [True, False, False],
        [False, False, False],
        [False, True, True],
    ]
    many = [np.array([[0.5, 0.3, 0.2]]), np.array([[0.1, 0.8, 0.1]]), np.array([[0.4, 0.5, 0.1]])]
    assert Vote()(many, [0, 1, 2])[0].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert Cascade((0.6, 0.6, 0.6))(many, [0, 1, 2])[0].tolist() == [0.1, 0.8, 0.1]
    assert Mean((1, 0, 3))(many, [0, 1, 2])[0].tolist() == pytest.approx([0.425, 0.45, 0.125])


def test_draws_give_intervals_that_hold_the_value() -> None:
    truth, scores = make_models(300)

    def loss(output: np.ndarray, rows: np.ndarray) -> float:
        return float(((truth[rows] - output[rows]) ** 2).mean())

    found = ensemble_measure("ab", scores[:2], Mean(), loss, np.full(300, truth.mean()), draws=200)

    for one in (found.together, found.without, *(each.shapley for each in found.members)):
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.value < one.high
    assert found == ensemble_measure("ab", scores[:2], Mean(), loss, np.full(300, truth.mean()), draws=200)


def test_what_is_undefined_says_why() -> None:
    truth, scores = make_models(50)
    none = ensemble_measure("a", [scores[0]], Mean(), lambda output, rows: float("nan"), np.full(50, 0.5))
    empty = ensemble_measure("a", [np.zeros(0)], Mean(), auc_of(truth), np.zeros(0))

    assert none.to_json()["members"][0]["shapley"]["value"] is None
    assert none.together.undefined == "the metric is undefined for a combination that it needs"
    assert empty.together.undefined == "there are no rows"
    with pytest.raises(ValueError, match="1 to 10"):
        ensemble_measure("a" * 11, [scores[0]] * 11, Mean(), auc_of(truth), np.full(50, 0.5))
    with pytest.raises(ValueError, match="one shape"):
        ensemble_measure("a", [scores[0]], Mean(), auc_of(truth), np.full(49, 0.5))
    with pytest.raises(ValueError, match="100 draws"):
        ensemble_measure("a", [scores[0]], Mean(), auc_of(truth), np.full(50, 0.5), draws=5)
    with pytest.raises(ValueError, match="not all zero"):
        Mean((0, 0))
