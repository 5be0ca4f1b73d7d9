from __future__ import annotations

import math

import pytest

from analysis.halving import Halt, Halving, halt_find

ONE = Halving(first=2, factor=3, brackets=1)


def curves(*values: float, steps: int = 2) -> dict[int, list[tuple[int, float]]]:
    return {number: [(step, value) for step in range(1, steps + 1)] for number, value in enumerate(values, 1)}


def test_of_three_at_a_rung_the_best_goes_on():
    lines = curves(0.3, 0.2, 0.1)

    assert halt_find(ONE, 3, lines, lower=True) is None
    assert halt_find(ONE, 2, lines, lower=True) == Halt(step=2, value=0.2, place=2, of=3, kept=1)
    assert halt_find(ONE, 3, lines, lower=False) == Halt(step=2, value=0.1, place=3, of=3, kept=1)


def test_nobody_ends_before_the_rung_or_with_too_few_to_compare():
    assert halt_find(ONE, 2, curves(0.1, 0.9, 0.2, steps=1), lower=True) is None
    assert halt_find(ONE, 2, curves(0.1, 0.9), lower=True) is None
    assert halt_find(ONE, 9, curves(0.1, 0.9, 0.2), lower=True) is None


def test_equal_values_end_nobody():
    lines = curves(0.5, 0.5, 0.5, 0.5)

    assert [halt_find(ONE, number, lines, lower=True) for number in lines] == [None] * 4


def test_a_later_rung_is_compared_with_those_that_reached_it():
    lines = curves(0.1, 0.2, 0.3) | {4: [(step, 0.25) for step in range(1, 8)]}

    # Alone at step 6: what it was at step 2 is decided already.
    assert halt_find(ONE, 4, lines, lower=True) is None


def test_a_value_that_is_no_number_is_the_worst():
    lines = curves(0.3, math.nan, 0.2)

    found = halt_find(ONE, 2, lines, lower=True)

    assert found is not None
    assert found.place == 3


@pytest.mark.parametrize(("number", "rung"), [(1, 6), (2, 2), (3, 6), (4, 2)])
def test_brackets_take_turns_and_begin_later(number, rung):
    assert Halving(first=2, factor=3, brackets=2).rung_first(number) == rung


def test_only_those_of_the_same_bracket_are_compared():
    rule = Halving(first=1, factor=2, brackets=2)
    lines = curves(0.1, 0.9, 0.1, 0.8, steps=2)

    assert halt_find(rule, 4, lines, lower=True) is None
    assert halt_find(rule, 2, lines, lower=True) is not None
