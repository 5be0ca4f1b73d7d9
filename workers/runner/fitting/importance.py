"""How much worse a model predicts when one column is shuffled: the same measure for every kind of model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workers.runner.fitting.measures import loss_of

MAX_CELLS = 200_000
REPEATS = 3


def importance_of(
    predict: Callable[[pd.DataFrame], npt.NDArray[Any]],
    task: str,
    frame: pd.DataFrame,
    truth: npt.NDArray[Any],
    classes: list[Any],
    seed: int,
    queries: npt.NDArray[np.int64] | None = None,
) -> list[dict[str, Any]]:
    """[{"feature", "value"}], largest first: the mean rise of the loss over REPEATS shuffles (rows are
    sampled).

    `predict` gives values, or probabilities with one column for each of `classes`. With `queries` [n] whole queries are
    sampled, and the loss is that of the order within them.
    """
    generator = np.random.default_rng(seed)
    rows = min(len(frame), max(200, min(2_000, MAX_CELLS // max(1, frame.shape[1]))))
    if queries is None:
        chosen = np.sort(generator.choice(len(frame), rows, replace=False))
    else:
        chosen = _whole_queries(queries, rows, generator)
        rows, queries = chosen.size, queries[chosen]
    frame, truth = frame.iloc[chosen].reset_index(drop=True), truth[chosen]

    def loss(given: pd.DataFrame) -> float:
        return loss_of(task, truth, np.asarray(predict(given), dtype=np.float64), classes, queries)

    before = loss(frame)
    found = []
    for name in frame.columns:
        rises = []
        for _ in range(REPEATS):
            shuffled = frame.copy(deep=False)
            shuffled[name] = frame[name].to_numpy()[generator.permutation(rows)]
            rises.append(loss(shuffled) - before)
        found.append({"feature": str(name), "value": float(np.mean(rises))})
    return sorted(found, key=lambda one: (-one["value"], one["feature"]))


def _whole_queries(queries: npt.NDArray[np.int64], rows: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places of the rows of queries drawn until there are so many, at least one query."""
    kinds, numbers = np.unique(queries, return_inverse=True)
    order = generator.permutation(kinds.size)
    many = np.cumsum(np.bincount(numbers)[order])
    taken = order[: max(1, int(np.searchsorted(many, rows, side="right")))]
    return np.flatnonzero(np.isin(numbers, taken))
