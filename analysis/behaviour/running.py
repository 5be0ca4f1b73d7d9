"""Running a behaviour test: which rows were tested, how many did as they must, and the ones that did not.

Where rows have weights, the share is of the sums of weights, with Wilson's interval of the effective number of rows,
(sum of w)^2 / (sum of w^2) (L. Kish, Survey Sampling (1965) 11.7). Counts stay those of rows; cases count once each.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.behaviour.changes import rows_change
from analysis.columns import expression_evaluate
from analysis.contracts.behaviour import (
    DIRECTION,
    DOWN,
    INVARIANCE,
    LABEL,
    NOT_DOWN,
    NOT_UP,
    UP,
    BehaviourError,
    BehaviourSpec,
    Case,
    Expect,
)
from analysis.contracts.expressions import ExpressionError
from analysis.contracts.metrics import BINARY, MULTICLASS, REGRESSION
from analysis.contracts.report import Estimate
from analysis.intervals import Floats, weights_of, wilson

Result: TypeAlias = Literal["PASS", "FAIL", "NOT_EVALUATED"]
PASS: Final = "PASS"  # noqa: S105 - a verdict, not a secret
FAIL: Final = "FAIL"
NOT_EVALUATED: Final = "NOT_EVALUATED"

MOST_ROWS: Final = 100
"""Failing rows that a result lists by default."""

Bools = npt.NDArray[np.bool_]
Predict: TypeAlias = Callable[[pa.Table], npt.NDArray[np.generic]]
"""Outputs for the rows of a table: scores [n] of two classes or [n, K] of many, predictions [n] of a regression."""
_SLACK: Final = 1e-12
"""What the last digits of the arithmetic may add to a difference."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The model under test. `threshold` and `positive_label` are of two classes, `classes` the labels of many."""

    predict: Predict
    task: str
    threshold: float = 0.5
    positive_label: str | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in (BINARY, MULTICLASS, REGRESSION):
            raise ValueError(f"There is no task {self.task}")
        if self.task == MULTICLASS and not self.classes:
            raise ValueError("Many classes need their labels")

    def outputs(self, table: pa.Table) -> Floats:
        """The checked outputs. Raises ValueError when the function does not answer as the task needs."""
        found = np.asarray(self.predict(table), np.float64)
        wanted = (table.num_rows, len(self.classes)) if self.task == MULTICLASS else (table.num_rows,)
        if found.shape != wanted:
            raise ValueError(f"The model answers in the shape {found.shape}, not {wanted}")
        if not np.isfinite(found).all():
            raise ValueError("The model answers with something that is no number")
        return found

    def answers(self, outputs: Floats) -> list[str]:
        """What is answered, in words: a label, or the number itself."""
        if self.task == REGRESSION:
            return [f"{one:g}" for one in outputs.tolist()]
        if self.task == MULTICLASS:
            return [self.classes[at] for at in outputs.argmax(axis=1).tolist()]
        positive = self.positive_label or "positive"
        negative = f"not {self.positive_label}" if self.positive_label else "negative"
        return [positive if one >= self.threshold else negative for one in outputs.tolist()]


@dataclass(frozen=True, slots=True)
class FailingRow:
    """A row that did not do as it must. `change` says what was changed, None for a least function.

    `before` and `after` are the numbers compared (the score or prediction), `answer_before` and `answer_after` the
    answers; before is None where nothing was changed. `miss` is how far beyond what is allowed it is.
    """

    row: int | float | str | bool
    change: str | None
    before: float | None
    after: float
    answer_before: str | None
    answer_after: str
    expected: str
    miss: float


@dataclass(frozen=True, slots=True)
class BehaviourResult:
    """How a test ended. `share` is of the tested rows that did as they must; a row counts once, by its worst change.

    `unchanged` counts chosen rows that no change altered, which are not tested. `reason` says why nothing could be.
    `failing` lists the worst rows first, at most as many as asked for; `failed` counts all.
    """

    name: str
    kind: str
    result: Result
    tested: int
    failed: int
    unchanged: int
    share: Estimate
    least_share: float
    failing: tuple[FailingRow, ...]
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "failing": [asdict(one) for one in self.failing]}


def behaviour_run(
    spec: BehaviourSpec,
    subject: Subject,
    table: pa.Table,
    row_ids: Sequence[object] | npt.NDArray[np.generic],
    *,
    most_rows: int = MOST_ROWS,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> BehaviourResult:
    """Run one test on the rows of a table (cases bring rows of their own in its columns).

    Raises BehaviourError when the test does not fit the table or the task, ValueError when the model does not answer as
    its task needs, there is not one id a row, or `weights` [n] are not above 0.
    """
    if len(row_ids) != table.num_rows:
        raise ValueError("There is one id for each row")
    _fits(spec, subject)
    if spec.cases:
        cases = _cases_table(spec.cases, table)
        names = [f"case {at + 1}" for at in range(len(spec.cases))]
        return _least(spec, subject, cases, names, _Told(most_rows, level))
    weighing = weights_of(weights, table.num_rows)
    chosen = rows_chosen(spec, table)
    rows, ids = table.take(chosen), np.asarray(row_ids)[chosen].tolist()
    if not ids:
        return _not_evaluated(spec, "the test chooses no row")
    told = _Told(most_rows, level, None if weighing is None else weighing[chosen])
    if spec.kind in (INVARIANCE, DIRECTION):
        return _moved(spec, subject, rows, ids, told)
    return _least(spec, subject, rows, ids, told)


@dataclass(frozen=True, slots=True)
class _Told:
    """How a result is told: failing rows at most, the level of its interval, and what each row counts [n]."""

    most: int
    level: float
    weights: Floats | None = None

    def share(self, right: Bools, tested: Bools) -> Estimate:
        """The share of tested rows that did as they must."""
        n = int(tested.sum())
        if self.weights is None:
            hits, of, method = float((right & tested).sum()), float(n), "Wilson"
            value = hits / of
        else:
            mass = float(self.weights[tested].sum())
            value = float(self.weights[right & tested].sum()) / mass
            # Rounding must not leave a test that every row passes a hair below its whole.
            value = 1.0 if bool(right[tested].all()) else value
            of = mass**2 / float(np.square(self.weights[tested]).sum())
            hits, method = value * of, "Wilson, effective number of rows"
        low, high = wilson(hits, of, self.level)
        return Estimate(value, float(low), float(high), method, n)


def _fits(spec: BehaviourSpec, subject: Subject) -> None:
    expects = [one for one in (spec.expect, *(case.expect for case in spec.cases)) if one is not None]
    if spec.compare == LABEL and subject.task == REGRESSION:
        raise BehaviourError("A regression answers with a number; compare the score", "compare")
    scores = spec.kind == DIRECTION or any(one.label is None for one in expects)
    if subject.task == MULTICLASS and scores and spec.of_class is None:
        raise BehaviourError("Say whose score of the classes is meant", "class")
    if spec.of_class is not None and spec.of_class not in subject.classes:
        raise BehaviourError(f"There is no class {spec.of_class}", "class")
    for one in expects:
        if one.label is not None:
            _label_place(one.label, subject)


def _label_place(label: str | bool, subject: Subject) -> int:
    """The class number of an expected label; of two classes 1 is the positive one. Raises BehaviourError."""
    if subject.task == REGRESSION:
        raise BehaviourError("A regression has no labels; give bounds", "expect")
    if subject.task == MULTICLASS:
        if label not in subject.classes:
            raise BehaviourError(f"There is no class {label}", "expect")
        return subject.classes.index(str(label))
    if isinstance(label, bool):
        return int(label)
    positive = subject.positive_label or "positive"
    if label == positive:
        return 1
    if label in (f"not {positive}", "negative"):
        return 0
    raise BehaviourError(f"The label is {positive} or not {positive}", "expect")


def rows_chosen(spec: BehaviourSpec, table: pa.Table) -> npt.NDArray[np.int64]:
    """Places of the rows that a test is about. Raises BehaviourError for an expression that does not fit the table."""
    if spec.where is None:
        return np.arange(table.num_rows)
    try:
        checked, values = expression_evaluate(spec.where, table)
    except ExpressionError as error:
        raise BehaviourError(error.message, "where") from error
    if checked.type != "BOOLEAN":
        raise BehaviourError("Rows are chosen by a condition", "where")
    return np.flatnonzero(pc.fill_null(values, False).to_numpy())


def _cases_table(cases: Sequence[Case], table: pa.Table) -> pa.Table:
    """The cases as rows of the table's columns and types."""
    for place, case in enumerate(cases):
        unknown = sorted(set(case.values) - set(table.column_names))
        if unknown:
            raise BehaviourError(f"There is no column {unknown[0]}", f"cases.{place}.values")
    columns = {}
    for field in table.schema:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        try:
            column = pa.array([case.values.get(field.name) for case in cases], kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            raise BehaviourError(f"{field.name} does not take one of its values", "cases") from None
        columns[field.name] = column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
    return pa.table(columns)


def _measured(spec: BehaviourSpec, subject: Subject, outputs: Floats) -> Floats:
    """The number that is compared: the score, of many classes that of the class meant."""
    if subject.task != MULTICLASS or spec.of_class is None:
        return outputs
    return outputs[:, subject.classes.index(spec.of_class)]


def _distance(spec: BehaviourSpec, subject: Subject, before: Floats, after: Floats) -> Floats:
    """How far each row is beyond what is allowed; see `_fails`."""
    if spec.kind == INVARIANCE:
        if spec.compare == LABEL:
            pairs = zip(subject.answers(before), subject.answers(after), strict=True)
            return np.asarray([float(one != other) for one, other in pairs])
        moved = np.abs(_measured(spec, subject, after) - _measured(spec, subject, before))
        return (moved.max(axis=1) if moved.ndim == 2 else moved) - spec.tolerance
    up = _measured(spec, subject, after) - _measured(spec, subject, before)
    return {
        UP: spec.tolerance - up,
        DOWN: spec.tolerance + up,
        NOT_UP: up - spec.tolerance,
        NOT_DOWN: -up - spec.tolerance,
    }[spec.direction or UP]


def _fails(spec: BehaviourSpec, miss: Floats) -> Bools:
    """A move that must happen has to go beyond the tolerance; one that must not may go as far."""
    return miss >= -_SLACK if spec.direction in (UP, DOWN) else miss > _SLACK


def _moved(spec: BehaviourSpec, subject: Subject, rows: pa.Table, ids: Sequence[Any], told: _Told) -> BehaviourResult:
    variants = rows_change(rows, spec.change)
    touched = np.logical_or.reduce([one.differs for one in variants])
    if not touched.any():
        return _not_evaluated(spec, "the change alters no row", unchanged=len(ids))
    before = subject.outputs(rows)
    worst = np.full(len(ids), -np.inf)
    by_variant = np.zeros(len(ids), np.int64)
    outputs = []
    for number, variant in enumerate(variants):
        after = subject.outputs(variant.table)
        outputs.append(after)
        distance = np.where(variant.differs, _distance(spec, subject, before, after), -np.inf)
        by_variant[distance > worst] = number
        worst = np.maximum(worst, distance)
    answers = subject.answers(before)
    expected = spec.direction or ("the same answer" if spec.compare == LABEL else f"within {spec.tolerance:g}")

    def failing(at: int) -> FailingRow:
        number = int(by_variant[at])
        after = outputs[number]
        return FailingRow(
            row=ids[at],
            change=variants[number].text,
            before=_shown(spec, subject, before, at),
            after=_shown(spec, subject, after, at),
            answer_before=answers[at],
            answer_after=subject.answers(after[at : at + 1])[0],
            expected=expected,
            miss=float(worst[at]),
        )

    return _result(spec, worst, touched, failing, told)


def _shown(spec: BehaviourSpec, subject: Subject, outputs: Floats, at: int) -> float:
    measured = _measured(spec, subject, outputs)[at]
    return float(measured.max() if np.ndim(measured) else measured)


def _least(spec: BehaviourSpec, subject: Subject, rows: pa.Table, ids: Sequence[Any], told: _Told) -> BehaviourResult:
    outputs = subject.outputs(rows)
    expects = [case.expect for case in spec.cases] or [spec.expect or Expect()] * len(ids)
    measured = _measured(spec, subject, outputs)
    places = outputs.argmax(axis=1) if subject.task == MULTICLASS else (outputs >= subject.threshold).astype(np.int64)
    beyond = np.empty(len(ids))
    for at, expect in enumerate(expects):
        if expect.label is not None:
            beyond[at] = float(int(places[at]) != _label_place(expect.label, subject))
            continue
        low = -np.inf if expect.at_least is None else expect.at_least
        high = np.inf if expect.at_most is None else expect.at_most
        beyond[at] = max(low - measured[at], measured[at] - high) - spec.tolerance
    answers = subject.answers(outputs)

    def failing(at: int) -> FailingRow:
        after = _shown(spec, subject, outputs, at)
        return FailingRow(ids[at], None, None, after, None, answers[at], expects[at].text(), float(beyond[at]))

    return _result(spec, beyond, np.ones(len(ids), np.bool_), failing, told)


def _result(
    spec: BehaviourSpec,
    beyond: Floats,
    tested: Bools,
    failing: Callable[[int], FailingRow],
    told: _Told,
) -> BehaviourResult:
    wrong = _fails(spec, beyond)
    failed = np.flatnonzero(tested & wrong)
    n = int(tested.sum())
    share = told.share(~wrong, tested)
    # In rows, so that it rests on no rounding where a whole number is asked for.
    enough = (n - failed.size) if told.weights is None else (share.value or 0.0) * n
    order = failed[np.argsort(-beyond[failed], kind="stable")][: told.most]
    return BehaviourResult(
        name=spec.name,
        kind=spec.kind,
        result=PASS if enough >= spec.least_share * n - 1e-9 else FAIL,
        tested=n,
        failed=failed.size,
        unchanged=tested.size - n,
        share=share,
        least_share=spec.least_share,
        failing=tuple(failing(at) for at in order.tolist()),
    )


def _not_evaluated(spec: BehaviourSpec, reason: str, *, unchanged: int = 0) -> BehaviourResult:
    share = Estimate(None, undefined=reason)
    return BehaviourResult(spec.name, spec.kind, NOT_EVALUATED, 0, 0, unchanged, share, spec.least_share, (), reason)
