"""The order of work as a pure rule: classes, fair shares, ageing, and that nobody starves."""

from __future__ import annotations

import math
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.jobs.order import (
    AGE_STEP,
    HIGH,
    LOW,
    NORMAL,
    START_CHARGE,
    Load,
    Waiting,
    class_of,
    faded,
    next_of,
    order_of,
)

TEAMS = [uuid.UUID(int=number + 1) for number in range(5)]


def waiting(number: int, team: int = 0, priority: int = NORMAL, queued: float = 0.0, **fields: float) -> Waiting:
    return Waiting(uuid.UUID(int=1000 + number), TEAMS[team], priority, queued, **fields)


def test_a_higher_class_is_first_then_the_team_with_less_use_then_the_older_job():
    loads = {TEAMS[0]: Load(used=900), TEAMS[1]: Load(used=100)}
    old, other, high = waiting(1, queued=0), waiting(2, team=1, queued=5), waiting(3, priority=HIGH, queued=9)

    assert next_of([old, other, high], loads, 10) == high
    assert next_of([old, other], loads, 10) == other
    assert next_of([old, waiting(4, queued=1)], loads, 10) == old


def test_a_team_of_twice_the_weight_may_use_twice_as_much():
    loads = {TEAMS[0]: Load(used=190, weight=2), TEAMS[1]: Load(used=100)}

    assert next_of([waiting(1), waiting(2, team=1)], loads, 10) == waiting(1)


def test_a_team_without_a_free_place_holds_up_nobody():
    loads = {TEAMS[0]: Load(free=0), TEAMS[1]: Load(used=500, free=1)}

    assert next_of([waiting(1), waiting(2, team=1)], loads, 10) == waiting(2, team=1)
    assert next_of([waiting(1)], loads, 10) is None


def test_waiting_lifts_a_job_class_by_class_and_a_clock_set_back_lowers_none():
    assert [class_of(LOW, AGE_STEP * steps) for steps in (0, 0.99, 1, 2, 9)] == [LOW, LOW, NORMAL, HIGH, HIGH]
    assert class_of(NORMAL, -1e9) == NORMAL
    assert faded(100, -1e9) == 100


JOBS = st.lists(
    st.builds(
        lambda number, team, priority, queued, cost: waiting(number, team, priority, queued, cost=cost),
        st.integers(0, 10**6),
        st.integers(0, 4),
        st.sampled_from([LOW, NORMAL, HIGH]),
        st.floats(0, 1e6),
        st.floats(0, 1e5),
    ),
    max_size=40,
    unique_by=lambda job: job.id,
)


@given(JOBS, st.floats(0, 2e6))
def test_every_job_comes_once_and_within_a_team_and_priority_by_age(jobs, now):
    order = order_of(jobs, {}, now, most=len(jobs))

    assert sorted(job.id for job in order) == sorted(job.id for job in jobs)
    for team in TEAMS:
        for priority in (LOW, NORMAL, HIGH):
            ages = [(job.queued, job.id.int) for job in order if (job.team, job.priority) == (team, priority)]
            assert ages == sorted(ages)


@given(JOBS, st.floats(0, 2e6), st.integers(0, 40))
def test_the_first_of_the_order_is_the_one_that_a_claim_takes(jobs, now, most):
    order = order_of(jobs, {}, now, most=most)

    assert len(order) == min(most, len(jobs))
    if order:
        assert order[0] == next_of(jobs, {}, now)


@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0]), min_size=2, max_size=5),
    st.lists(st.floats(0, 5000), min_size=1, max_size=200),
    st.lists(st.floats(0, 7200), min_size=200, max_size=200),
)
def test_teams_that_always_have_work_stay_within_one_job_of_each_other(weights, costs, pauses):
    used = [0.0] * len(weights)
    dearest = max(START_CHARGE, *costs)

    for index, cost in enumerate(costs):
        used = [faded(one, pauses[index]) for one in used]
        loads = {TEAMS[team]: Load(used[team], weights[team]) for team in range(len(weights))}
        chosen = next_of([waiting(team, team) for team in range(len(weights))], loads, 0)
        assert chosen is not None
        used[TEAMS.index(chosen.team)] += max(START_CHARGE, cost)

        shares = [one / weight for one, weight in zip(used, weights, strict=True)]
        assert max(shares) - min(shares) <= dearest / min(weights) + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    before=st.integers(0, 5),
    own_use=st.floats(0, 3000),
    weights=st.lists(st.sampled_from([1.0, 4.0]), min_size=4, max_size=4),
    step=st.sampled_from([1.0, 60.0, 900.0]),
)
def test_a_low_job_starts_however_much_of_the_highest_priority_is_added(before, own_use, weights, step):
    """An adversary of four teams adds a job of the highest class before each start."""
    mine = [waiting(number, 4, LOW, queued=float(number)) for number in range(before + 1)]
    used = {TEAMS[4]: own_use}
    now, starts_at_the_top, number = 10.0, 0, 100
    # Each other team overtakes the share of mine after so many starts, and mine again after each of its own.
    worst = own_use + (before + 1) * START_CHARGE
    bound = sum(math.ceil(worst * weight / START_CHARGE) + 1 for weight in weights) + before + 1

    while mine:
        fresh = []
        for team in range(4):
            number += 1
            fresh.append(waiting(number, team, HIGH, queued=now))
        loads = {team: Load(used.get(team, 0.0), weights[i] if i < 4 else 1.0) for i, team in enumerate(TEAMS)}
        chosen = next_of([mine[0], *fresh], loads, now)
        assert chosen is not None
        if chosen == mine[0]:
            mine.pop(0)
        if mine and class_of(LOW, now - mine[0].queued) == HIGH:
            starts_at_the_top += 1
        used = {team: faded(one, step) for team, one in used.items()}
        used[chosen.team] = used.get(chosen.team, 0.0) + START_CHARGE
        now += step
        assert starts_at_the_top <= bound


@pytest.mark.parametrize("most", [0, 1, 3])
def test_an_order_is_no_longer_than_asked(most):
    assert len(order_of([waiting(number) for number in range(3)], {}, 0, most=most)) == most
