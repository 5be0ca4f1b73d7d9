"""Small real models for the serving tests: fitted here, saved as skops, with the facts a version carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def binary(directory: Path, *, seed: int = 0, threshold: float = 0.5) -> dict[str, Any]:
    """Two classes from age (required), income (may be missing) and colour (text); probabilities differ by seed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(18, 90, 400),
            "income": rng.uniform(0, 10, 400),
            "colour": np.asarray(rng.choice(["red", "blue"], 400), dtype=object),
        }
    )
    truth = (frame["age"] + rng.normal(0, 20, 400) > 50).astype(int)
    numbers = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    features = ColumnTransformer(
        [("n", numbers, ["age", "income"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])]
    )
    _save(Pipeline([("features", features), ("model", LogisticRegression())]).fit(frame, truth), directory)
    inputs = [
        {"name": "age", "datatype": "FP64", "required": True, "levels": None},
        {"name": "income", "datatype": "FP64", "required": False, "levels": None},
        {"name": "colour", "datatype": "BYTES", "required": False, "levels": ["blue", "red"]},
    ]
    return {
        "signature": {"inputs": inputs, "outputs": []},
        "threshold": threshold,
        "task": "BINARY",
        "classes": ["no", "yes"],
    }


def many_class(directory: Path) -> dict[str, Any]:
    """Three classes from two whole numbers."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.integers(0, 9, 300) * 1.0, "b": rng.integers(0, 9, 300) * 1.0})
    truth = np.asarray(["low", "middle", "top"], dtype=object)[np.digitize(frame["a"], [3, 6])]
    _save(LogisticRegression(max_iter=500).fit(frame, truth.astype(str)), directory)
    inputs = [{"name": name, "datatype": "INT64", "required": True, "levels": None} for name in "ab"]
    return {
        "signature": {"inputs": inputs, "outputs": []},
        "threshold": None,
        "task": "MULTICLASS",
        "classes": ["low", "middle", "top"],
    }


def regression(directory: Path) -> dict[str, Any]:
    """A number from a number and a truth value: 2 a + 3 b."""
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0, 1.0]})
    _save(LinearRegression().fit(frame, 2 * frame["a"] + 3 * frame["b"]), directory)
    inputs = [
        {"name": "a", "datatype": "FP64", "required": True, "levels": None},
        {"name": "b", "datatype": "BOOL", "required": True, "levels": None},
    ]
    return {
        "signature": {"inputs": inputs, "outputs": []},
        "threshold": None,
        "task": "REGRESSION",
        "classes": None,
    }


def numeric(directory: Path, *, columns: int = 14, seed: int = 0) -> dict[str, Any]:
    """The benchmark's model: scaled logistic regression on numeric columns x0, x1, ..."""
    rng = np.random.default_rng(seed)
    names = [f"x{index}" for index in range(columns)]
    frame = pd.DataFrame(rng.normal(size=(2000, columns)), columns=names)
    truth = (frame.sum(axis=1) + rng.normal(size=2000) > 0).astype(int)
    numbers = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    features = ColumnTransformer([("n", numbers, names)])
    _save(Pipeline([("features", features), ("model", LogisticRegression())]).fit(frame, truth), directory)
    inputs = [{"name": name, "datatype": "FP64", "required": True, "levels": None} for name in names]
    return {
        "signature": {"inputs": inputs, "outputs": []},
        "threshold": 0.5,
        "task": "BINARY",
        "classes": ["no", "yes"],
    }


def _save(model: Any, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, directory / "model.skops")
