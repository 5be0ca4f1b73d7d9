"""Power beforehand: against simulation and the exact test, inverses of each other, and the words for a result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.compare import mcnemar
from analysis.contracts.report import BETTER, NO_DIFFERENCE, NOT_ENOUGH_DATA, WORSE
from analysis.intervals import paired_shares
from analysis.power import (
    Spread,
    difference_read,
    plan,
    power_of,
    rows_to_equal,
    rows_to_prove,
    smallest_effect,
    smallest_margin,
)

SHARES = st.floats(0.02, 0.9)


@given(SHARES, st.floats(0.05, 1), st.floats(0.5, 0.98))
def test_rows_and_effects_are_inverses(discordant: float, part: float, power: float) -> None:
    spread = Spread.discordant(discordant)
    effect = part * discordant

    n = rows_to_prove(effect, spread, power=power)

    assert n is not None
    chance = power_of(n, effect, spread)
    assert chance is not None
    assert chance >= power - 1e-6
    least = smallest_effect(n, spread, power=power)
    assert least is not None
    assert least <= effect + 1e-9
    if n > 1:
        before = power_of(n - 1, effect, spread)
        assert before is not None
        assert before <= power + 1e-6


@given(st.floats(0.01, 10), st.floats(0.001, 5), st.floats(0.5, 0.98))
def test_margins_are_inverses(deviation: float, margin: float, power: float) -> None:
    spread = Spread.deviation(deviation)

    n = rows_to_equal(margin, spread, power=power)

    assert n is not None
    least = smallest_margin(n, spread, power=power)
    assert least is not None
    assert least <= margin + 1e-9


@pytest.mark.parametrize(("discordant", "effect"), [(0.1, 0.03), (0.2, 0.05), (0.4, 0.1), (0.06, 0.02)])
def test_the_exact_test_finds_as_often_as_said(discordant: float, effect: float) -> None:
    n = rows_to_prove(effect, Spread.discordant(discordant))
    assert n is not None
    first, second = (discordant + effect) / 2, (discordant - effect) / 2

    draws = np.random.default_rng(4).multinomial(n, [first, second, 1 - discordant], 20_000)
    found = (mcnemar(draws[:, 0], draws[:, 1]) <= 0.05).mean()

    # The exact test is conservative, and more so with few discordant rows.
    assert 0.75 <= found <= 0.82


@pytest.mark.parametrize(("discordant", "margin"), [(0.1, 0.02), (0.3, 0.05)])
def test_equality_is_proven_as_often_as_said(discordant: float, margin: float) -> None:
    n = rows_to_equal(margin, Spread.discordant(discordant))
    assert n is not None

    draws = np.random.default_rng(5).multinomial(n, [discordant / 2, discordant / 2, 1 - discordant], 20_000)
    low, high = paired_shares(draws[:, 0], draws[:, 1], n, 0.95)

    assert ((low >= -margin) & (high <= margin)).mean() == pytest.approx(0.8, abs=0.03)


def test_a_mean_needs_as_many_rows_as_the_t_test() -> None:
    n = rows_to_prove(0.5, Spread.deviation(2.0), power=0.9)
    assert n is not None

    shift = 0.5 / 2.0 * np.sqrt(n)
    bar = stats.t.ppf(0.975, n - 1)
    exact = stats.nct.sf(bar, n - 1, shift) + stats.nct.cdf(-bar, n - 1, shift)

    assert exact == pytest.approx(0.9, abs=0.01)


def test_what_cannot_be_is_none() -> None:
    spread = Spread.discordant(0.02)

    assert rows_to_prove(0, spread) is None
    assert rows_to_prove(0.03, spread) is None  # more than all rows on which the two differ
    assert rows_to_equal(0, spread) is None
    assert smallest_effect(3, spread) is None
    assert smallest_effect(0, spread) is None
    assert power_of(100, 0.03, spread) is None
    assert rows_to_prove(1e-12, Spread.deviation(5)) is None


@pytest.mark.parametrize(
    ("ends", "better", "verdict"),
    [
        ((-0.01, 0.015), True, NO_DIFFERENCE),
        ((0.001, 0.019), True, NO_DIFFERENCE),
        ((0.01, 0.05), True, BETTER),
        ((0.01, 0.05), False, WORSE),
        ((-0.05, -0.01), True, WORSE),
        ((-0.05, 0.03), True, NOT_ENOUGH_DATA),
        ((None, None), True, NOT_ENOUGH_DATA),
    ],
)
def test_an_interval_reads_as_it_should(ends: tuple, better: bool, verdict: str) -> None:
    planned = plan(300, 0.02, Spread.discordant(0.2))

    reading = difference_read(ends, planned, higher_is_better=better)

    assert reading.verdict == verdict
    assert (reading.rows_enough is not None) == (verdict == NOT_ENOUGH_DATA)
    if verdict == NOT_ENOUGH_DATA:
        assert planned.rows_enough is not None
        assert f"{planned.rows_enough:,}".replace(",", "\u202f") in reading.sentence


def test_no_number_of_rows_proves_equality_to_the_last_digit() -> None:
    reading = difference_read((-0.1, 0.1), plan(300, 0, Spread.discordant(0.2)), higher_is_better=True)

    assert reading.rows_enough is None
    assert "No number of rows" in reading.sentence


def test_wrong_questions_are_refused() -> None:
    for wrong in (lambda: Spread.discordant(1.2), lambda: Spread.deviation(-1), lambda: Spread.apart(2, 0)):
        with pytest.raises(ValueError, match=r"between|zero or more"):
            wrong()
    with pytest.raises(ValueError, match="power"):
        rows_to_prove(0.1, Spread.discordant(0.2), power=1)
    with pytest.raises(ValueError, match="interest"):
        plan(10, -0.1, Spread.discordant(0.2))
