"""The quick way of linear pipelines gives the pipeline's own numbers, or is not taken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from workers.contracts.recipes import recipe_get
from workers.runner.fitting.data import signature_of, training_data
from workers.runner.fitting.estimators import fit
from workers.runner.frames import frame_of_columns
from workers.runner.linear import linear_quick
from workers.runner.tests.kit import FEATURES, parquet, people, train_spec


@pytest.mark.parametrize(
    ("task", "recipe", "columns"),
    [
        ("BINARY", "logistic_regression", ("age", "income", "colour", "member")),
        ("MULTICLASS", "logistic_regression", ("age", "income", "colour", "member")),
        ("REGRESSION", "ridge", ("age", "income", "colour", "member")),
        ("BINARY", "logistic_regression", ("age", "income")),
        ("REGRESSION", "ridge", ("colour",)),
    ],
)
def test_the_same_numbers(task: str, recipe: str, columns: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(parquet(people()))
    features = [one for one in FEATURES if one["name"] in columns]
    spec = {**train_spec(task, recipe, {}, {}), "features": features}
    data = training_data(path, spec)
    params = {**recipe_get(recipe).defaults(), "min_frequency": 120}
    pipeline = fit(recipe, params, data, 0, 1, lambda step, fraction, values: None).pipeline
    generator = np.random.default_rng(3)
    given: dict[str, list[Any]] = {
        "age": generator.integers(10, 90, 200).tolist(),
        "income": [None if value > 45 else value for value in generator.normal(30, 10, 200)],
        "colour": generator.choice(np.array(["red", "green", "blue", "violet", None], object), 200).tolist(),
        "member": (generator.random(200) < 0.5).tolist(),
    }
    given = {name: given[name] for name in columns}

    quick = linear_quick(pipeline)

    assert quick is not None
    frame = frame_of_columns(given, signature_of(data, features))
    want = pipeline.predict(frame) if task == "REGRESSION" else pipeline.predict_proba(frame)
    np.testing.assert_allclose(quick(given), want, rtol=1e-9, atol=1e-12)


def test_other_pipelines_have_no_quick_way() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    truth = rows[:, 0] > 0

    assert linear_quick(LogisticRegression().fit(rows, truth)) is None
    assert linear_quick(Pipeline([("s", StandardScaler()), ("m", LogisticRegression())]).fit(rows, truth)) is None
    other = Pipeline([("prepare", StandardScaler()), ("model", LogisticRegression())]).fit(rows, truth)
    assert linear_quick(other) is None
