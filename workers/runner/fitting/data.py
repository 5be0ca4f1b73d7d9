"""The rows of a training job, split and encoded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.contracts.segments import PARTS, TRAIN, VALIDATION, SplitSpec
from analysis.split import ROW, split_parts
from workers.contracts.recipes import BINARY, MULTICLASS, NUMBERS, RANKING, REGRESSION, TASKS
from workers.contracts.signature import Signature, Tensor, datatype_of_column
from workers.runner.errors import BadInput
from workers.runner.frames import FeatureError, frame_of_table, numbers_of

MAX_CLASSES = 200
MAX_LEVELS = 200
MAX_GRADE = 30
MAX_ITEMS = 10_000
"""Items of a query, which LightGBM takes at most."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Features and target of both parts. `truth`: 0/1 for BINARY, label texts for MULTICLASS, numbers else.

    `classes`: the label texts in the order of a prediction's columns (BINARY: not positive, positive), None for a
    regression. The validation part may be empty. RANKING: the rows of a query stand side by side, and `train_queries`
    and `validation_queries` [n] number the query of each.
    """

    task: str
    train: pd.DataFrame
    train_truth: npt.NDArray[Any]
    validation: pd.DataFrame
    validation_truth: npt.NDArray[Any]
    classes: list[str] | None
    text_columns: list[str]
    number_columns: list[str]
    dropped: int
    train_queries: npt.NDArray[np.int64] | None = None
    validation_queries: npt.NDArray[np.int64] | None = None


def table_read(path: Any, names: list[str]) -> pa.Table:
    """The named columns of a canonical table, and its row numbers. Raises BadInput for a column it does not
    have.
    """
    held = pq.read_schema(path).names
    for name in names:
        if name not in held:
            raise BadInput("COLUMN_MISSING", f'The table has no column "{name}".')
    wanted = list(dict.fromkeys([*names, *([ROW] if ROW in held else [])]))
    return pq.read_table(path, columns=wanted, use_threads=False)


def label_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Class labels as text: true and false in lower case, whole numbers without a point."""
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        if whole:
            column = pc.cast(column, pa.int64())
    return pc.cast(column, pa.large_string())


def training_data(path: Any, spec: dict[str, Any]) -> TrainingData:
    """Reads, splits and encodes the table of a train spec. Raises BadInput with a sentence."""
    task, target = spec["task"], spec["target"]
    if task not in (*TASKS, RANKING):
        raise BadInput("TASK", f"There is no task {task!r}.")
    split = SplitSpec.from_json(spec["split"])
    features = [one for one in spec["features"] if one["name"] != target]
    if not features:
        raise BadInput("FEATURES", "There is no feature to learn from.")
    query = spec.get("query_column")
    if task == RANKING and not query:
        raise BadInput("QUERIES", "No column says which rows belong to one query.")
    names = [one["name"] for one in features] + [target] + ([split.by] if split.by else [])
    names += [query] if task == RANKING else []
    table = table_read(path, names)
    before = table.num_rows
    parts = split_parts(table, split)
    known = np.asarray(pc.is_valid(table[target]).to_numpy(zero_copy_only=False))
    table, parts = table.filter(pa.array(known)), parts[known]
    if task in NUMBERS and not _is_number(table[target].type):
        what = "a regression" if task == REGRESSION else "a ranking"
        raise BadInput("TARGET", f'"{target}" is not a number, so it cannot be the target of {what}.')
    queries: npt.NDArray[np.int64] | None = None
    if task == RANKING:
        queries = _queries(table, str(query), parts)
        order = np.argsort(queries, kind="stable")
        table, parts, queries = table.take(pa.array(order)), parts[order], queries[order]
        _grades(numbers_of(table[target]), target)
    try:
        frame = frame_of_table(table, features)
    except FeatureError as error:
        raise BadInput("FEATURE", str(error)) from error
    truth, classes = _truth(table[target], task, spec.get("positive_label"), target)
    in_train, in_validation = parts == PARTS.index(TRAIN), parts == PARTS.index(VALIDATION)
    data = TrainingData(
        task=task,
        train=frame[in_train].reset_index(drop=True),
        train_truth=truth[in_train],
        validation=frame[in_validation].reset_index(drop=True),
        validation_truth=truth[in_validation],
        classes=classes,
        text_columns=[one["name"] for one in features if one["type"] == "STRING"],
        number_columns=[one["name"] for one in features if one["type"] != "STRING"],
        dropped=before - table.num_rows,
        train_queries=None if queries is None else queries[in_train],
        validation_queries=None if queries is None else queries[in_validation],
    )
    return _checked(data, target)


def _queries(table: pa.Table, name: str, parts: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """The number of each row's query. Raises BadInput for a row without one, and for a query in several parts."""
    texts = label_texts(table[name])
    if texts.null_count:
        raise BadInput("QUERIES", f'{texts.null_count} rows have no "{name}", so they belong to no query.')
    _, numbers = np.unique(np.asarray(texts.to_pylist(), dtype=np.str_), return_inverse=True)
    found: npt.NDArray[np.int64] = numbers.astype(np.int64)
    if len(np.unique(found * len(PARTS) + parts)) > len(np.unique(found)):
        raise BadInput(
            "QUERIES",
            f'The split puts items of one query into several parts. Split the data by "{name}", on the page of the '
            "version before it is used, or of a new version.",
        )
    most = int(np.bincount(found).max(initial=0))
    if most > MAX_ITEMS:
        raise BadInput("QUERIES", f"A query has {most} items; at most {MAX_ITEMS} can be learnt from.")
    return found


def _grades(relevance: npt.NDArray[np.float64], target: str) -> None:
    """Raises BadInput for a relevance that is no whole grade from 0 on, or where none is above 0."""
    if ((relevance != np.floor(relevance)) | (relevance < 0) | (relevance > MAX_GRADE)).any():
        raise BadInput("TARGET", f'"{target}" is not everywhere a whole grade from 0 to {MAX_GRADE}.')
    if not (relevance > 0).any():
        raise BadInput("TARGET", f'No row has a "{target}" above 0, so no order is better than another.')


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _truth(
    column: pa.ChunkedArray, task: str, positive: str | None, target: str
) -> tuple[npt.NDArray[Any], list[str] | None]:
    if task in NUMBERS:
        return numbers_of(column), None
    texts = label_texts(column)
    labels = sorted(pc.unique(texts).to_pylist())
    if task == MULTICLASS:
        if not 2 <= len(labels) <= MAX_CLASSES:
            raise BadInput("CLASSES", f'"{target}" has {len(labels)} classes; 2 to {MAX_CLASSES} can be learnt.')
        return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=object), labels
    if len(labels) != 2:
        raise BadInput("CLASSES", f'"{target}" has {len(labels)} classes; a two-class task needs exactly two.')
    chosen = labels[1] if positive is None else str(positive)
    if chosen not in labels:
        raise BadInput("POSITIVE", f'"{target}" never says "{chosen}"; its labels are {", ".join(labels)}.')
    truth = np.asarray(pc.equal(texts, chosen).to_numpy(zero_copy_only=False)).astype(np.int64)
    return truth, [labels[1 - labels.index(chosen)], chosen]


def _checked(data: TrainingData, target: str) -> TrainingData:
    if len(data.train) < 20:
        raise BadInput("ROWS", f"Only {len(data.train)} rows are there to learn from; at least 20 are needed.")
    if data.task not in NUMBERS:
        held = set(np.unique(data.train_truth).tolist())
        if len(held) < (2 if data.task == BINARY else len(data.classes or [])):
            raise BadInput("CLASSES", f'A class of "{target}" has no row in the training part.')
    return data


def signature_of(data: TrainingData, features: list[dict[str, str]]) -> Signature:
    """Inputs as the training rows show them, and the outputs that serving gives."""
    inputs = []
    for feature in features:
        name = feature["name"]
        if name not in data.train.columns:
            continue
        column = data.train[name]
        levels = None
        if feature["type"] == "STRING":
            seen = column.dropna().unique()
            levels = tuple(sorted(seen)) if len(seen) <= MAX_LEVELS else None
        inputs.append(Tensor(name, datatype_of_column(feature["type"]), not column.isna().any(), levels))
    if data.task in NUMBERS:
        name = "prediction" if data.task == REGRESSION else "score"
        outputs: tuple[Tensor, ...] = (Tensor(name, "FP64"),)
    elif data.task == BINARY:
        outputs = (
            Tensor("probabilities", "FP64", levels=tuple(data.classes or ()), width=2),
            Tensor("decision", "BOOL"),
            Tensor("label", "BYTES", levels=tuple(data.classes or ())),
        )
    else:
        classes = tuple(data.classes or ())
        outputs = (
            Tensor("probabilities", "FP64", levels=classes, width=len(classes)),
            Tensor("label", "BYTES", levels=classes),
        )
    return Signature(tuple(inputs), outputs)
