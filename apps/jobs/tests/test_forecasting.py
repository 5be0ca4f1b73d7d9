"""Intervals of forecasts as pure functions: what they hold, when they are stated, and from what."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.jobs.forecasting import LEAST, MOST, Forecast, Past, Spread, band_of, basis_of, fitting, spread_of
from apps.jobs.order import left_of, starts_of

VALUES = st.lists(st.floats(0, 1e9), min_size=1, max_size=80)


@given(VALUES)
def test_an_interval_lies_within_what_was_seen_and_holds_its_median(values):
    spread = spread_of(values)

    assert spread is not None
    assert min(values) <= spread.low <= spread.mid <= spread.high <= max(values)
    assert spread.stated == (len(values) >= LEAST)
    assert Spread.of_json(spread.to_json()) == spread


@given(VALUES, st.randoms())
def test_the_order_of_the_history_means_nothing(values, chance):
    mixed = list(values)
    chance.shuffle(mixed)

    assert spread_of(mixed) == spread_of(values)


def test_without_history_nothing_is_said_and_with_little_no_interval():
    few = spread_of([3.0, 1.0, 2.0])

    assert spread_of([]) is None
    assert few == Spread(1.0, 2.0, 3.0, 3)
    assert not few.stated
    assert "nothing is known" in basis_of(0, alike=False, sized=True)
    assert "too few to state an interval" in basis_of(3, alike=True, sized=True)
    assert basis_of(12, alike=True, sized=True).startswith("80 % interval from 12 earlier jobs")


@pytest.mark.parametrize("shape", ["lognormal", "uniform", "bursts"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_stated_as_80_percent_holds_75_to_85_percent_of_later_runs(shape, seed):
    chance = random.Random(seed)
    draw = {
        "lognormal": lambda: chance.lognormvariate(3, 1),
        "uniform": lambda: chance.uniform(10, 500),
        "bursts": lambda: chance.choice([20, 300]) * chance.uniform(0.8, 1.2),
    }[shape]
    history: list[float] = []
    hits = stated = 0

    for _ in range(3000):
        spread, value = spread_of(history[-MOST:]), draw()
        if spread is not None and spread.stated:
            stated += 1
            hits += spread.holds(value)
        history.append(value)

    assert stated == 3000 - LEAST
    assert 0.75 <= hits / stated <= 0.85


@pytest.mark.parametrize("n", [LEAST, 12, 20])
def test_a_short_history_holds_as_much_as_a_long_one(n):
    chance = random.Random(n)
    hits = 0

    for _ in range(3000):
        spread = spread_of([chance.lognormvariate(0, 1) for _ in range(n)])
        assert spread is not None
        hits += spread.holds(chance.lognormvariate(0, 1))

    assert 0.75 <= hits / 3000 <= 0.85


def test_data_of_a_similar_size_counts_alone_once_there_is_enough_of_it():
    small = [Past(100 + number, 1.0, None) for number in range(LEAST)]
    large = [Past(10_000, 99.0, None) for _ in range(20)]

    assert fitting(small + large, 120) == (small, True)
    assert fitting(small[:3] + large, 120) == (small[:3] + large, False)
    assert fitting(small[:3], 120) == (small[:3], True)
    assert fitting(small + large, None) == (small + large, False)


def test_a_forecast_is_kept_as_it_was_told():
    told = Forecast(run=spread_of([1.0, 2.0]), cost=spread_of([5.0]), currency="EUR", basis="Two jobs.")

    assert Forecast.of_json(told.to_json()) == told


def test_busier_targets_are_told_apart_coarsely():
    assert [band_of(2, 0), band_of(0, 0), band_of(2, 1), band_of(0, 3), band_of(0, 4000)] == [0, 1, 2, 3, 12]


@given(
    st.lists(st.floats(0, 1e4), max_size=30),
    st.lists(st.floats(0, 1e4), max_size=8),
    st.integers(1, 6),
)
def test_no_more_jobs_run_at_once_than_there_are_places(durations, running, places):
    starts = starts_of(durations, running, places)

    assert starts == sorted(starts)
    spans = [(0.0, left) for left in running] + [(s, s + d) for s, d in zip(starts, durations, strict=True)]
    for moment in starts:
        at_once = sum(begin <= moment < end for begin, end in spans)
        assert at_once <= max(places, len(running))


def test_a_job_that_outlasts_what_was_expected_goes_on_for_half_as_long_again():
    assert (left_of(100, 40), left_of(100, 300)) == (60, 150)
