"""Test-set wear: the bound holds against an attack, and the budget is what the rule says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.wear import SOUND, TOO_SMALL, WORN, error_bound, look_bits, wear_find


def test_an_attack_by_decisions_stays_within_the_bound() -> None:
    """Blum and Hardt's boosting attack: keep the random guesses that the test set calls better than chance, and vote.

    The truth is a coin, so that every model is right half the time and all beyond that is wear.
    """
    rng = np.random.default_rng(1)
    n, decisions = 2000, 400
    gaps = []
    for _ in range(20):
        truth = rng.random(n) < 0.5
        guesses = rng.random((decisions, n)) < 0.5
        kept = (guesses == truth).mean(axis=1) > 0.5
        vote = np.where(kept[:, None], guesses, ~guesses).mean(axis=0) > 0.5
        gaps.append((vote == truth).mean() - 0.5)

    wear = wear_find(n, looks=0, decisions=decisions)

    assert wear.error is not None
    assert wear.fresh_error is not None
    assert max(gaps) <= wear.error
    assert min(gaps) > 3 * wear.fresh_error  # a set that is taken for unused would be far off
    assert wear.state == WORN


def test_an_unused_set_has_the_bound_of_hoeffding() -> None:
    wear = wear_find(10_000, looks=0, decisions=0)

    assert wear.error == wear.fresh_error == pytest.approx(math.sqrt(math.log(40) / 20_000))
    assert wear.effective_rows == 10_000
    assert wear.state == SOUND


@given(st.integers(1, 10**6), st.integers(0, 200), st.integers(0, 500), st.floats(0.005, 0.3))
def test_what_is_left_keeps_the_error_within_the_margin(n: int, looks: int, decisions: int, margin: float) -> None:
    wear = wear_find(n, looks=looks, decisions=decisions, margin=margin)

    assert wear.looks_left is not None
    assert wear.decisions_left is not None
    assert wear.error is not None
    if wear.state == SOUND:
        later = wear_find(n, looks=looks + wear.looks_left, decisions=decisions, margin=margin)
        last = wear_find(n, looks=looks, decisions=decisions + wear.decisions_left, margin=margin)
        beyond = wear_find(n, looks=looks, decisions=decisions + wear.decisions_left + 1, margin=margin)
        assert (later.state, last.state) == (SOUND, SOUND)
        assert beyond.state == WORN
    else:
        assert (wear.looks_left, wear.decisions_left) == (0, 0)
        assert wear.state == TOO_SMALL or wear.error > margin
    # An unused set of so many rows proves as much.
    assert wear.effective_rows is not None
    if wear.effective_rows and wear.error < 1:
        assert error_bound(wear.effective_rows, 0, 0.95) >= wear.error - 1e-12


def test_a_number_tells_more_than_a_decision() -> None:
    assert [look_bits(one) for one in (0.5, 0.1, 0.01, 0.001)] == [2, 4, 7, 10]
    assert wear_find(500, looks=1, decisions=0).bits == 10


def test_the_sentence_says_the_rule() -> None:
    sound = wear_find(10_000, looks=2, decisions=1)
    worn = wear_find(10_000, looks=12, decisions=0)
    small = wear_find(200, looks=0, decisions=0)

    assert "2 looks and 1 decision on 10\u202f000 rows" in sound.sentence
    assert "4 more looks" in sound.sentence
    assert "Decide on rows that nobody has looked at" in worn.sentence
    assert "Even unused, 200 rows" in small.sentence
    assert (sound.state, worn.state, small.state) == (SOUND, WORN, TOO_SMALL)


def test_no_rows_are_not_known_and_wrong_counts_refused() -> None:
    empty = wear_find(0, looks=3, decisions=0)

    assert (empty.state, empty.error, empty.looks_left) == ("not known", None, None)
    assert empty.to_json()["bits"] == 30
    for wrong in ({"looks": -1, "decisions": 0}, {"looks": 0, "decisions": 0, "margin": 0}):
        with pytest.raises(ValueError, match=r"zero or more|between"):
            wear_find(10, **wrong)
