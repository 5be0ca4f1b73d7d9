"""Checks the node tables of decision trees: scikit-learn follows their indices without looking, so a made-up
one could read anywhere in memory."""

from typing import Any

import numpy as np

_REASON = "The model holds a decision tree whose nodes point outside it."


def trees_check(model: Any) -> str | None:
    """None when every tree inside a loaded scikit-learn object is whole, else the reason."""
    seen: set[int] = set()
    queue: list[Any] = [model]
    while queue:
        one = queue.pop()
        if one is None or isinstance(one, (str, bytes, int, float, bool, type)) or id(one) in seen:
            continue
        seen.add(id(one))
        kind = type(one)
        if kind.__module__ == "sklearn.tree._tree" and kind.__name__ == "Tree":
            if not _tree_whole(one):
                return _REASON
        elif kind.__name__ == "TreePredictor":
            if not _predictor_whole(one, _features(one)):
                return _REASON
        elif kind.__name__.startswith("HistGradientBoosting"):
            count = int(one.n_features_in_)
            for row in one._predictors:
                for predictor in row:
                    if not _predictor_whole(predictor, count):
                        return _REASON
        elif isinstance(one, dict):
            queue.extend(one.values())
        elif isinstance(one, (list, tuple, set)):
            queue.extend(one)
        elif isinstance(one, np.ndarray):
            if one.dtype == object:
                queue.extend(one.ravel().tolist())
        elif kind.__module__.startswith(("sklearn.", "lightgbm.")) and hasattr(one, "__dict__"):
            queue.extend(vars(one).values())
    return None


def _tree_whole(tree: Any) -> bool:
    """Children lie after their parent, so there is no cycle; features and values exist for every node."""
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    count = tree.node_count
    own = np.arange(count)
    leaf = left == -1
    if not ((leaf == (right == -1)).all() and count >= 1):
        return False
    inner = ~leaf
    inside = (left[inner] > own[inner]) & (right[inner] > own[inner])
    inside &= (left[inner] < count) & (right[inner] < count)
    known = (feature[inner] >= 0) & (feature[inner] < tree.n_features)
    return bool(inside.all() and known.all() and tree.value.shape[0] == count)


def _features(predictor: Any) -> int:
    return int(predictor.nodes["feature_idx"].max(initial=0)) + 1


def _predictor_whole(predictor: Any, features: int) -> bool:
    nodes = predictor.nodes
    count = len(nodes)
    if count < 1:
        return False
    own = np.arange(count, dtype=np.int64)
    inner = nodes["is_leaf"] == 0
    left, right = nodes["left"][inner].astype(np.int64), nodes["right"][inner].astype(np.int64)
    inside = (left > own[inner]) & (right > own[inner]) & (left < count) & (right < count)
    index = nodes["feature_idx"][inner].astype(np.int64)
    known = (index >= 0) & (index < features)
    category = nodes["is_categorical"][inner] == 0
    return bool(inside.all() and known.all() and category.all())
