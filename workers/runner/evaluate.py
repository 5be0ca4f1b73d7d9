"""The job kind "evaluate": score the held-out rows with a candidate and a baseline, compare them, post the
report. What was brought as predictions is not loaded: its answers stand in the table (`answers`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analysis.contracts.expressions import ExpressionError, columns, parse
from analysis.contracts.segments import SplitSpec
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.findings import Member
from analysis.split import ROW, split_take
from analysis.statistics import statistics_write
from workers.contracts.classes import ClassesError, class_names
from workers.contracts.model_files import UnsafePath, safe_path
from workers.contracts.recipes import BINARY, MULTICLASS, NUMBERS, RANKING, REGRESSION
from workers.runner.answers import (
    answer_labels,
    answer_names,
    answers_align,
    answers_read,
    is_brought,
    models_of,
)
from workers.runner.counting import counting_columns, queries_read, relevance_check, weights_note, weights_read
from workers.runner.errors import BadInput
from workers.runner.findings import findings_of
from workers.runner.fitting.data import label_texts, table_read
from workers.runner.fitting.importance import importance_of
from workers.runner.frames import FeatureError, frame_of_table, numbers_of
from workers.runner.job import Job
from workers.runner.model_io import LoadedModel, ModelRefused, model_load
from workers.runner.preliminary import COMPARED, SCORED, preliminary_post
from workers.runner.tables import canonical_of
from workers.runner.trials import Answer, behaviour_columns, trials_of

Array = npt.NDArray[Any]
CHUNK = 50_000


def run(job: Job) -> None:
    """Does an evaluate job. Raises BadInput for models or tables that cannot be used, ApiError, Cancelled."""
    spec = job.spec
    job.progress(0.05, "Reading the held-out rows")
    rows = _rows(job)
    truth, classes = _truth(rows[spec["target"]], spec)
    job.progress(0.15, f"{len(truth)} rows; loading the candidate")
    candidate = _model(job, spec["candidate"], "candidate")
    frame = _frame(rows, spec)
    if spec["task"] == MULTICLASS:
        classes = _classes(rows, spec, classes or [], candidate)
        truth = _codes(truth, classes)
    models = [(candidate, spec["candidate"])]
    outputs = [_said(candidate, rows, frame, spec, spec["candidate"], classes)]
    row_ids = rows[ROW].to_numpy() if ROW in rows.column_names else np.arange(rows.num_rows)
    weights, queries = weights_read(rows, spec), queries_read(rows, spec)
    if spec["task"] == RANKING:
        relevance_check(rows, spec["target"], truth)
    settings = EvaluateSpec.from_json({**spec, "classes": classes})
    given = EvaluationRows(row_ids, truth, rows, outputs[0], None, weights, queries)
    if spec.get("baseline") or spec.get("members"):
        preliminary_post(job, given, settings, SCORED)
    if spec.get("baseline"):
        job.progress(0.35, "Scoring with the baseline")
        baseline = _model(job, spec["baseline"], "baseline")
        models.append((baseline, spec["baseline"]))
        outputs = answers_align(spec["task"], [*outputs, _said(baseline, rows, frame, spec, spec["baseline"], classes)])
    others = _others(job, rows, frame, spec, classes)
    job.progress(0.5, "Measuring overall, by segment and by crossing")
    given = replace(given, candidate=outputs[0], baseline=outputs[1] if len(outputs) > 1 else None)
    preliminary_post(job, given, settings, COMPARED)
    importance: list[dict[str, Any]] = []
    if candidate is not None:
        importance = _importance(candidate, _inputs(candidate, frame, spec["candidate"]), truth, spec, classes, queries)
    report, arrays = evaluate_table(given, settings, importance=importance, threads=job.cores)
    if weights is not None:
        report = replace(report, notes=(*report.notes, weights_note(weights, spec["weight"])))
    job.progress(0.75, "Searching for weak slices, flips and fairness; testing behaviour")
    asked = [(model, reference, _answer(model, reference, spec, classes)) for model, reference in models]
    members = _members(spec, outputs, others)
    # Behaviour tests ask about single rows, of which an order says nothing.
    trials = None if spec["task"] == RANKING else trials_of(job, asked, classes)
    findings = findings_of(job, given, settings, importance, trials, members)
    job.progress(0.85, "Storing predictions and statistics")
    statistics = job.directory / "statistics.npz"
    statistics.write_bytes(statistics_write(arrays))
    job.client.output("statistics.npz", statistics)
    predictions = job.directory / "predictions.parquet"
    stored = _predictions(row_ids, truth, _named(outputs, others), classes, decides=spec["task"] == BINARY)
    pq.write_table(stored, predictions, compression="zstd")
    job.client.output("predictions.parquet", predictions)
    posted = {"report": report.to_json()} | ({"findings": findings} if findings is not None else {})
    job.client.results(posted)
    job.progress(1.0, f"Evaluated {len(truth)} rows in {len(report.groups)} groups")


def _rows(job: Job) -> pa.Table:
    """The held-out part, or all rows, with a known truth, with the columns that models and segments read."""
    spec = job.spec
    split = SplitSpec.from_json(spec["split"])
    path = canonical_of(job, spec["table"])
    held = pq.read_schema(path).names
    names = [one["name"] for one in _read(spec)] + [spec["target"]]
    names += answer_names(spec)
    names += counting_columns(spec)
    names += [split.by] if split.by else []
    for segment in spec.get("segments") or []:
        try:
            names += [name for name in columns(parse(segment["expression"])) if name in held]
        except ExpressionError:
            continue  # the report carries the error of a segment that does not fit
    names += [name for name in behaviour_columns(spec) if name in held]
    table = table_read(path, list(dict.fromkeys(names)))
    part = str(spec.get("part") or "test")
    rows = table if part == "all" else split_take(table, split, part)
    rows = rows.filter(pc.is_valid(rows[spec["target"]]))
    if not rows.num_rows:
        where = "table" if part == "all" else "held-out part"
        raise BadInput("ROWS", f"The {where} has no row with a known target.")
    return rows


def _read(spec: dict[str, Any]) -> list[dict[str, str]]:
    """The columns that describe a row, and those that only a loaded model reads."""
    return [*spec["features"], *(spec.get("inputs") or [])]


def _frame(rows: pa.Table, spec: dict[str, Any]) -> pd.DataFrame:
    """What loaded models read; empty when none is loaded."""
    if all(is_brought(one) for one in models_of(spec)):
        return pd.DataFrame()
    try:
        return frame_of_table(rows, _read(spec))
    except FeatureError as error:
        raise BadInput("FEATURE", str(error)) from error


def _truth(column: pa.ChunkedArray, spec: dict[str, Any]) -> tuple[Array, list[str] | None]:
    """bool for two classes, label texts for many, numbers else; and the labels found."""
    if spec["task"] in NUMBERS:
        return numbers_of(column), None
    texts = label_texts(column)
    labels = sorted(pc.unique(texts).to_pylist())
    if spec["task"] == MULTICLASS:
        return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=object), labels
    positive = spec.get("positive_label")
    if positive is None:
        raise BadInput("POSITIVE", "A two-class evaluation needs the positive label.")
    return np.asarray(pc.equal(texts, str(positive)).to_numpy(zero_copy_only=False)), None


def _classes(rows: pa.Table, spec: dict[str, Any], found: list[str], model: LoadedModel | None) -> list[str]:
    """The candidate's labels in its order, those that are answered in the table, those that only the held-out rows
    have.
    """
    known = [str(label) for label in model.classes or []] if model is not None else []
    return list(dict.fromkeys([*known, *answer_labels(rows, spec), *found]))


def _codes(truth: Array, classes: list[str]) -> Array:
    place = {label: index for index, label in enumerate(classes)}
    return np.asarray([place[label] for label in truth.tolist()], dtype=np.int32)


def _model(job: Job, reference: dict[str, Any], name: str) -> LoadedModel | None:
    """Downloads a version's files and loads them through the one safe door, with the classes that it states; None for
    a version whose answers are in the table.

    Raises BadInput.
    """
    if is_brought(reference):
        return None
    directory = job.directory / name
    for file in reference["files"]:
        try:
            path = safe_path(str(file["path"]))
        except UnsafePath as error:
            raise BadInput("MODEL_REFUSED", str(error)) from error
        job.fetch(file, str(Path(name) / path))
    try:
        model = model_load(directory)
        known = model.classes
        return model if known is None else replace(model, classes=class_names(known, reference.get("classes")))
    except (ModelRefused, ClassesError) as error:
        raise BadInput("MODEL_REFUSED", f"The {name} cannot be used: {error}") from error


def _predict(model: LoadedModel, frame: pd.DataFrame) -> Array:
    """In chunks, so that memory does not grow with the model's inner width."""
    try:
        parts = [model.predict_frame(frame.iloc[start : start + CHUNK]) for start in range(0, len(frame), CHUNK)]
    except ModelRefused as error:
        raise BadInput("MODEL_REFUSED", str(error)) from error
    except (ValueError, TypeError, KeyError) as error:
        message = f"The model cannot score these rows: {type(error).__name__}: {error}"[:400]
        raise BadInput("MODEL_INPUT", message) from error
    result = np.concatenate(parts)
    if not np.isfinite(result).all():
        raise BadInput("MODEL_OUTPUT", "The model answered a number that is not finite.")
    return result


def _inputs(model: LoadedModel, frame: pd.DataFrame, reference: dict[str, Any]) -> pd.DataFrame:
    """The columns of a model that has no names of its own, in the order of its signature: as serving gives them."""
    names = reference.get("inputs")
    if model.names is not None or not names or list(frame.columns) == names:
        return frame
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise BadInput("MODEL_INPUT", f'The model reads the column "{missing[0]}", which is no feature of the data.')
    return frame[names]


def _said(
    model: LoadedModel | None,
    rows: pa.Table,
    frame: pd.DataFrame,
    spec: dict[str, Any],
    reference: dict[str, Any],
    classes: list[str] | None,
) -> ModelOutput:
    """What a version says of the rows: read from the table, or scored."""
    if model is None:
        return answers_read(rows, reference, spec["task"], classes)
    return _output(model, frame, spec, reference, classes)


def _others(
    job: Job, rows: pa.Table, frame: pd.DataFrame, spec: dict[str, Any], classes: list[str] | None
) -> list[ModelOutput]:
    """What each further member of a combination says of the same rows; their models are loaded one after another."""
    references = spec.get("members") or []
    found = []
    for place, reference in enumerate(references):
        name = f"{reference['name']} {reference['number']}"
        job.progress(0.4 + 0.1 * place / len(references), f"Scoring with {name}")
        try:
            model = _model(job, reference, f"member-{place}")
            found.append(_said(model, rows, frame, spec, reference, classes))
        except BadInput as error:
            raise BadInput(error.code, f"{name}: {error}") from error
    return found


def _members(spec: dict[str, Any], outputs: list[ModelOutput], others: list[ModelOutput]) -> list[Member]:
    """The candidate and all further members, where any were asked for."""
    references = spec.get("members") or []
    if not references:
        return []
    said = answers_align(spec["task"], [outputs[0], *others])
    return [
        Member(str(one["version_id"]), f"{one['name']} {one['number']}", output)
        for one, output in zip([spec["candidate"], *references], said, strict=True)
    ]


def _named(outputs: list[ModelOutput], others: list[ModelOutput]) -> dict[str, ModelOutput]:
    """Every output under the name that its columns have in the stored predictions."""
    named = dict(zip(("candidate", "baseline"), outputs, strict=False))
    return named | {f"member{place}": output for place, output in enumerate(others, 1)}


def _output(
    model: LoadedModel,
    frame: pd.DataFrame,
    spec: dict[str, Any],
    reference: dict[str, Any],
    classes: list[str] | None,
) -> ModelOutput:
    result = _predict(model, _inputs(model, frame, reference))
    if spec["task"] in NUMBERS:
        if result.ndim != 1:
            what = "a regression" if spec["task"] == REGRESSION else "a ranking"
            raise BadInput("MODEL_OUTPUT", f"The model is a classifier, the task {what}.")
        return ModelOutput(predicted=result) if spec["task"] == REGRESSION else ModelOutput(scores=result)
    if result.ndim != 2 or model.classes is None:
        raise BadInput("MODEL_OUTPUT", "The model gives no probabilities.")
    if spec["task"] == BINARY:
        if result.shape[1] != 2:
            raise BadInput("MODEL_OUTPUT", f"The model knows {result.shape[1]} classes, the task has two.")
        return ModelOutput(scores=model.scores(result, spec["positive_label"]), threshold=reference.get("threshold"))
    wide = np.zeros((len(result), len(classes or [])))
    for index, label in enumerate(model.classes):
        if str(label) not in (classes or []):
            raise BadInput("MODEL_OUTPUT", f'The model knows a class "{label}" that the candidate does not.')
        wide[:, (classes or []).index(str(label))] = result[:, index]
    return ModelOutput(scores=wide)


def _answer(
    model: LoadedModel | None, reference: dict[str, Any], spec: dict[str, Any], classes: list[str] | None
) -> Answer:
    """What the model says about other rows than the held-out ones as they are, by the same way."""

    def answer(table: pa.Table) -> ModelOutput:
        if model is None:
            raise BadInput("NO_MODEL", "These are predictions made elsewhere: no model can be asked about other rows.")
        return _output(model, _frame(table, spec), spec, reference, classes)

    return answer


def _importance(
    model: LoadedModel,
    frame: pd.DataFrame,
    truth: Array,
    spec: dict[str, Any],
    classes: list[str] | None,
    queries: Array | None,
) -> list[dict[str, Any]]:
    """Of the candidate, on the held-out rows, over the columns that it reads."""
    used = frame[[name for name in frame.columns if model.names is None or name in model.names]]
    if spec["task"] in NUMBERS:
        return importance_of(lambda rows: _predict(model, rows), spec["task"], used, truth, [], 0, queries)
    if spec["task"] == BINARY:

        def two(rows: pd.DataFrame) -> Array:
            score = model.scores(_predict(model, rows), spec["positive_label"])
            return np.column_stack([1.0 - score, score])

        return importance_of(two, BINARY, used, truth.astype(np.int64), [0, 1], 0)
    labels = [str(label) for label in model.classes or []]
    texts = np.asarray(classes, dtype=object)[truth]
    return importance_of(lambda rows: _predict(model, rows), MULTICLASS, used, texts, labels, 0)


def _predictions(
    row_ids: Array, truth: Array, outputs: dict[str, ModelOutput], classes: list[str] | None, *, decides: bool
) -> pa.Table:
    """One row a held-out row: `row`, `truth`, and for each model its score(s), or its prediction; where a threshold
    `decides`, also its answer.
    """
    held: dict[str, Any] = {"row": row_ids, "truth": truth}
    for name, output in outputs.items():
        if output.scores is not None and output.scores.ndim == 1:
            held[f"{name}_score"] = output.scores
            if decides:
                held[f"{name}_positive"] = output.scores >= (0.5 if output.threshold is None else output.threshold)
        elif output.scores is not None:
            for index, label in enumerate(classes or []):
                held[f"{name}_score:{label}"] = output.scores[:, index]
            said = output.scores.argmax(axis=1) if output.predicted is None else output.predicted
            held[f"{name}_predicted"] = said.astype(np.int32)
        else:
            held[f"{name}_predicted"] = output.predicted
    return pa.table(held)
