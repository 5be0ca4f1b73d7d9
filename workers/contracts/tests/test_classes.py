"""Which output is which class."""

import pytest

from workers.contracts.classes import ClassesError, class_names, positive_place


@pytest.mark.parametrize(
    ("known", "stated", "names"),
    [
        ([0, 1], ["no", "yes"], ["no", "yes"]),
        ([0, 1], ["1", "0"], ["1", "0"]),
        ([False, True], ["no", "yes"], ["no", "yes"]),
        (["no", "yes"], ["no", "yes"], ["no", "yes"]),
        (["no", "yes"], None, ["no", "yes"]),
        ([0, 1, 2], ["low", "middle", "top"], ["low", "middle", "top"]),
    ],
)
def test_stated_names_hold_where_the_model_does_not_say_otherwise(known, stated, names):
    assert class_names(known, stated) == names


@pytest.mark.parametrize(
    ("known", "stated", "reason"),
    [
        (["no", "yes"], ["yes", "no"], "another order"),
        ([1, 2, 3], ["3", "2", "1"], "another order"),
        ([0, 1], ["a", "b", "c"], "3 classes and knows 2"),
    ],
)
def test_a_contradiction_is_told(known, stated, reason):
    with pytest.raises(ClassesError, match=reason):
        class_names(known, stated)


@pytest.mark.parametrize(("label", "place"), [("0", 1), ("1", 0), ("other", 1), (None, 1)])
def test_the_positive_class_stands_at_its_name_else_second(label, place):
    assert positive_place(["1", "0"], label) == place
