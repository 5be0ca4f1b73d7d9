"""The paired bootstrap: equals scipy's, sees that rows are paired and clustered, and says when it cannot be."""

import numpy as np
import pytest
from scipy import stats

from analysis.bootstrap import paired_bootstrap


def mean_of(values: np.ndarray):
    return lambda rows: values[rows].mean()


def test_the_interval_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    base = rng.exponential(size=200)
    mine = base + rng.normal(0.1, 0.3, 200)

    found = paired_bootstrap(mean_of(mine), mean_of(base), 200, draws=4000).difference

    expected = stats.bootstrap((mine - base,), np.mean, n_resamples=4000, rng=2, method="BCa").confidence_interval
    assert found.value == pytest.approx((mine - base).mean())
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)
    assert found.high - found.low < 0.15  # unpaired it would be about 0.4


def test_rows_of_a_cluster_are_drawn_together() -> None:
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(40), 25)
    gap = rng.normal(size=40)[cluster]
    none = np.zeros(1000)

    alone = paired_bootstrap(mean_of(gap), mean_of(none), 1000, draws=500).difference
    together = paired_bootstrap(mean_of(gap), mean_of(none), 1000, clusters=cluster, draws=500).difference

    assert together.high - together.low == pytest.approx(5 * (alone.high - alone.low), rel=0.2)


def test_the_same_seed_gives_the_same() -> None:
    values = np.random.default_rng(0).normal(size=50)

    one, other = (paired_bootstrap(mean_of(values), mean_of(-values), 50, draws=200, seed=7) for _ in range(2))

    assert one == other


def test_what_cannot_be_drawn_says_why() -> None:
    def rare(rows: np.ndarray) -> float:
        return 1.0 if 0 in rows else float("nan")

    thin = paired_bootstrap(mean_of(np.ones(5)), mean_of(np.zeros(5)), 5)
    torn = paired_bootstrap(rare, mean_of(np.zeros(50)), 50, draws=200)
    gone = paired_bootstrap(lambda rows: float("nan"), mean_of(np.zeros(50)), 50)
    same = paired_bootstrap(mean_of(np.ones(50)), mean_of(np.zeros(50)), 50, draws=100)

    assert (thin.difference.value, thin.difference.low) == (1.0, None)
    assert thin.reason == "5 rows are too few to draw from"
    assert torn.difference.low is None
    assert torn.undefined_draws > 10
    assert gone.difference.undefined == "undefined for one of the two"
    assert (same.difference.low, same.difference.high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="100 draws"):
        paired_bootstrap(mean_of(np.ones(5)), mean_of(np.ones(5)), 5, draws=10)
