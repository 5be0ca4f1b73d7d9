"""The problem's behaviour tests run on both models, and what may be told of the rows that did not do as they must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.behaviour import (
    NOT_EVALUATED,
    BehaviourResult,
    FailingRow,
    Subject,
    behaviour_run,
    rows_change,
    rows_chosen,
)
from analysis.contracts.behaviour import (
    INVARIANCE,
    BehaviourError,
    BehaviourSpec,
    Change,
    behaviour_read,
    change_text,
    expected_text,
)
from analysis.contracts.findings import (
    BEHAVES,
    FAILS,
    NOT_RUN,
    UNPROVEN,
    Behaviour,
    BehaviourFound,
    ChangedValue,
    Pair,
    Side,
)
from analysis.contracts.metrics import BINARY
from analysis.contracts.report import Estimate
from analysis.findings.rows import Bools
from analysis.intervals import Floats, weights_of

MOST_ROWS: Final = 20_000
"""Rows that a test asks both models about at most."""
MOST_PAIRS: Final = 5
SEED: Final = 0
MASKED: Final = "***"
MAX_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class BehaviourAsked:
    """One version of a test as the job's spec holds it: {"id", "number", "critical", "test": its JSON}."""

    id: str
    number: int
    critical: bool
    test: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """A model under test and the columns that it reads."""

    subject: Subject
    reads: frozenset[str]


@dataclass(frozen=True, slots=True)
class Told:
    """What may be told of a row: no `masked` value, and nothing of the rows that are `hidden` [n]."""

    masked: Sequence[str]
    hidden: Bools


def behaviour_of(
    asked: Sequence[BehaviourAsked],
    candidate: Tried,
    baseline: Tried | None,
    table: pa.Table,
    told: Told,
    *,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Behaviour:
    """Run each test on the rows of a table; one that does not fit the rows or a model is not run, with the reason.

    `weights` [n] say how much each row counts in the shares; a sample of many rows is drawn without regard to them, and
    cases of a least function count once each. Raises ValueError for weights that do not fit.
    """
    rows = _Rows(table, weights_of(weights, table.num_rows), level)
    return Behaviour(
        most_rows=MOST_ROWS,
        seed=SEED,
        tests=tuple(_one(one, candidate, baseline, rows, told) for one in asked),
        weighted=rows.weights is not None,
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that tests are about, how much each counts [n], and the level of intervals."""

    table: pa.Table
    weights: Floats | None
    level: float

    def take(self, places: npt.NDArray[np.int64]) -> "_Rows":
        weights = None if self.weights is None else self.weights[places]
        return replace(self, table=self.table.take(pa.array(places)), weights=weights)


def _one(asked: BehaviourAsked, candidate: Tried, baseline: Tried | None, held: _Rows, told: Told) -> BehaviourFound:
    table = held.table
    try:
        spec = behaviour_read(dict(asked.test))
        chosen = _sorted_sample(rows_chosen(spec, table))
        count = len(spec.cases) if spec.cases else len(rows_chosen(spec, table))
    except BehaviourError as error:
        return _unfit(asked, baseline is not None, error.message)
    # The rows are chosen already, the same ones for both models.
    asking = replace(spec, where=None)
    rows = held.take(chosen)
    side, failing = _side(asking, candidate, rows, chosen)
    shown = [one for one in failing if spec.cases or not told.hidden[int(one.row)]][:MOST_PAIRS]
    return BehaviourFound(
        id=asked.id,
        name=spec.name,
        number=asked.number,
        kind=spec.kind,
        why=spec.why,
        critical=asked.critical,
        where=spec.where,
        change=tuple(change_text(one) for one in spec.change),
        expected=expected_text(spec),
        least_share=spec.least_share,
        chosen=count,
        candidate=side,
        baseline=None if baseline is None else _side(asking, baseline, rows, chosen)[0],
        pairs=tuple(_pair(spec, candidate.subject, one, table, told) for one in shown),
    )


def _sorted_sample(chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if chosen.size <= MOST_ROWS:
        return chosen
    picked: npt.NDArray[np.int64] = np.sort(np.random.default_rng(SEED).choice(chosen, MOST_ROWS, replace=False))
    return picked


def _unfit(asked: BehaviourAsked, has_baseline: bool, reason: str) -> BehaviourFound:
    side = _not_run(reason)
    test = asked.test
    return BehaviourFound(
        id=asked.id,
        name=str(test.get("name", "")),
        number=asked.number,
        kind=str(test.get("kind", INVARIANCE)),
        why=str(test.get("why", "")),
        critical=asked.critical,
        where=None if test.get("where") is None else str(test["where"]),
        change=(),
        expected="",
        least_share=float(test.get("least_share", 1)),
        chosen=0,
        candidate=side,
        baseline=side if has_baseline else None,
    )


def _not_run(reason: str, unchanged: int = 0) -> Side:
    return Side(NOT_RUN, 0, 0, unchanged, Estimate(None, undefined=reason), reason=reason)


def _side(
    spec: BehaviourSpec, tried: Tried, rows: _Rows, places: npt.NDArray[np.int64]
) -> tuple[Side, tuple[FailingRow, ...]]:
    """How a model did, and its failing rows by their place in the whole table."""
    unread = tuple(one.column for one in spec.change if one.column not in tried.reads)
    try:
        found = behaviour_run(spec, tried.subject, rows.table, places, level=rows.level, weights=rows.weights)
    except (BehaviourError, ValueError) as error:
        return replace(_not_run(str(error)), unread=unread), ()
    if found.result == NOT_EVALUATED:
        reason = found.reason or "nothing could be tested"
        return replace(_not_run(reason, found.unchanged), unread=unread), ()
    side = Side(
        verdict=_verdict(found, untouched=bool(spec.change) and len(unread) == len(spec.change)),
        tested=found.tested,
        failed=found.failed,
        unchanged=found.unchanged,
        share=found.share,
        unread=unread,
    )
    return side, found.failing


def _verdict(found: BehaviourResult, *, untouched: bool) -> str:
    """The rule of `contracts.findings.behaviour`; `untouched`: the model reads nothing of what is changed."""
    low, high = found.share.low, found.share.high
    if found.least_share >= 1 or untouched:
        return FAILS if found.failed else BEHAVES
    if low is not None and low >= found.least_share:
        return BEHAVES
    return FAILS if high is not None and high < found.least_share else UNPROVEN


def _pair(spec: BehaviourSpec, subject: Subject, one: FailingRow, table: pa.Table, told: Told) -> Pair:
    if spec.cases:
        case = spec.cases[int(str(one.row).removeprefix("case ")) - 1]
        values = tuple(ChangedValue(name, None, _text(value)) for name, value in case.values.items())
    else:
        values = _values(spec.change, one, table.take(pa.array([int(one.row)])), told.masked)
    return Pair(
        change=one.change,
        values=values,
        before=None if one.before is None else round(one.before, 4),
        after=round(one.after, 4),
        answer_before=_answer(one.answer_before, subject),
        answer_after=_answer(one.answer_after, subject) or "",
        expected=one.expected,
    )


def _values(
    changes: Sequence[Change], one: FailingRow, row: pa.Table, masked: Sequence[str]
) -> tuple[ChangedValue, ...]:
    after = next((made.table for made in rows_change(row, changes) if made.text == one.change), row)
    return tuple(
        ChangedValue(change.column, MASKED, MASKED)
        if change.column in masked
        else ChangedValue(change.column, *(_text(side[change.column][0].as_py()) for side in (row, after)))
        for change in changes
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, float) else str(value).replace("\x00", "")[:MAX_TEXT]


def _answer(said: str | None, subject: Subject) -> str | None:
    """Of two classes "positive" or "negative", which pages put into the problem's words."""
    if said is None or subject.task != BINARY:
        return said
    return "positive" if said == (subject.positive_label or "positive") else "negative"
