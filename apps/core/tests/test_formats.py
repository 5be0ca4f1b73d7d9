"""Numbers, money and times read the same everywhere."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.core import formats
from apps.core.states import state_look


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u2212", "-")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.8123, "0.812"),
        (36.29, "36.3"),
        (9.999, "10.00"),
        (17605.4, "17 605"),
        (50001, "50 001"),
        (-3.14159, "-3.14"),
        (Decimal("0.5"), "0.500"),
        (0, "0"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (0.00012, "1.20 × 10⁻⁴"),
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_measure(value: object, shown: str):
    assert plain(formats.num(value)) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.17, "+17.0"), (-0.031, "-3.1"), (0.00004, "±0.0"), (-0.00004, "±0.0"), (None, "–")]
)
def test_points_carry_their_sign(value: float | None, shown: str):
    assert plain(formats.points(value)) == shown


def test_minus_is_a_true_minus():
    assert formats.num(-2).startswith("\u2212")
    assert formats.points(-0.1).startswith("\u2212")
    assert formats.money(-80800, "CAD") == "\u2212C$\u202f808"


@pytest.mark.parametrize(
    ("low", "high", "kind", "shown"),
    [
        (0.79, 0.8333, "num", "[0.790, 0.833]"),
        (0.115, 0.228, "points", "[+11.5, +22.8]"),
        (-0.07, 0.008, "points", "[-7.0, +0.8]"),
        (0.171, 0.208, "percent", "[17.1, 20.8]"),
        (-1809.2, 212.4, "difference", "[-1 809, +212]"),
        (None, 1.0, "num", ""),
    ],
)
def test_interval(low: float | None, high: float, kind: str, shown: str):
    assert plain(formats.interval(low, high, kind)) == shown


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (120000, "CAD", "C$ 1 200"),
        (5, "EUR", "€ 0.05"),
        (1760512, "CAD", "C$ 17 605"),
        (500, "JPY", "¥ 500"),
        (100, "XYZ", "XYZ 1"),
        (None, "EUR", "–"),
        (-0, "EUR", "€ 0"),
    ],
)
def test_money(minor: int | None, currency: str, shown: str):
    assert plain(formats.money(minor, currency)) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.035, "35 ms"),
        (0.13, "0.13 s"),
        (4.25, "4.2 s"),
        (26, "26 s"),
        (59.7, "60 s"),
        (134, "2 m 14 s"),
        (120, "2 m"),
        (11100, "3 h 5 m"),
        (187200, "2 d 4 h"),
        (timedelta(minutes=1), "1 m"),
        (-134, "-2 m 14 s"),
        (-0.0001, "0 ms"),
        (None, "–"),
    ],
)
def test_duration(seconds: object, shown: str):
    assert plain(formats.duration(seconds)) == shown


@pytest.mark.parametrize(("count", "shown"), [(12, "12 B"), (49356, "48.2 KiB"), (2**31, "2.00 GiB"), (None, "–")])
def test_bytes_in_binary_units(count: int | None, shown: str):
    assert plain(formats.size(count)) == shown


@pytest.mark.parametrize(
    ("delta", "shown"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=-6, seconds=-5), "in 6 days"),
        (timedelta(days=-1, seconds=-5), "in 1 day"),
        (timedelta(days=60), "21 Sep 2026"),
    ],
)
def test_relative_time(delta: timedelta, shown: str):
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    assert plain(formats.ago(now - delta, now)) == shown


def test_short_id_of_a_time_ordered_uuid_is_its_tail_since_the_head_is_the_same_for_a_minute():
    first = uuid.UUID("0199a7c3-1111-7abc-8def-1234aaaabbbb")
    second = uuid.UUID("0199a7c3-1112-7abc-8def-1234ccccdddd")

    assert formats.short_id(first) == "aaaabbbb"
    assert formats.short_id(second) == "ccccdddd"
    assert formats.short_id("c41e09b2" + "0" * 56) == "c41e09b2"
    assert formats.short_id(uuid.UUID("12345678-0000-4000-8000-000000000000").hex) == "12345678"


@pytest.mark.parametrize(
    ("code", "word", "tone", "mark"),
    [
        ("SUCCEEDED", "succeeded", "good", "tick"),
        ("TIMED_OUT", "timed out", "bad", "diamond"),
        ("no difference", "no difference", "none", "same"),
        ("REJECTED", "refused", "bad", "diamond"),
        ("WAIVED", "waived", "warn", "bar"),
        ("SOMETHING_NEW", "something new", "none", "dashed"),
    ],
)
def test_a_state_has_one_word_shape_and_colour(code: str, word: str, tone: str, mark: str):
    look = state_look(code)

    assert (look.word, look.tone, look.mark) == (word, tone, mark)
