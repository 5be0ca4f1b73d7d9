"""Columns as models take them: numbers and booleans as float64 (missing is NaN), text as objects (missing is
NaN).

Training, evaluation and serving all come through here, so that prediction takes the same path as training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workers.contracts.signature import Signature

NUMERIC = ("INTEGER", "NUMBER", "BOOLEAN")
TEXT = "STRING"


class FeatureError(ValueError):
    """A column that cannot be a feature; the message names it."""


def frame_of_table(table: pa.Table, features: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The features of a canonical table, in the order given. Raises FeatureError."""
    columns: dict[str, Any] = {}
    for feature in features:
        name, kind = feature["name"], feature["type"]
        if name not in table.column_names:
            raise FeatureError(f'The table has no column "{name}".')
        column = table.column(name)
        if kind in NUMERIC:
            columns[name] = numbers_of(column)
        elif kind == TEXT:
            columns[name] = text_of(column)
        else:
            raise FeatureError(f'"{name}" holds dates, which the recipes cannot use; leave it out of the features.')
    return pd.DataFrame(columns, copy=False)


def numbers_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """A numeric or boolean column as float64 with NaN for missing."""
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    values = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(pc.fill_null(values, float("nan")).to_numpy(), dtype=np.float64)


def text_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Any column as an object array of text with NaN for missing."""
    values = np.asarray(pc.cast(column, pa.large_string()).to_numpy(zero_copy_only=False), dtype=object)
    values[pd.isna(values)] = np.nan
    return values


def frame_of_columns(columns: Mapping[str, Sequence[Any]], signature: Signature) -> pd.DataFrame:
    """The inputs of a checked request (lists or arrays, None for missing) in the signature's order."""
    frame: dict[str, Any] = {}
    for tensor in signature.inputs:
        values = columns[tensor.name]
        if tensor.datatype == "BYTES":
            held = np.empty(len(values), dtype=object)
            held[:] = [np.nan if value is None else value for value in values]
            frame[tensor.name] = held
        else:
            frame[tensor.name] = np.asarray(values, dtype=np.float64)
    return pd.DataFrame(frame, copy=False)
