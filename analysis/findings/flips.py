"""Flips against the baseline by segment, and the rows behind them with what may be told of them.

Of a row are told its number, the record, what both models said, and its features without the protected ones, the key of
the split and ids: these are masked. A row of a group that is hidden is not listed under any group.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.contracts.findings import Flip, Flips
from analysis.contracts.metrics import BINARY, MULTICLASS
from analysis.findings.rows import Bools, Grouped, gravity_of, is_weighted, right_of, right_words
from analysis.flips import FlipGroup, flips_find
from analysis.inputs import EvaluateSpec, EvaluationRows, ModelOutput
from analysis.intervals import benjamini_hochberg
from analysis.segment_metrics.groupings import Grouping
from analysis.support import Standing

MOST_ROWS: Final = 100
"""Rows of each kind that are listed of a group."""
MOST_VALUES: Final = 10
"""Features that are told of a row, the most important ones."""
MASKED: Final = "***"
MAX_TEXT: Final = 200
HIDDEN: Final = "its groups are hidden"


def flips_of(
    rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped, ranked: Sequence[str], masked: Sequence[str]
) -> tuple[Flips, dict[str, Any]] | None:
    """The flips of everyone and of every segment's groups, and the rows as `FLIP_ROWS` holds them.

    None without a baseline, or where no answer is right or wrong.
    """
    if rows.baseline is None:
        return None
    right, was_right = right_of(rows.candidate, rows, spec), right_of(rows.baseline, rows, spec)
    if right is None or was_right is None:
        return None
    gravity = gravity_of(rows, spec)
    places = np.arange(len(rows.truth))
    hidden = rows_hidden(grouped)
    found: list[tuple[Grouping, Standing, int, FlipGroup]] = []
    for grouping, standing in grouped.singles():
        labels = [grouping.label(group) for group in range(grouping.size)]
        counted = flips_find(
            right,
            was_right,
            grouping.codes(),
            labels,
            places,
            barred=standing.suppressed,
            gravity=gravity,
            most_rows=MOST_ROWS,
            level=spec.level,
            weights=rows.weights,
        )
        found += [(grouping, standing, at, one) for at, one in enumerate(counted) if one.n != 0]
    judged = [one.p if standing.usable()[at] and one.p is not None else np.nan for _, standing, at, one in found]
    adjusted = benjamini_hochberg(np.asarray(judged, np.float64))
    groups = tuple(
        _flip(grouping, standing, at, one, float(value))
        for (grouping, standing, at, one), value in zip(found, adjusted, strict=True)
    )
    listed = {
        grouping.key(at): (
            [row for row in map(int, one.negative_rows) if not hidden[row]],
            [row for row in map(int, one.positive_rows) if not hidden[row]],
        )
        for grouping, _, at, one in found
        if one.barred is None
    }
    told = [name for name in ranked if name not in masked][:MOST_VALUES]
    veiled = [name for name in masked if name in rows.columns.column_names][:MOST_VALUES]
    file = _file(rows, spec, listed, told, veiled)
    tests = int(np.isfinite(adjusted).sum())
    flips = Flips(right_words(spec), groups, tests, tuple(file["columns"]), weighted=is_weighted(rows))
    return flips, file


def rows_hidden(grouped: Grouped) -> Bools:
    """Rows in a hidden group of a segment [n]."""
    hidden: Bools = np.zeros(grouped.groupings[0].rows, np.bool_)
    for grouping, standing in grouped.singles():
        hidden |= ~standing.shown()[grouping.codes()]
    return hidden


def _flip(grouping: Grouping, standing: Standing, at: int, one: FlipGroup, adjusted: float) -> Flip:
    return Flip(
        key=grouping.key(at),
        label=one.label,
        segment=grouping.parts[0].spec.name if grouping.parts else "",
        protected=grouping.protected,
        n=one.n,
        negative=one.negative,
        positive=one.positive,
        negative_rate=one.negative_rate,
        of_right=one.negative_of_right,
        difference=one.difference,
        p=one.p,
        p_adjusted=adjusted if np.isfinite(adjusted) else None,
        mass=one.mass,
        negative_mass=one.negative_mass,
        positive_mass=one.positive_mass,
        barred=one.barred,
        thin=standing.thin[at],
    )


def _file(
    rows: EvaluationRows,
    spec: EvaluateSpec,
    listed: dict[str, tuple[list[Any], list[Any]]],
    told: Sequence[str],
    veiled: Sequence[str],
) -> dict[str, Any]:
    """{"schema", "columns", "rows": [[..]], "groups": {key: {"negative": [places], "positive": [places]}}}."""
    chosen = list(dict.fromkeys(row for pair in listed.values() for side in pair for row in side))
    place = {row: at for at, row in enumerate(chosen)}
    take = np.asarray(chosen, np.int64)
    columns: dict[str, list[Any]] = {"row": _texts(np.asarray(rows.row_ids)[take].tolist())}
    columns["record"] = _answers(rows.truth[take], spec)
    for name, output in (("baseline", rows.baseline), ("candidate", rows.candidate)):
        if output is not None:
            columns |= _said(name, output, take, spec)
    picked = rows.columns.take(pa.array(take))
    columns |= {name: _texts(picked[name].to_pylist()) for name in told}
    columns |= {name: [MASKED] * len(chosen) for name in veiled}
    sides = ("negative", "positive")
    groups = {
        key: {side: [place[row] for row in held] for side, held in zip(sides, pair, strict=True)}
        for key, pair in listed.items()
    }
    values = [list(row) for row in zip(*columns.values(), strict=True)]
    return {"schema": 1, "columns": list(columns), "rows": values, "groups": groups}


def _answers(values: npt.NDArray[np.generic], spec: EvaluateSpec) -> list[Any]:
    """Truths or predictions as people read them: a class by its label, a number as it is."""
    if spec.task == BINARY:
        return ["positive" if value else "negative" for value in values.tolist()]
    if spec.task == MULTICLASS:
        return [(spec.classes or ())[int(value)] for value in values.tolist()]
    return [float(value) for value in values.tolist()]


def _said(name: str, output: ModelOutput, take: npt.NDArray[np.int64], spec: EvaluateSpec) -> dict[str, list[Any]]:
    if spec.task == BINARY:
        scores = np.asarray(output.scores, np.float64)[take]
        threshold = 0.5 if output.threshold is None else output.threshold
        said = _answers(scores >= threshold, spec)
        return {f"{name} says": said, f"{name} score": [round(float(score), 4) for score in scores]}
    if spec.task == MULTICLASS and output.predicted is None:
        return {f"{name} says": _answers(np.asarray(output.scores)[take].argmax(axis=1), spec)}
    return {f"{name} says": _answers(np.asarray(output.predicted)[take], spec)}


def _texts(values: Sequence[Any]) -> list[Any]:
    """Values as JSON takes them: numbers stay, missing is null, anything else is its text, cut where it is long."""
    found: list[Any] = []
    for value in values:
        if value is None or (isinstance(value, float) and not np.isfinite(value)):
            found.append(None)
        elif isinstance(value, bool | int | float):
            found.append(value)
        else:
            found.append(str(value).replace("\x00", "")[:MAX_TEXT])
    return found
