"""Intervals, corrections, and how often they cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.contracts.costs import Costs
from analysis.fairness import gap_find, range_gap, ratio_gap
from analysis.intervals import (
    benjamini_hochberg,
    bonferroni_level,
    logit_normal,
    mean_student,
    normal_p,
    normal_z,
    paired_shares,
    sidak_level,
    square_and_add,
    wilson,
)
from analysis.segment_metrics.binary import binary_estimates, count_estimates
from analysis.segment_metrics.binary_rows import binary_rows
from analysis.tests.factories import reduce_binary


def test_wilson_equals_scipy() -> None:
    for hits, n in ((0, 10), (3, 10), (10, 10), (250, 1000)):
        low, high = wilson(hits, n)
        expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert float(low) == pytest.approx(expected.low, abs=1e-12)
        assert float(high) == pytest.approx(expected.high, abs=1e-12)
    assert np.isnan(wilson(0, 0)[0])


def test_benjamini_hochberg_equals_scipy_and_leaves_gaps() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])

    adjusted = benjamini_hochberg(p)

    np.testing.assert_allclose(adjusted[[0, 2, 3, 4]], stats.false_discovery_control(p[[0, 2, 3, 4]]))
    assert np.isnan(adjusted[1])


def test_normal_values() -> None:
    assert normal_z(0.95) == pytest.approx(1.959964, abs=1e-6)
    np.testing.assert_allclose(normal_p([1.959964, np.inf, -np.inf, np.nan]), [0.05, 0, 0, np.nan], atol=1e-6)
    assert sidak_level(0.95, 5) == pytest.approx(0.95**0.2)
    assert bonferroni_level(0.95, 5) == pytest.approx(0.99)
    assert sidak_level(0.95, 0) == 0.95


def test_mean_needs_two_rows() -> None:
    low, high = mean_student([3.0, 6.0], [9.0, 20.0], [1, 2])

    assert np.isnan(low[0])
    assert low[1] < 3 < high[1]


def test_square_and_add_of_a_difference_turns_the_second_interval() -> None:
    one = np.array([0.5])

    low, high = square_and_add((one, one), ((one - 0.1, one + 0.2), (one - 0.3, one + 0.4)), (1.0, -1.0))

    assert low[0] == pytest.approx(-np.hypot(0.1, 0.4))
    assert high[0] == pytest.approx(np.hypot(0.2, 0.3))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 100))
def test_paired_interval_holds_the_value(first: int, second: int, rest: int) -> None:
    n = first + second + rest
    low, high = paired_shares(first, second, n, 0.95)

    if n == 0:
        assert np.isnan(low)
    else:
        assert -1 <= low <= (first - second) / n <= high <= 1


@given(st.floats(0, 1), st.floats(0, 0.5), st.integers(1, 100))
def test_logit_interval_stays_inside(value: float, error: float, n: int) -> None:
    with np.errstate(over="ignore"):
        low, high = logit_normal(np.array([value]), np.array([error]), np.array([n]))

    assert 0 <= low[0] <= high[0] <= 1


GRID = [
    ([0.3] * 5, 200),
    ([0.3] * 10, 500),
    ([0.3, 0.31, 0.32, 0.33, 0.34], 300),
    ([0.3, 0.5], 300),
    ([0.02] * 4, 150),
    ([0.97] * 3, 100),
]


@pytest.mark.parametrize(("shares", "n"), GRID)
def test_a_range_covers_for_equal_groups_too(shares: list[float], n: int) -> None:
    """The percentile bootstrap of max - min covers 0 to 40 % in the first three of these cases."""
    rng = np.random.default_rng(5)
    draws = 600
    truth, quotient = max(shares) - min(shares), min(shares) / max(shares)
    groups = np.arange(len(shares))
    held = held_ratio = 0

    for hits in rng.binomial(n, shares, (draws, len(shares))):
        low, high = wilson(hits, np.full(len(shares), n), sidak_level(0.95, len(shares)))
        gap = range_gap(hits / n, low, high, groups)
        part = ratio_gap(hits / n, low, high, groups)
        assert gap.low is not None
        assert gap.high is not None
        held += gap.low <= truth + 1e-12 <= gap.high + 2e-12
        held_ratio += part.value is None or (part.low or 0) <= quotient + 1e-12 <= (part.high or 0) + 2e-12

    assert held / draws >= 0.94
    assert held_ratio / draws >= 0.94


def test_gaps_use_intervals_that_cover_together() -> None:
    counts = np.array([[60, 20, 10, 10], [50, 20, 10, 20], [40, 20, 10, 30]])
    used: list[float] = []

    def at(level: float) -> dict:
        used.append(level)
        return count_estimates(counts, level=level)

    one = gap_find("RANGE", "tpr", at, np.array([True, True, True]), 0.95)
    odds = gap_find("EQUALIZED_ODDS", "tpr", at, np.array([True, True, False]), 0.95)

    assert used == [0.95, pytest.approx(0.95 ** (1 / 3)), 0.95, pytest.approx(0.95 ** (1 / 4))]
    plain = range_gap(*(getattr(at(0.95)["tpr"], end) for end in ("value", "low", "high")), np.arange(3))
    assert one.high is not None
    assert plain.high is not None
    assert one.high > plain.high
    assert odds.used == (0, 1)


def test_single_intervals_cover() -> None:
    """400 samples of 300 rows: every interval holds the value of a very large sample about 95 times in 100."""
    rng = np.random.default_rng(8)
    groups, n = 400, 300

    def draw(rows: int) -> tuple[np.ndarray, np.ndarray]:
        truth = rng.random(rows) < 0.3
        return truth, 1 / (1 + np.exp(-(1.2 * (rng.normal(size=rows) + 1.2 * truth) - 1.5)))

    def estimate(rows: int, codes: np.ndarray, size: int) -> dict:
        truth, score = draw(rows)
        statistics = reduce_binary(codes, size, binary_rows(truth, score, 0.4))
        return binary_estimates(statistics, costs=Costs(2, 1))

    right = estimate(500_000, np.zeros(500_000, np.int32), 1)
    found = estimate(groups * n, np.repeat(np.arange(groups, dtype=np.int32), n), groups)

    for name, one in found.items():
        if name == "count":
            continue
        value = right[name].value[0]
        cover = np.mean((one.low <= value) & (value <= one.high))
        assert cover >= 0.91, name
