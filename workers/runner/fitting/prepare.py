"""Preprocessing as the first step of the one pipeline, out of scikit-learn's own parts only."""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from workers.runner.fitting.data import TrainingData

MAX_LEVELS = 100


def _transformer(steps: list[tuple[str, Any, list[str]]]) -> ColumnTransformer:
    kept = [step for step in steps if step[2]]
    return ColumnTransformer(kept, sparse_threshold=0.0, verbose_feature_names_out=True)


def _one_hot(min_frequency: int) -> OneHotEncoder:
    """Missing is a level of its own; rare and unknown levels share one."""
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=min_frequency,
        max_categories=MAX_LEVELS,
        sparse_output=False,
    )


def prepare_linear(data: TrainingData, min_frequency: int) -> ColumnTransformer:
    """For linear models: the median for missing numbers and a column that says so, unit scale, one-hot
    text.
    """
    numbers = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True)),
            ("scale", StandardScaler()),
        ]
    )
    return _transformer(
        [("number", numbers, data.number_columns), ("text", _one_hot(min_frequency), data.text_columns)]
    )


def prepare_forest(data: TrainingData, min_frequency: int) -> ColumnTransformer:
    """For forests: as for linear models, without scaling."""
    numbers = SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True)
    return _transformer(
        [("number", numbers, data.number_columns), ("text", _one_hot(min_frequency), data.text_columns)]
    )


def prepare_boosting(data: TrainingData, *, ordinal: bool) -> ColumnTransformer:
    """For boosting: numbers as they are (missing goes its own way in each split); text as codes or
    one-hot.
    """
    text: Any = (
        OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=float("nan"),
            encoded_missing_value=float("nan"),
            max_categories=MAX_LEVELS,
        )
        if ordinal
        else _one_hot(10)
    )
    # Without mean and scale this only makes every number a float, so that whole numbers, booleans and floats
    # mix.
    numbers = StandardScaler(with_mean=False, with_std=False)
    return _transformer([("number", numbers, data.number_columns), ("text", text, data.text_columns)])
