"""Judges a LightGBM text model line by line: LightGBM itself follows the indices of a tree without looking, so a
made-up one could read anywhere in memory or never end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from workers.inspection.allowed import LIGHTGBM_VERSIONS
from workers.inspection.files import Refused

MAX_LINE = 16 * 1024**2
MAX_FEATURES = 10_000
MAX_TREES = 100_000
MAX_LEAVES = 1_000_000
_NUMBERS = re.compile(r"[-+0-9.eEinfa ]*")
_NONE = "The file is not a LightGBM text model"
_OUTSIDE = "The LightGBM model holds a tree whose nodes point outside it."


@dataclass(slots=True)
class Booster:
    """What the head of the file says, and how many trees follow it."""

    objective: str
    classes: int
    names: tuple[str, ...]
    trees: int = 0

    @property
    def task(self) -> str:
        """BINARY, MULTICLASS, REGRESSION; empty for other aims, such as ranking."""
        aim = self.objective.split(" ")[0]
        if aim in ("binary", "cross_entropy"):
            return "BINARY"
        if aim in ("multiclass", "multiclassova"):
            return "MULTICLASS"
        regressions = ("l1", "l2", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie")
        return "REGRESSION" if aim.startswith("regression") or aim in regressions else ""

    @property
    def named(self) -> bool:
        """Whether its columns have names of their own, not only places."""
        return self.names != tuple(f"Column_{index}" for index in range(len(self.names)))


@dataclass(slots=True)
class _Tree:
    values: dict[str, str] = field(default_factory=dict)


def lightgbm_read(file: IO[bytes]) -> Booster:
    """What the model is. Raises Refused."""
    lines = _lines(file)
    if next(lines, "") != "tree":
        raise Refused(f"{_NONE}: it does not begin like one.")
    booster = _head(lines)
    for tree in _trees(lines):
        _tree_check(tree, len(booster.names))
        booster.trees += 1
        if booster.trees > MAX_TREES:
            raise Refused("The LightGBM model holds too many trees.")
    if not booster.trees:
        raise Refused(f"{_NONE}: it holds no tree.")
    if booster.classes > 1 and booster.trees % booster.classes:
        raise Refused("The LightGBM model does not hold the same number of trees for each class.")
    return booster


def _lines(file: IO[bytes]) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        if not line.endswith(b"\n") and len(line) >= MAX_LINE:
            raise Refused("The LightGBM model has a line that is too long.")
        if b"\0" in line:
            raise Refused(f"{_NONE}: it holds bytes that are no text.")
        try:
            yield line.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Refused(f"{_NONE}: it holds bytes that are no text.") from None


def _head(lines: Iterator[str]) -> Booster:
    """Up to and with `tree_sizes`, which ends it."""
    values: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.partition("=")
        if not sign and line not in ("average_output", ""):
            raise Refused(f"{_NONE}: its head has a line that does not belong there.")
        if key in values:
            raise Refused("The LightGBM model says the same thing twice.")
        if sign:
            values[key] = value
        if key == "tree_sizes":
            break
    if values.get("version") not in LIGHTGBM_VERSIONS or "tree_sizes" not in values:
        raise Refused(f"{_NONE} of a version that is read (v2 to v4).")
    names = tuple(values.get("feature_names", "").split(" "))
    last, classes = _whole(values.get("max_feature_idx")), _whole(values.get("num_class"))
    each = _whole(values.get("num_tree_per_iteration", "1"))
    if not 1 <= len(names) <= MAX_FEATURES or last != len(names) - 1 or len(set(names)) != len(names) or "" in names:
        raise Refused("The LightGBM model does not name each of its features once.")
    if not 1 <= classes <= 1000 or each != classes:
        raise Refused("The LightGBM model's number of classes cannot be.")
    return Booster(values.get("objective", ""), classes, names)


def _trees(lines: Iterator[str]) -> Iterator[_Tree]:
    tree: _Tree | None = None
    for line in lines:
        if line.startswith("Tree=") or line == "end of trees":
            if tree is not None:
                yield tree
            if line == "end of trees":
                return
            tree = _Tree()
        elif line:
            key, sign, value = line.partition("=")
            if tree is None or not sign or key in tree.values:
                raise Refused(f"{_NONE}: a tree has a line that does not belong there.")
            tree.values[key] = value
    raise Refused("The LightGBM model breaks off before the end of its trees.")


def _tree_check(tree: _Tree, features: int) -> None:
    values = tree.values
    leaves, categories = _whole(values.get("num_leaves")), _whole(values.get("num_cat", "0"))
    if values.get("is_linear", "0") != "0":
        raise Refused("The LightGBM model holds linear trees, which are not on Fairway's list.")
    if not 1 <= leaves <= MAX_LEAVES or categories < 0:
        raise Refused(_OUTSIDE)
    inner = leaves - 1
    if len(_floats(values, "leaf_value")) != leaves:
        raise Refused(_OUTSIDE)
    if inner == 0:
        return
    thresholds = _floats(values, "threshold")
    kinds = _wholes(values.get("decision_type", " ".join("0" * inner)))
    split, left, right = (_wholes(values.get(name, "")) for name in ("split_feature", "left_child", "right_child"))
    if not len(thresholds) == len(kinds) == len(split) == len(left) == len(right) == inner:
        raise Refused(_OUTSIDE)
    if not all(0 <= index < features for index in split):
        raise Refused(_OUTSIDE)
    # A child is a later node, so that every path ends, or a leaf (-1 is the first).
    for side in (left, right):
        if not all(index < child < inner or -leaves <= child < 0 for index, child in enumerate(side)):
            raise Refused(_OUTSIDE)
    if categories or any(kind & 1 for kind in kinds):
        _categories_check(values, categories, [t for t, kind in zip(thresholds, kinds, strict=True) if kind & 1])


def _categories_check(values: dict[str, str], count: int, used: list[float]) -> None:
    bounds = _wholes(values.get("cat_boundaries", ""))
    words = len(_wholes(values.get("cat_threshold", "")))
    rising = all(before <= after for before, after in itertools.pairwise(bounds))
    if len(bounds) != count + 1 or not rising or bounds[0] != 0 or bounds[-1] > words:
        raise Refused(_OUTSIDE)
    if not all(0 <= place < count for place in used):
        raise Refused(_OUTSIDE)


def _whole(text: str | None) -> int:
    found = _wholes(text or "")
    return found[0] if len(found) == 1 else -1


def _wholes(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split()]
    except ValueError:
        raise Refused("The LightGBM model has text where a number must stand.") from None


def _floats(values: dict[str, str], name: str) -> list[float]:
    text = values.get(name, "")
    if not _NUMBERS.fullmatch(text):
        raise Refused("The LightGBM model has text where a number must stand.")
    try:
        return [float(part) for part in text.split()]
    except ValueError:
        raise Refused("The LightGBM model has text where a number must stand.") from None
