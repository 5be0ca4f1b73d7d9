"""From a host's numbers to what a caller reads: probabilities, the decision at the stored threshold, and its
label.

A binary classifier decides for the positive label when its probability reaches the version's threshold (0.5
when none is stored); a many-class one for the most probable class; a regression answers its number.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any

from workers.contracts.classes import ClassesError, class_names, positive_place
from workers.contracts.routes import RouteVersion
from workers.serving.forms import V2Request

BINARY, MULTICLASS, REGRESSION, RANKING = "BINARY", "MULTICLASS", "REGRESSION", "RANKING"


class Scores:
    """One batch as the host returned it: `width` numbers per row (1 for a regression), row after row."""

    __slots__ = ("rows", "values", "width")

    def __init__(self, values: array[float], width: int) -> None:
        self.values = values
        self.width = width
        self.rows = len(values) // width

    def part(self, start: int, rows: int) -> Scores:
        """The rows of one request within the batch."""
        return Scores(self.values[start * self.width : (start + rows) * self.width], self.width)


class Answers:
    """How one version's results are written: names, datatypes and ready-made JSON pieces."""

    def __init__(self, version: RouteVersion) -> None:
        self.task = version.task
        self.threshold = 0.5 if version.threshold is None else version.threshold
        self.labels: list[str] = []
        self.positive = 1
        self.number = {REGRESSION: "prediction", RANKING: "score"}.get(self.task, "")
        if self.number:
            self.width = 1
            self.outputs: list[dict[str, Any]] = [{"name": self.number, "datatype": "FP64", "shape": [-1]}]
        elif self.task in (BINARY, MULTICLASS):
            classes = list(version.classes or ())
            if len(classes) < 2 or (self.task == BINARY and len(classes) != 2):
                raise ValueError(f"a version of task {self.task} cannot have {len(classes)} classes")
            self.width = len(classes)
            self.labels = [label if isinstance(label, str) else json.dumps(label) for label in classes]
            self._values = [json.dumps(label) for label in classes]
            if self.task == BINARY:
                self.positive = positive_place(self.labels, str(version.positive_label))
            # The protocol's parameters are text, numbers and truth values: the list of classes goes as JSON text.
            probabilities = {"classes": json.dumps(self.labels)}
            self.outputs = [
                {"name": "probabilities", "datatype": "FP64", "shape": [-1, self.width], "parameters": probabilities}
            ]
            if self.task == BINARY:
                decision = {"threshold": self.threshold, "positive_label": self.labels[self.positive]}
                self.outputs.append({"name": "decision", "datatype": "BOOL", "shape": [-1], "parameters": decision})
            self.outputs.append({"name": "label", "datatype": "BYTES", "shape": [-1]})
        else:
            raise ValueError(f"the task {self.task!r} is unknown")
        self.names = frozenset(str(output["name"]) for output in self.outputs)
        self._labels_json = [json.dumps(label) for label in self.labels]
        self._records = [json.dumps(label) + ":" for label in self.labels]
        self._model = f'{{"model_name":%s,"model_version":"{version.number}",'
        self._parameters = {
            str(output["name"]): f',"parameters":{json.dumps(output["parameters"])}' if "parameters" in output else ""
            for output in self.outputs
        }
        self._version = str(version.number)

    def contradiction(self, classes: object) -> str:
        """Why a loaded model with these classes (None: a regression) is not what the version's facts state, or an
        empty text.
        """
        if not self.labels:
            return "" if classes is None else "it is stated to be a regression and is a classifier"
        try:
            class_names(classes if isinstance(classes, list) else [], self.labels)
        except ClassesError as contradiction:
            return str(contradiction)
        return ""

    def chosen(self, scores: Scores) -> list[int]:
        """The index of the decided class per row; empty for a regression."""
        values, width = scores.values, self.width
        if self.task == BINARY:
            positive, threshold = self.positive, self.threshold
            negative = 1 - positive
            return [positive if p >= threshold else negative for p in values[positive::2]]
        if self.task == MULTICLASS:
            return [
                max(range(width), key=values[start : start + width].__getitem__)
                for start in range(0, len(values), width)
            ]
        return []

    def v2(self, name_json: str, request: V2Request, scores: Scores, chosen: Sequence[int]) -> bytes:
        """The body of a V2 infer response; only the outputs asked for."""
        wanted, rows = request.outputs, scores.rows
        parts = []
        if self.number:
            parts.append(self._tensor(self.number, "FP64", f"{rows}", ",".join(map(repr, scores.values))))
        else:
            if wanted is None or "probabilities" in wanted:
                numbers = ",".join(map(repr, scores.values))
                parts.append(self._tensor("probabilities", "FP64", f"{rows},{self.width}", numbers))
            if self.task == BINARY and (wanted is None or "decision" in wanted):
                flags = ",".join(["true" if index == self.positive else "false" for index in chosen])
                parts.append(self._tensor("decision", "BOOL", f"{rows}", flags))
            if wanted is None or "label" in wanted:
                labels = self._labels_json
                parts.append(self._tensor("label", "BYTES", f"{rows}", ",".join([labels[index] for index in chosen])))
        given = "" if request.id is None else f'"id":{json.dumps(request.id)},'
        head = self._model % name_json
        return f'{head}{given}"outputs":[{",".join(parts)}]}}'.encode()

    def invocation(self, scores: Scores, chosen: Sequence[int]) -> bytes:
        """The body of an MLflow scoring response: one entry of `predictions` per row."""
        if self.number:
            entries = ",".join(map(repr, scores.values))
        else:
            entries = ",".join([self.row(scores, row, chosen) for row in range(scores.rows)])
        return f'{{"predictions":[{entries}]}}'.encode()

    def row(self, scores: Scores, row: int, chosen: Sequence[int]) -> str:
        """One row's result as JSON, the form the prediction log keeps."""
        if self.number:
            return f'{{"{self.number}":{scores.values[row]!r}}}'
        start = row * self.width
        numbers = scores.values[start : start + self.width]
        probabilities = ",".join([name + repr(number) for name, number in zip(self._records, numbers, strict=True)])
        index = chosen[row]
        decision = "" if self.task != BINARY else f'"decision":{"true" if index == self.positive else "false"},'
        return f'{{"label":{self._values[index]},{decision}"probabilities":{{{probabilities}}}}}'

    def score(self, scores: Scores, row: int, chosen: Sequence[int]) -> float:
        """One number per row for the log: the positive class's probability, the top probability, or the
        prediction.
        """
        if self.number:
            return scores.values[row]
        return scores.values[row * self.width + (self.positive if self.task == BINARY else chosen[row])]

    def metadata(self, name: str, signature_inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """V2 model metadata."""
        return {
            "name": name,
            "versions": [self._version],
            "platform": "fairway",
            "inputs": list(signature_inputs),
            "outputs": self.outputs,
        }

    def _tensor(self, name: str, datatype: str, shape: str, data: str) -> str:
        parameters = self._parameters[name]
        return f'{{"name":"{name}","datatype":"{datatype}","shape":[{shape}]{parameters},"data":[{data}]}}'
