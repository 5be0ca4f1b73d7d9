"""The job kind "score": every row of a table, answered by a version as its host answers a call.

A part of the table is a request of the inference protocol: the gateway's own check judges it, the host's own function
asks the model, and the gateway's own rule decides at the threshold. So equal rows get equal answers, live or here.
"""

import time
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from workers.contracts.model_files import UnsafePath, safe_path
from workers.contracts.routes import RoutesRefused, RouteVersion
from workers.contracts.scoring import CSV, MOST_REFUSALS, PARQUET, RowRefused, columns_fault, datatype_of
from workers.contracts.signature import MAX_ROWS, SignatureError, inputs_clean
from workers.runner.errors import BadInput
from workers.runner.job import Job
from workers.runner.model_io import LoadedModel
from workers.runner.score_table import ScoreWriter, TableRead
from workers.runner.tables import canonical_of
from workers.serving.answers import Answers, Scores
from workers.serving.frames import FrameReader, FrameRefused, column_encode
from workers.serving.host import NotReady, batch_predict, model_open
from workers.serving.inputs import Columns, Inputs
from workers.serving.problems import InputRefused

MOST_BY_MODEL = 1000
"""Rows that fit the signature and that the model does not take: with more of them it is the model that is wrong."""


def run(job: Job) -> None:
    """Does a score job. Raises BadInput for a version or table that cannot be used, ApiError, Cancelled."""
    version = _version(job)
    asker = _asker(version)
    job.progress(0.02, "Reading the table")
    table = TableRead(canonical_of(job, job.spec["table"]))
    empty = table.empty(asker.inputs.names)
    fault = columns_fault(asker.inputs.signature, table.types, empty)
    if fault:
        raise BadInput("COLUMN", fault)
    datatypes = {
        tensor.name: tensor.datatype if tensor.name in empty else datatype_of(table.types[tensor.name])
        for tensor in asker.inputs.signature.inputs
    }
    job.progress(0.05, f"{table.rows} rows; loading version {version.number}")
    asker.model = _model(job, version, asker.answers)
    began = time.monotonic()
    identity = job.spec.get("id_column")
    writer = ScoreWriter(job.directory, asker.answers, table.types, identity if identity in table.types else None)
    refusals: list[RowRefused] = []
    told = 0.05
    # One thread, as in a host: sums in another order would be other numbers.
    with threadpool_limits(1), writer:
        for part in table.parts(datatypes, writer.identity, MAX_ROWS):
            taken, scores, refused = asker.ask(part.tensors, part.rows)
            writer.part(part, taken, scores, asker.answers.chosen(scores), refused)
            left = MOST_REFUSALS - len(refusals)
            refusals += [replace(one, row=part.numbers[one.row]) for one in list(refused.values())[:left]]
            done = 0.05 + 0.85 * (writer.scored + writer.refused) / table.rows
            if done - told >= 0.02:
                told = done
                job.progress(done, f"{writer.scored + writer.refused} of {table.rows} rows")
    if not writer.scored:
        raise BadInput("NO_ROWS", f"No row could be scored. Row {refusals[0].row}: {refusals[0].why}")
    seconds = time.monotonic() - began
    job.progress(0.92, "Storing the file")
    result = writer.result(refusals, seconds)
    for name in (PARQUET, CSV):
        job.client.output(name, job.directory / name)
    job.client.results({"score": result.to_json()})
    without = f"; {writer.refused} rows were refused" if writer.refused else ""
    job.progress(1.0, f"Scored {writer.scored} rows in {seconds:.1f} s{without}")


def _version(job: Job) -> RouteVersion:
    try:
        return RouteVersion.from_json(job.spec["version"])
    except RoutesRefused as error:
        raise BadInput("VERSION", f"The version cannot be served: {error}") from error


def _asker(version: RouteVersion) -> "Asker":
    try:
        return Asker(Inputs(version.signature), Answers(version))
    except (SignatureError, ValueError) as error:
        raise BadInput("VERSION", f"The version cannot be served: {error}") from error


def _model(job: Job, version: RouteVersion, answers: Answers) -> LoadedModel:
    """The files of the version, loaded as a host loads them. Raises BadInput."""
    directory = Path("model")
    for file in version.files:
        try:
            name = str(directory / safe_path(file.path))
        except UnsafePath as error:
            raise BadInput("MODEL_REFUSED", str(error)) from error
        job.fetch({"sha256": file.sha256}, name)
    try:
        model = model_open(job.directory / directory)
    except NotReady as error:
        raise BadInput("MODEL_REFUSED", f"The version cannot be loaded: {error}") from error
    known = None if model.classes is None else [str(label) for label in model.classes]
    if contradiction := answers.contradiction(known):
        raise BadInput("MODEL_REFUSED", f"The version cannot be served: {contradiction}")
    return model


class Asker:
    """Asks one version about parts of a table."""

    model: LoadedModel

    def __init__(self, inputs: Inputs, answers: Answers) -> None:
        self.inputs = inputs
        self.answers = answers
        self._by_model = 0

    def ask(self, tensors: list[dict[str, Any]], rows: int) -> tuple[list[int], Scores, dict[int, RowRefused]]:
        """(places of the rows that were answered, their scores, the others by place) of one request.

        Raises BadInput when the model does not take more rows than can be the rows' fault.
        """
        taken, columns, refused = self._judged(tensors, rows)
        answered: list[int] = []
        values = array("d")
        self._predicted(taken, columns, answered, values, refused)
        return answered, Scores(values, self.answers.width), dict(sorted(refused.items()))

    def _judged(self, tensors: list[dict[str, Any]], rows: int) -> tuple[list[int], Columns, dict[int, RowRefused]]:
        """What fits the signature. Where a request is refused, each row is judged as a request of its own."""
        try:
            _, columns = self.inputs.cleaned(inputs_clean, tensors)
            return list(range(rows)), columns, {}
        except InputRefused:
            pass
        taken: list[int] = []
        held: Columns = {name: [] for name in self.inputs.names}
        refused: dict[int, RowRefused] = {}
        for row in range(rows):
            alone = [{**tensor, "shape": [1], "data": [tensor["data"][row]]} for tensor in tensors]
            try:
                _, columns = self.inputs.cleaned(inputs_clean, alone)
            except InputRefused as error:
                refused[row] = RowRefused(row, error.field, str(error))
                continue
            taken.append(row)
            for name, values in columns.items():
                held[name].append(values[0])
        return taken, held, refused

    def _predicted(
        self, places: list[int], columns: Columns, answered: list[int], values: "array[float]", refused: Any
    ) -> None:
        """Asks the model; rows that it does not take together are asked by halves, until the faulty ones are alone."""
        if not places:
            return
        found = self._batch(columns, len(places))
        if not isinstance(found, str):
            answered += places
            values.extend(found)
        elif len(places) == 1:
            self._by_model += 1
            if self._by_model > MOST_BY_MODEL:
                raise BadInput("MODEL_INPUT", f"The model did not take {self._by_model} rows that fit its signature.")
            # What the model says may repeat a value; the kind of its complaint does not.
            why = f"The model did not take the row ({found.partition(':')[0]})."
            refused[places[0]] = RowRefused(places[0], "", why)
        else:
            middle = len(places) // 2
            for start, end in ((0, middle), (middle, len(places))):
                half = {name: column[start:end] for name, column in columns.items()}
                self._predicted(places[start:end], half, answered, values, refused)

    def _batch(self, columns: Columns, rows: int) -> "array[float] | str":
        """The numbers of one batch by the frames of the gateway and its host, or what the model said instead."""
        parts, blobs = [], []
        for name, kind in self.inputs.kinds:
            sent, text, blob = column_encode(kind, columns[name])
            parts.append([sent, text])
            blobs.append(blob)
        header = {"rows": rows, "columns": parts}
        try:
            frame = batch_predict(self.model, self.inputs.signature, header, b"".join(blobs))
            [(told, body)] = FrameReader().feed(frame)
        except FrameRefused as error:
            return f"FrameRefused: {error}"
        if "error" in told:
            return str(told["error"])
        width = self.answers.width
        if told.get("rows") != rows or told.get("width") != width or len(body) != rows * width * 8:
            raise BadInput("MODEL_OUTPUT", "The model's answer does not have the shape that its version states.")
        return array("d", body)
