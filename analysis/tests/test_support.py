"""Least support, suppression, and what must not be had by subtraction."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.contracts.report import Report
from analysis.contracts.segments import Support
from analysis.evaluate import evaluate_table
from analysis.segment_metrics.groupings import crossing, single
from analysis.segments import segment_evaluate
from analysis.statistics import Statistics
from analysis.support import COMPLEMENT, Sizes, standings
from analysis.tests.factories import make_binary, make_segment, make_spec

LEAST = Support(50, 5, 5)


def report_of(counts: dict[str, int], purpose: str, truth_of_rare: bool | None = None) -> tuple[Report, Statistics]:
    """A report over one segment whose levels have that many rows."""
    levels = [level for level, count in counts.items() for _ in range(count)]
    rows = make_binary(len(levels), 1)
    truth = rows.truth.copy()
    if truth_of_rare is not None:
        truth[np.array(levels) == "rare"] = truth_of_rare
    rows = replace(rows, truth=truth, columns=pa.table({"group": levels}))
    spec = make_spec(segments=(make_segment("G", "group", purpose, least_support=LEAST),), least_support=LEAST)
    report, arrays = evaluate_table(rows, spec)
    return report, Statistics.of(arrays)


def test_a_small_protected_group_is_hidden_with_its_complement() -> None:
    report, statistics = report_of({"rare": 20, "common": 500}, "PROTECTED")

    rare, common = report.group("G=rare"), report.group("G=common")
    assert rare is not None
    assert common is not None
    assert rare.suppressed == "fewer than 50 rows, 5 positives or 5 negatives"
    assert common.suppressed == COMPLEMENT
    for group in (rare, common):
        assert (group.n, group.positives, group.metrics, group.paired, group.curves) == (None, None, {}, None, None)
    assert list(statistics.rows) == ["overall"]
    text = json.dumps(report.to_json())
    assert '"n": 20,' not in text
    assert '"n": 500,' not in text


def test_only_as_many_groups_are_hidden_as_needed() -> None:
    report, _ = report_of({"rare": 20, "small": 60, "mid": 200, "big": 400}, "PROTECTED")

    hidden = {group.label for group in report.groups if group.suppressed}
    assert hidden == {"rare", "small"}


def test_suppression_looks_at_outcomes_too() -> None:
    report, _ = report_of({"rare": 80, "small": 90, "big": 400}, "PROTECTED", truth_of_rare=True)

    rare = report.group("G=rare")
    assert rare is not None
    assert rare.suppressed is not None


def test_a_small_ordinary_group_is_shown_but_not_judged() -> None:
    report, _ = report_of({"rare": 20, "common": 500}, "PERFORMANCE")

    rare, common = report.group("G=rare"), report.group("G=common")
    assert rare is not None
    assert common is not None
    assert (rare.suppressed, rare.thin, rare.n) == (None, "n = 20, needs 50", 20)
    assert common.thin is None
    assert rare.metrics["accuracy"].value is not None
    assert rare.paired is not None
    assert {one.verdict for one in rare.paired.differences.values()} == {"not enough data"}
    assert {one.p_adjusted for one in rare.paired.differences.values()} == {None}
    gaps = [one for one in report.disparities if one.kind == "RANGE"]
    assert gaps
    assert all([out.label for out in one.left_out] == ["rare"] for one in gaps)
    assert all(one.undefined == "fewer than two groups can be compared" for one in gaps)


def test_groups_without_rows_hide_nothing() -> None:
    rows = replace(make_binary(400, 2), columns=pa.table({"x": [1.0] * 200 + [9.0] * 200}))
    from analysis.contracts.segments import Bands

    bands = Bands((5.0, 20.0), ("low", "mid", "high"))
    segment = make_segment("X", "x", "PROTECTED", bands=bands, least_support=LEAST)

    report, _ = evaluate_table(rows, make_spec(segments=(segment,)))

    high = report.group("X=high")
    assert high is not None
    assert (high.suppressed, high.thin, high.n) == (None, "no rows", 0)
    assert [group.suppressed for group in report.groups] == [None] * 4


def test_too_few_rows_in_all_are_thin() -> None:
    report, _ = evaluate_table(make_binary(60, 3), make_spec(segments=(), least_support=Support(100, 1, 1)))

    assert report.overall.thin == "n = 60, needs 100"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 120), min_size=9, max_size=9))
def test_no_line_of_a_crossing_gives_a_small_group_away(counts: list[int]) -> None:
    """In each row and column whose total is shown, no or at least two groups are hidden, together not small."""
    if sum(counts) == 0:
        counts = [1, *counts[1:]]
    cells = [(a, b) for a in "xyz" for b in "uvw"]
    table = pa.table(
        {
            "a": [a for (a, _), count in zip(cells, counts, strict=True) for _ in range(count)],
            "b": [b for (_, b), count in zip(cells, counts, strict=True) for _ in range(count)],
        }
    )
    least = Support(40, 0, 0)
    first = segment_evaluate(make_segment("A", "a", "PROTECTED", least_support=least), table)
    second = segment_evaluate(make_segment("B", "b", least_support=least), table)
    groupings = [single(first), single(second), crossing(first, second)]
    sizes = [Sizes(np.bincount(one.codes(), minlength=one.size)) for one in groupings]

    a, b, both = standings(groupings, sizes, least)

    shown_a, shown_b, shown = a.shown(), b.shown(), both.shown()
    rows = sizes[2].rows
    at = np.asarray(groupings[2].cells)
    assert shown_b.all()
    for axis, line_shown in ((0, shown_a), (1, shown_b)):
        for level in np.flatnonzero(line_shown):
            line = at[:, axis] == level
            hidden = line & ~shown
            if hidden.any() and (line & shown).any():
                assert hidden.sum() >= 2
                assert rows[hidden].sum() >= least.rows
    for cell, (level, _) in enumerate(groupings[2].cells):
        assert shown_a[level] or not shown[cell]
    if (~shown_a).any() and shown_a.any():
        assert sizes[0].rows[~shown_a].sum() >= least.rows


def test_a_group_hidden_as_complement_is_hidden_in_crossings_too() -> None:
    counts = {("x", "u"): 10, ("y", "u"): 60, ("y", "v"): 60, ("z", "u"): 500, ("z", "v"): 500}
    table = pa.table(
        {
            "a": [a for (a, _), count in counts.items() for _ in range(count)],
            "b": [b for (_, b), count in counts.items() for _ in range(count)],
        }
    )
    least = Support(50, 0, 0)
    first = segment_evaluate(make_segment("A", "a", "PROTECTED", least_support=least), table)
    second = segment_evaluate(make_segment("B", "b", least_support=least), table)
    groupings = [single(first), single(second), crossing(first, second)]

    a, _, both = standings(groupings, [Sizes(np.bincount(one.codes())) for one in groupings], least)

    assert [bool(shown) for shown in a.shown()] == [False, False, True]
    hidden = {groupings[2].label(index) for index in np.flatnonzero(~both.shown())}
    assert {"x, u", "y, u", "y, v"} <= hidden


def test_negative_support_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Support(-1, 0, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=8, max_size=8))
def test_no_line_of_a_crossing_of_three_gives_a_small_group_away(counts: list[int]) -> None:
    if sum(counts) == 0:
        counts = [1, *counts[1:]]
    cells = [(a, b, c) for a in "xy" for b in "uv" for c in "st"]
    table = pa.table(
        {
            name: [cell[axis] for cell, count in zip(cells, counts, strict=True) for _ in range(count)]
            for axis, name in enumerate("abc")
        }
    )
    least = Support(30, 0, 0)
    segments = [
        segment_evaluate(make_segment(name.upper(), name, "PROTECTED" if name == "a" else "PERFORMANCE"), table)
        for name in "abc"
    ]
    segments = [replace(one, spec=replace(one.spec, least_support=least)) for one in segments]
    groupings = [
        *(single(one) for one in segments),
        *(crossing(segments[i], segments[j]) for i, j in ((0, 1), (0, 2), (1, 2))),
        crossing(*segments),
    ]
    sizes = [Sizes(np.bincount(one.codes(), minlength=one.size)) for one in groupings]

    *_, pair, _, _, triple = standings(groupings, sizes, least)

    at, rows, shown = np.asarray(groupings[-1].cells), sizes[-1].rows, triple.shown()
    for cell, visible in zip(groupings[3].cells, pair.shown(), strict=True):
        line = (at[:, 0] == cell[0]) & (at[:, 1] == cell[1])
        hidden = line & ~shown
        if not visible:
            assert not (line & shown).any()
        elif hidden.any() and (line & shown).any():
            assert hidden.sum() >= 2
            assert rows[hidden].sum() >= least.rows
