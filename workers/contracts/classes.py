"""Which output of a classifier is which class: what the version states, unless the model itself says otherwise.

Evaluation and serving both read it here, so that what was judged is what answers.
"""

from collections.abc import Sequence
from typing import Any


class ClassesError(ValueError):
    """The loaded model contradicts what its version states; the message is the end of a sentence about it."""


def class_names(known: Sequence[Any], stated: Sequence[Any] | None) -> list[str]:
    """The names of a classifier's outputs, in their order.

    `known`: what the loaded model calls them; numbers from 0 are places, not names, as of Fairway's own two-class
    models, LightGBM and ONNX. `stated`: what its version says; without it the model's own hold. Raises ClassesError.
    """
    own = [str(label) for label in known]
    if not stated:
        return own
    names = [str(label) for label in stated]
    if len(own) != len(names):
        raise ClassesError(f"it is stated to know {len(names)} classes and knows {len(own)}")
    places = [str(place) for place in range(len(own))]
    if own not in (names, places) and sorted(own) == sorted(names):
        raise ClassesError("its classes stand in another order than stated")
    return names


def positive_place(names: Sequence[str], positive_label: str | None) -> int:
    """Where the positive class of two stands: at its name, else second."""
    return names.index(positive_label) if positive_label in names else 1
