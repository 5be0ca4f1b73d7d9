"""Segments on tables, and the deterministic split."""

from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contracts.report import Place
from analysis.contracts.segments import (
    PARTS,
    Bands,
    QuantileBands,
    SegmentError,
    SegmentSpec,
    SplitSpec,
    Support,
    segment_check,
)
from analysis.segment_metrics.groupings import groupings_build, place_label
from analysis.segments import segment_evaluate, segments_evaluate
from analysis.split import part_codes, split_parts, split_take
from analysis.tests.factories import make_segment

TABLE = pa.table(
    {
        "age": pa.array([20, None, 25, 40], pa.int32()),
        "score": [0.5, 1.5, float("nan"), None],
        "tier": pa.array([3, 10, 3, 1], pa.int8()),
        "colour": pa.array(["b", "a", None, "b"]).dictionary_encode(),
        "note": ["", "x", "missing", None],
        "number": [1.5, 2.5, 3.5, 4.5],
    }
)


@pytest.mark.parametrize(
    ("expression", "bands", "codes", "labels"),
    [
        ("age", Bands((25.0,), ("young", "old")), [0, 2, 1, 1], ("young", "old", "missing")),
        ("age > 24", None, [1, 2, 0, 0], ("S", "not S", "missing")),
        ("tier", None, [1, 2, 1, 0], ("1", "3", "10")),
        ("tier * 2", None, [1, 2, 1, 0], ("2", "6", "20")),
        ("colour", None, [1, 0, 2, 1], ("a", "b", "missing")),
        ("note", None, [0, 2, 1, 3], ("(empty)", "missing", "x", "missing (no value)")),
        ("score", Bands((1.0,), ("low", "high")), [0, 1, 2, 2], ("low", "high", "missing")),
        ("age is null", None, [1, 0, 1, 1], ("S", "not S")),
        ("number", Bands((100.0,), ("low", "high")), [0, 0, 0, 0], ("low", "high")),
    ],
)
def test_codes_and_labels(expression: str, bands: Bands | None, codes: list[int], labels: tuple[str, ...]) -> None:
    found = segment_evaluate(make_segment("S", expression, bands=bands), TABLE)

    assert found.codes.tolist() == codes
    assert found.labels == labels


@pytest.mark.parametrize(
    ("expression", "bands", "field"),
    [
        ("number", None, "bands"),
        ("colour", Bands((1.0,), ("a", "b")), "bands"),
        ("nothing", None, "expression"),
        ("1 < 2", None, "expression"),
    ],
)
def test_a_segment_that_does_not_fit_is_refused(expression: str, bands: Bands | None, field: str) -> None:
    spec = make_segment("S", expression, bands=bands)

    with pytest.raises(SegmentError) as caught:
        segment_evaluate(spec, TABLE)

    assert caught.value.field == field


def test_one_bad_segment_does_not_stop_the_others() -> None:
    table = pa.table({"id": [str(number) for number in range(500)], "b": [True] * 500})

    found = segments_evaluate([make_segment("Id", "id"), make_segment("B", "b")], table)

    assert "500 different values" in (found[0].error or "")
    assert found[1].labels == ("B", "not B")


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ((), ("a",)),
        ((2.0, 1.0), ("a", "b", "c")),
        ((1.0,), ("a",)),
        ((1.0,), ("a", "a")),
        ((float("nan"),), ("a", "b")),
    ],
)
def test_bands_are_checked(edges: tuple[float, ...], labels: tuple[str, ...]) -> None:
    with pytest.raises(SegmentError):
        Bands(edges, labels)


def test_specs_survive_json() -> None:
    spec = make_segment("Age", "age", "PROTECTED", bands=Bands((25.0,), ("a", "b")), least_support=Support(50, 5, 6))

    assert SegmentSpec.from_json(spec.to_json()) == spec
    assert Bands.from_json({"edges": [25, 35]}).labels == ("under 25", "25 to under 35", "35 and over")
    assert segment_check(spec, {"age": "INTEGER"}).type == "INTEGER"


def test_crossings_hold_the_groups_that_have_rows() -> None:
    segments = segments_evaluate([make_segment("T", "tier"), make_segment("C", "colour")], TABLE)

    groupings, notes = groupings_build(segments, TABLE.num_rows)

    assert notes == []
    assert [grouping.size for grouping in groupings] == [1, 3, 3, 4]
    assert [groupings[3].key(index) for index in range(4)] == ["T=1&C=b", "T=3&C=b", "T=3&C=missing", "T=10&C=a"]
    assert np.bincount(groupings[3].codes()).tolist() == [1, 1, 1, 1]


def test_split_follows_its_definition() -> None:
    spec = SplitSpec(7, (0.5, 0.1, 0.4), None)
    place = int.from_bytes(sha256(b"7:3").digest()[:8], "big") / 2**64

    codes = split_parts(pa.table({"x": range(10)}), spec)

    assert codes[3] == (0 if place < 0.5 else 1 if place < 0.6 else 2)


def test_split_goes_by_the_row_number_of_the_file() -> None:
    spec = SplitSpec(1, (0.5, 0.0, 0.5))
    whole = pa.table({"__row__": range(100), "x": range(100)})

    parts = [split_take(whole, spec, part) for part in PARTS]

    assert sum(part.num_rows for part in parts) == 100
    assert parts[1].num_rows == 0
    again = split_take(whole.slice(40), spec, "test")
    assert again["x"].to_pylist() == [x for x in parts[2]["x"].to_pylist() if x >= 40]


def test_split_keeps_rows_of_one_key_together() -> None:
    spec = SplitSpec(0, (0.5, 0.0, 0.5), "person")
    table = pa.table({"person": ["a", "b", "a", None, "", "b"]})

    codes = split_parts(table, spec).tolist()

    assert codes[0] == codes[2]
    assert codes[1] == codes[5]
    assert codes[3] == codes[4]


def test_split_shares_are_met() -> None:
    codes = part_codes(map(str, range(20_000)), SplitSpec(0, (0.5, 0.1, 0.4)))

    np.testing.assert_allclose(np.bincount(codes) / 20_000, [0.5, 0.1, 0.4], atol=0.015)


@pytest.mark.parametrize("fractions", [{"train": 0.5}, {"train": 0.5, "other": 0.5}, {"train": 1.5, "test": -0.5}])
def test_a_wrong_split_is_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="split"):
        SplitSpec.from_json({"seed": 0, "fractions": fractions})


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "missing"])), min_size=1, max_size=30))
def test_every_row_has_exactly_one_group(values: list[str | None]) -> None:
    found = segment_evaluate(make_segment("S", "s"), pa.table({"s": pa.array(values, pa.string())}))

    assert found.codes.min() >= 0
    assert found.codes.max() < len(found.labels)
    assert len(set(found.labels)) == len(found.labels)
    assert found.counts().sum() == len(values)


def test_a_level_that_does_not_speak_for_itself_is_named_with_its_segment() -> None:
    assert place_label(Place("1", "Citizen", "No")) == "Citizen: No"
    assert place_label(Place("1", "Checks", "3")) == "Checks: 3"
    assert place_label(Place("1", "Age", "35 and over")) == "35 and over"


def test_bands_of_equal_size_are_those_of_the_rows() -> None:
    spec = SegmentSpec.from_json({"id": "1", "name": "Income", "expression": "x", "bands": {"quantiles": 4}})
    values = np.random.default_rng(1).lognormal(9, 1, 1001)

    found = segment_evaluate(spec, pa.table({"x": values}))

    assert sorted(found.counts().tolist()) == [250, 250, 250, 251]
    assert found.labels[0].startswith("under ")
    assert spec.to_json()["bands"] == {"quantiles": 4}
    for code, (low, high) in enumerate(((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1))):
        inside = values[found.codes == code]
        assert inside.min() >= np.quantile(values, low, method="lower")
        assert inside.max() <= np.quantile(values, high, method="higher")


def test_equal_values_share_a_band() -> None:
    spec = make_segment("X", "x", bands=QuantileBands(4))

    found = segment_evaluate(spec, pa.table({"x": [1.0] * 6 + [2.0, 3.0, None]}))

    assert found.labels == ("under 2", "2 and over", "missing")
    assert found.counts().tolist() == [6, 2, 1]
    for values in ([5.0] * 4, [None, None]):
        with pytest.raises(SegmentError):
            segment_evaluate(spec, pa.table({"x": pa.array(values, pa.float64())}))
    with pytest.raises(SegmentError):
        QuantileBands(1)


def test_codes_of_a_dictionary_are_taken_as_they_are() -> None:
    levels = pa.array(["unused", "b", "a", "b", None])
    coded = pa.DictionaryArray.from_arrays(pa.array([1, 2, None, 3, 4], pa.int8()), levels)

    found = segment_evaluate(make_segment("X", "x"), pa.table({"x": coded}))

    assert found.labels == ("a", "b", "missing")
    assert found.codes.tolist() == [1, 0, 2, 1, 2]
