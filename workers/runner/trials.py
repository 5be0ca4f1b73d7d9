"""What an evaluate job asks its models again: the problem's behaviour tests, and whether they saw the test rows before.

Keys of the job's spec, both additive: "behaviour" [{"id", "number", "critical", "test": JSON of the contract}], and
"training" {"table", "split"} of the data that the candidate was trained on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.behaviour import Subject
from analysis.contracts.expressions import ExpressionError, columns, parse
from analysis.contracts.segments import SplitSpec
from analysis.evaluate import ModelOutput
from analysis.findings import BehaviourAsked, Trials, Tried
from analysis.split import split_take
from workers.contracts.recipes import BINARY, MULTICLASS
from workers.runner.errors import BadInput
from workers.runner.fitting.data import table_read
from workers.runner.job import Job
from workers.runner.model_io import LoadedModel
from workers.runner.tables import canonical_of

Answer = Callable[[pa.Table], ModelOutput]
"""What a model says about the rows of a table; raises BadInput for rows that it cannot score."""


def trials_of(
    job: Job, models: Sequence[tuple[LoadedModel | None, Mapping[str, Any], Answer]], classes: Sequence[str] | None
) -> Trials:
    """The models, the candidate first and then the baseline where there is one, each with its reference and answers.

    Training data that cannot be read are said in the log and leave the question of leakage open.
    """
    tried = [_tried(job.spec, *one, classes) for one in models]
    return Trials(
        candidate=tried[0],
        baseline=tried[1] if len(tried) > 1 else None,
        tests=[
            BehaviourAsked(str(one["id"]), int(one["number"]), bool(one["critical"]), one["test"])
            for one in job.spec.get("behaviour") or ()
        ],
        train=_train(job, tried[0].reads),
        target=str(job.spec["target"]),
    )


def behaviour_columns(spec: Mapping[str, Any]) -> list[str]:
    """The columns that the behaviour tests change or choose rows by."""
    names: list[str] = []
    for one in spec.get("behaviour") or ():
        test = one["test"]
        names += [str(change["column"]) for change in test.get("change") or ()]
        try:
            names += columns(parse(test["where"])) if test.get("where") else ()
        except ExpressionError:
            continue  # the result carries the error of a test that does not fit
    return names


def _tried(
    spec: Mapping[str, Any],
    model: LoadedModel | None,
    reference: Mapping[str, Any],
    answer: Answer,
    classes: Sequence[str] | None,
) -> Tried:
    def predict(table: pa.Table) -> npt.NDArray[Any]:
        try:
            said = answer(table)
        except BadInput as error:
            raise ValueError(error.message) from error
        found = said.scores if said.scores is not None else said.predicted
        if found is None:
            raise ValueError("The model gives no answer")
        return found

    threshold = reference.get("threshold")
    features = [str(one["name"]) for one in spec["features"]]
    return Tried(
        Subject(
            predict,
            spec["task"],
            threshold=0.5 if threshold is None else float(threshold),
            positive_label=spec.get("positive_label") if spec["task"] == BINARY else None,
            classes=tuple(classes or ()) if spec["task"] == MULTICLASS else (),
        ),
        frozenset((model.names if model is not None else None) or reference.get("inputs") or features),
    )


def _train(job: Job, reads: frozenset[str]) -> pa.Table | None:
    """The training part with what the model reads, the target and what it was split by; None when it is not known."""
    known = job.spec.get("training")
    if not known:
        return None
    split, target = SplitSpec.from_json(known["split"]), str(job.spec["target"])
    try:
        path = canonical_of(job, known["table"])
        held = pq.read_schema(path).names
        wanted = [target, *([split.by] if split.by else []), *(name for name in sorted(reads) if name in held)]
        return split_take(table_read(path, wanted), split, "train")
    except BadInput as error:
        job.say(f"The training rows could not be read, so the test rows are not looked up in them: {error.message}")
        return None
