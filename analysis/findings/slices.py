"""Weak slices of an evaluation: which columns are searched, and which findings would let somebody be singled out.

A slice with a condition on a protected column is withheld when it, or what it leaves of a group that holds it, is below
the least support: the numbers of both are shown, and their difference would be known. The same where it holds a group,
or another slice, whole.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.columns import expression_evaluate, schema_types
from analysis.contracts.expressions import columns as columns_read
from analysis.contracts.expressions import parse
from analysis.contracts.findings import SliceFound, SlicesFound
from analysis.contracts.segments import SegmentSpec, Support
from analysis.findings.rows import Grouped, is_weighted, loss_of, sizes_of
from analysis.inputs import EvaluateSpec, EvaluationRows
from analysis.slices import SliceSpec, WeakSlice, slice_columns, weak_slices

MOST_COLUMNS: Final = 12
LEAST_ROWS: Final = 25
"""On either half, where the least support asks for fewer."""

Bools = npt.NDArray[np.bool_]


def columns_chosen(rows: EvaluationRows, spec: EvaluateSpec, ranked: Sequence[str]) -> list[str]:
    """The columns to search, at most twelve: what the segments read, since somebody named it, then the features by
    their importance as `ranked`.
    """
    types = schema_types(rows.columns)
    order = dict.fromkeys([name for segment in spec.segments for name in _read(segment)])
    order |= dict.fromkeys(ranked)
    return [name for name in order if types.get(name, "OTHER") != "OTHER"][:MOST_COLUMNS]


def columns_protected(rows: EvaluationRows, spec: EvaluateSpec) -> list[str]:
    """The columns that protected segments read."""
    names = [name for segment in spec.segments if segment.protected for name in _read(segment)]
    return [name for name in dict.fromkeys(names) if name in rows.columns.column_names]


def _read(segment: SegmentSpec) -> list[str]:
    return sorted(columns_read(parse(segment.expression)))


def slices_find(rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped, ranked: Sequence[str]) -> SlicesFound:
    """Search the rows, and leave out what may not be shown."""
    names, protected = columns_chosen(rows, spec, ranked), columns_protected(rows, spec)
    kind, loss = loss_of(rows.candidate, rows, spec)
    wanted = SliceSpec(least_rows=max(LEAST_ROWS, -(-spec.least_support.rows // 2)))
    columns = slice_columns(rows.columns, names, protected=protected)
    found = weak_slices(loss, columns, rows.row_ids, wanted, weights=rows.weights)
    shown, withheld = _shown(found.slices, rows, spec, grouped)
    return SlicesFound(
        loss=kind,
        columns=tuple(column.name for column in columns),
        n=found.n,
        mean_loss=found.mean_loss,
        looked_at=found.looked_at,
        candidates=found.candidates,
        proven=found.proven,
        withheld=withheld,
        false_share=found.false_share,
        slices=shown,
        reason=found.reason,
        weighted=is_weighted(rows),
    )


def _shown(
    slices: Sequence[WeakSlice], rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped
) -> tuple[tuple[SliceFound, ...], int]:
    kept: list[tuple[SliceFound, Bools]] = []
    for one in slices:
        _, values = expression_evaluate(one.expression, rows.columns)
        held: Bools = np.asarray(values.fill_null(False).to_numpy(), np.bool_)
        if one.protected and not _safe(held, rows, spec, grouped, [other for _, other in kept]):
            continue
        kept.append((SliceFound(**asdict(one), named=_named(held, grouped)), held))
    return tuple(one for one, _ in kept), len(slices) - len(kept)


def _named(held: Bools, grouped: Grouped) -> str | None:
    """The label of a group that has exactly these rows."""
    n = int(held.sum())
    for grouping, sizes in zip(grouped.groupings, grouped.sizes, strict=True):
        inside = np.bincount(grouping.codes()[held], minlength=grouping.size)
        same = np.flatnonzero((inside == n) & (sizes.rows == n))
        if same.size and grouping.parts:
            return grouping.label(int(same[0]))
    return None


def _safe(held: Bools, rows: EvaluationRows, spec: EvaluateSpec, grouped: Grouped, others: Sequence[Bools]) -> bool:
    """Is neither the slice, nor what can be had from it by subtraction, below the least support or hidden?"""
    least = spec.least_support
    for segment in spec.segments:
        least = least.both(segment.least_support) if segment.protected else least
    n = int(held.sum())
    if _short(held, rows, spec, least):
        return False
    for other in others:
        both = int((held & other).sum())
        if both in (n, int(other.sum())) and _short(held ^ other, rows, spec, least):
            return False
    for grouping, sizes, standing in zip(grouped.groupings, grouped.sizes, grouped.standing, strict=True):
        codes = grouping.codes()
        inside = np.bincount(codes[held], minlength=grouping.size)
        shown = standing.shown()
        if inside[~shown].sum() == n:
            return False
        for group in np.flatnonzero((inside > 0) & ((inside == n) | (inside == sizes.rows))):
            if _short(held ^ (codes == group), rows, spec, least):
                return False
    return True


def _short(rest: Bools, rows: EvaluationRows, spec: EvaluateSpec, least: Support) -> bool:
    """Are there rows, but too few of them or of either outcome?"""
    if not rest.any():
        return False
    return bool(sizes_of((~rest).astype(np.int32), 2, rows, spec).below(least)[0])
