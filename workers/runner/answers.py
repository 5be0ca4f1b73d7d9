"""Answers of a model made elsewhere, read from the columns of the evaluated table in place of loading a model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.inputs import ModelOutput
from analysis.split import ROW
from workers.contracts.answers import MOST_LABELS, AnswerColumns
from workers.contracts.recipes import BINARY, MULTICLASS, RANKING
from workers.runner.errors import BadInput
from workers.runner.fitting.data import label_texts
from workers.runner.frames import numbers_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# How far the probabilities of a row may be from 1 together: they are written with few digits.
ROUNDED = 0.02
EXACT = 1e-3


def is_brought(reference: Mapping[str, Any]) -> bool:
    """Whether the answers of a version stand in the table, so that nothing is loaded."""
    return bool(reference.get("answers"))


def models_of(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every version of an evaluate spec: the candidate, the baseline, further members."""
    return [one for one in (spec["candidate"], spec.get("baseline"), *(spec.get("members") or ())) if one]


def answer_names(spec: Mapping[str, Any]) -> list[str]:
    """The columns of an evaluate spec that hold answers."""
    return [name for answers in _all(spec) for name in answers.names]


def answer_labels(rows: pa.Table, spec: Mapping[str, Any]) -> list[str]:
    """The labels that are answered, the candidate's and those with scores first. Raises BadInput for too many."""
    known: dict[str, None] = {}
    for answers in _all(spec):
        known.update((label, None) for label, _ in answers.scores)
        if answers.column:
            said = pc.unique(label_texts(rows[answers.column])).to_pylist()
            if len(said) > MOST_LABELS:
                message = f'"{answers.column}" says {len(said)} different labels; at most {MOST_LABELS} are judged.'
                raise BadInput("ANSWERS", message)
            known.update((label, None) for label in sorted(label for label in said if label is not None))
    return list(known)


def answers_read(rows: pa.Table, reference: Mapping[str, Any], task: str, classes: list[str] | None) -> ModelOutput:
    """What the table says of its rows. Raises BadInput that names the first row without a usable answer."""
    answers = AnswerColumns.from_json(reference["answers"])
    if task == BINARY:
        return ModelOutput(scores=_scores(rows, answers.column), threshold=reference.get("threshold"))
    if task == MULTICLASS:
        return _many(rows, answers, classes or [])
    if task == RANKING:
        return ModelOutput(scores=numbers_read(rows, answers.column))
    return ModelOutput(predicted=numbers_read(rows, answers.column))


def answers_align(task: str, outputs: list[ModelOutput]) -> list[ModelOutput]:
    """Where one says labels alone, the others' labels are said too: each row's highest score."""
    if task != MULTICLASS or all(one.scores is not None for one in outputs):
        return outputs
    return [
        replace(one, predicted=one.scores.argmax(axis=1).astype(np.int32))
        if one.scores is not None and one.predicted is None
        else one
        for one in outputs
    ]


def _all(spec: Mapping[str, Any]) -> list[AnswerColumns]:
    return [AnswerColumns.from_json(one["answers"]) for one in models_of(spec) if is_brought(one)]


def _many(rows: pa.Table, answers: AnswerColumns, classes: list[str]) -> ModelOutput:
    place = {label: index for index, label in enumerate(classes)}
    said, wide = None, None
    if answers.column:
        texts = label_texts(rows[answers.column])
        refuse(rows, answers.column, ~_valid(texts), "has no answer in")
        said = np.asarray([place[label] for label in texts.to_pylist()], dtype=np.int32)
    if answers.scores:
        wide = np.zeros((rows.num_rows, len(classes)))
        for label, name in answers.scores:
            wide[:, place[label]] = _scores(rows, name)
        away = np.abs(wide.sum(axis=1) - 1)
        refuse(rows, "", away > ROUNDED, "The scores of all labels do not sum to 1 in")
        if away.max(initial=0) > EXACT:
            wide /= wide.sum(axis=1, keepdims=True)
    return ModelOutput(scores=wide, predicted=said)


def _scores(rows: pa.Table, name: str) -> Floats:
    values = numbers_read(rows, name)
    refuse(rows, name, (values < 0) | (values > 1), "is no score from 0 to 1 in")
    return values


def numbers_read(rows: pa.Table, name: str) -> Floats:
    """A column of numbers without gaps; text that reads as numbers is no number here either. Raises BadInput."""
    column = rows[name]
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        refuse(rows, name, ~_parses(column), "is no number in")
        raise BadInput("ANSWERS", f'"{name}" is a column of text, where numbers are needed.')
    values = numbers_of(column)
    refuse(rows, name, ~_valid(column) | np.isnan(values), "has no answer in")
    refuse(rows, name, ~np.isfinite(values), "is not finite in")
    return values


def _valid(column: pa.ChunkedArray) -> Bools:
    return np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False), dtype=bool)


def _parses(column: pa.ChunkedArray) -> Bools:
    def number(text: str | None) -> bool:
        try:
            float(text or "")
        except ValueError:
            return False
        return True

    return np.asarray([number(text) for text in pc.cast(column, pa.large_string()).to_pylist()], dtype=bool)


def refuse(rows: pa.Table, name: str, wrong: Bools, what: str) -> None:
    """Raises BadInput when a row is wrong: how many are, and the first of them, counted below the header."""
    count = int(wrong.sum())
    if not count:
        return
    first = int(wrong.argmax())
    row = (rows[ROW][first].as_py() if ROW in rows.column_names else first) + 1
    what = f'"{name}" {what}' if name else what
    message = f"{what} {count} of the {rows.num_rows} rows that are judged; the first is row {row}."
    raise BadInput("ANSWERS", message, line=row + 1)
