"""From candidates of the search to proven weak slices; the package's head says how."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from analysis.contracts.segments import PERFORMANCE, PROTECTED, SegmentSpec
from analysis.fingerprints import values_hash
from analysis.intervals import Floats, benjamini_hochberg, weights_of
from analysis.slices.columns import SliceColumn
from analysis.slices.lattice import MAX_DEPTH, Candidate, is_weak, lattice_search
from analysis.slices.tables import Sums, sums_of, welch

MAX_CANDIDATES = 200
"""Candidates that are tested, the largest z of the search first."""


@dataclass(frozen=True, slots=True)
class SliceSpec:
    """How to search: least rows of a slice on either half, how many times the mean loss it must have, conditions at
    most, and the share of false ones among those found (the rate of false discoveries).
    """

    least_rows: int = 50
    least_factor: float = 1.1
    depth: int = MAX_DEPTH
    false_share: float = 0.05

    def __post_init__(self) -> None:
        if self.least_rows < 2:
            raise ValueError("A slice has at least two rows")
        if self.least_factor < 1:
            raise ValueError("A weak slice has at least the mean loss")
        if not 1 <= self.depth <= MAX_DEPTH:
            raise ValueError(f"A slice has 1 to {MAX_DEPTH} conditions")
        if not 0 < self.false_share < 0.5:
            raise ValueError("The share of false findings lies between 0 and 0.5")


@dataclass(frozen=True, slots=True)
class WeakSlice:
    """One weak slice.

    `n` counts its rows on both halves; everything else is of the half that the search did not see: rows there, mean
    loss, that of all other rows, the difference with its interval, and p before and after correction. `excess` is the
    loss that the slice's rows have beyond that of as many others, over both halves by the proven difference. Where rows
    have weights the means and the excess are weighted, and `mass` is the sum of its rows' weights on both halves.
    """

    expression: str
    label: str
    columns: tuple[str, ...]
    protected: bool
    n: int
    tested_n: int
    loss: float
    rest_loss: float
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    excess: float
    mass: float | None = None

    def segment(self, id: str, name: str | None = None) -> SegmentSpec:
        """The slice as a segment of two groups: its rows, and the others."""
        purpose = PROTECTED if self.protected else PERFORMANCE
        return SegmentSpec(id=id, name=name or self.label, expression=self.expression, purpose=purpose)


@dataclass(frozen=True, slots=True)
class WeakSlices:
    """What was found, the largest excess first; `reason` says why nothing could be searched.

    `looked_at` counts slices with rows, `candidates` those that the search half proposed, `proven` those that the
    other half confirmed; `slices` leaves out of these what repeats another.
    """

    slices: tuple[WeakSlice, ...]
    n: int
    mean_loss: float | None
    looked_at: int
    candidates: int
    proven: int
    false_share: float
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        data = asdict(self)
        data["slices"] = [{**asdict(one), "columns": list(one.columns)} for one in self.slices]
        return data


@dataclass(frozen=True, slots=True)
class _Half:
    """One half of the rows: columns, losses, and weights where there are some."""

    columns: Sequence[SliceColumn]
    loss: Floats
    weights: Floats | None

    @classmethod
    def of(
        cls, columns: Sequence[SliceColumn], loss: Floats, weights: Floats | None, rows: npt.NDArray[np.int64]
    ) -> "_Half":
        part = [SliceColumn(one.name, one.codes.take(rows), one.levels, one.protected) for one in columns]
        return cls(part, loss.take(rows), None if weights is None else weights.take(rows))

    def sums(self, rows: npt.NDArray[np.bool_] | None = None) -> Sums:
        return sums_of(self.loss, rows, self.weights)


def weak_slices(
    loss: Floats,
    columns: Sequence[SliceColumn],
    row_ids: Sequence[object] | npt.NDArray[np.generic],
    spec: SliceSpec | None = None,
    *,
    weights: Floats | None = None,
) -> WeakSlices:
    """Find the weak slices of a model by the loss of each row [n], zero or more, the larger the worse.

    `weights` [n] above 0 say how much each row counts: means, differences and their tests are weighted (`tables`),
    while bands and halves are of rows. Weights of 1 change nothing. Raises ValueError when arrays do not fit together,
    a loss is negative or not finite, or a weight not above 0.
    """
    spec = spec or SliceSpec()
    loss = np.asarray(loss, np.float64)
    if len(row_ids) != loss.size or any(column.codes.size != loss.size for column in columns):
        raise ValueError("Losses, columns and row ids have the same number of rows")
    if not np.isfinite(loss).all() or (loss.size and loss.min() < 0):
        raise ValueError("Every loss is a number, zero or more")
    weights = weights_of(weights, loss.size)
    whole = sums_of(loss, None, weights)
    mean = float(loss.mean() if weights is None else whole.loss / whole.mass) if loss.size else None
    seen = values_hash(row_ids) % np.uint64(2) == 0
    why = _why_not(loss, columns, seen, spec)
    if why is not None:
        return WeakSlices((), loss.size, mean, 0, 0, 0, spec.false_share, why)
    search, proof = (_Half.of(columns, loss, weights, np.flatnonzero(side)) for side in (seen, ~seen))
    bar = spec.least_factor * float(search.loss.mean() if weights is None else search.sums().loss / search.sums().mass)
    found = lattice_search(
        search.columns, search.loss, least_rows=spec.least_rows, bar=bar, depth=spec.depth, weights=search.weights
    )
    candidates = _unexplained(found.candidates[:MAX_CANDIDATES], search, bar)
    tested = [_test(one, proof) for one in candidates]
    adjusted = benjamini_hochberg(
        np.asarray([one.p if min(one.n, one.effective) >= spec.least_rows else np.nan for one in tested])
    )
    proven = [at for at in range(len(tested)) if adjusted[at] <= spec.false_share]
    kept = _cover([(at, candidates[at]) for at in proven], search, bar)
    level = 1 - spec.false_share * len(proven) / max(len(tested), 1)
    slices = [_slice(candidates[at], tested[at], float(adjusted[at]), level, search, proof) for at in kept]
    return WeakSlices(
        tuple(sorted(slices, key=lambda one: (-one.excess, one.expression))),
        loss.size,
        mean,
        found.looked_at,
        len(tested),
        len(proven),
        spec.false_share,
    )


def _why_not(loss: Floats, columns: Sequence[SliceColumn], seen: npt.NDArray[np.bool_], spec: SliceSpec) -> str | None:
    if not columns:
        return "there is no column to search over"
    smaller = int(min(seen.sum(), (~seen).sum()))
    if smaller < 2 * spec.least_rows:
        return f"a half of {smaller} rows is too small; it needs {2 * spec.least_rows}"
    return "no row has any loss" if not loss.any() else None


def _unexplained(candidates: Sequence[Candidate], half: _Half, bar: float) -> list[Candidate]:
    """Without those that are no longer weak once the rows of their children are taken out."""
    whole = half.sums()
    kept = []
    for one in candidates:
        children = [other for other in candidates if other.below(one)]
        if children:
            rows = one.rows(half.columns)
            outside = whole.less(half.sums(rows))
            for child in children:
                rows &= ~child.rows(half.columns)
            if not is_weak(half.sums(rows), outside, bar):
                continue
        kept.append(one)
    return kept


@dataclass(frozen=True, slots=True)
class _Tested:
    n: int
    effective: float
    mass: float
    p: float
    mean: float
    rest: float
    difference: float
    error: float
    free: float


def _test(candidate: Candidate, half: _Half) -> _Tested:
    rows = candidate.rows(half.columns)
    own, whole = half.sums(rows), half.sums()
    others = [whole.less(own)]
    others += [half.sums(parent.rows(half.columns) & ~rows) for parent in candidate.parents()]
    p = max(_p(own, other) for other in others)
    difference, error, free = (float(part) for part in welch(own, others[0]))
    n = int(own.n)
    mean = float(own.loss) / float(own.mass) if n else float("nan")
    return _Tested(n, float(own.effective), float(own.mass), p, mean, mean - difference, difference, error, free)


def _p(own: Sums, other: Sums) -> float:
    """One-sided p that the first has the larger mean; 1 where a side has too few rows to say."""
    difference, error, free = (float(part) for part in welch(own, other))
    if not np.isfinite(error):
        return 1.0
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return float(stdtr(free, -difference / error))


def _cover(proven: Sequence[tuple[int, Candidate]], half: _Half, bar: float) -> list[int]:
    """Of the proven, by falling z, those that are still weak without the rows covered already.

    Decided on the search half: what is shown of the other half is not chosen by it.
    """
    covered = np.zeros(half.loss.size, np.bool_)
    kept = []
    for at, candidate in proven:
        rows = candidate.rows(half.columns)
        fresh, outside = rows & ~covered, ~(rows | covered)
        if is_weak(half.sums(fresh), half.sums(outside), bar):
            kept.append(at)
            covered |= rows
    return kept


def _slice(
    candidate: Candidate, tested: _Tested, adjusted: float, level: float, search: _Half, proof: _Half
) -> WeakSlice:
    columns = proof.columns
    picked = [
        (columns[at], columns[at].levels[code - 1])
        for at, code in zip(candidate.crossing, candidate.codes, strict=True)
    ]
    half = float(stdtrit(tested.free, 0.5 + level / 2)) * tested.error if tested.error > 0 else 0.0
    searched = search.sums(candidate.rows(search.columns))
    n = tested.n + int(searched.n)
    mass = None if proof.weights is None else tested.mass + float(searched.mass)
    return WeakSlice(
        expression=" and ".join(level.expression for _, level in picked),
        label=", ".join(f"{column.name}: {level.label}" for column, level in picked),
        columns=tuple(column.name for column, _ in picked),
        protected=any(column.protected for column, _ in picked),
        n=n,
        tested_n=tested.n,
        loss=tested.mean,
        rest_loss=tested.rest,
        difference=tested.difference,
        low=tested.difference - half,
        high=tested.difference + half,
        p=tested.p,
        p_adjusted=adjusted,
        excess=tested.difference * (n if mass is None else mass),
        mass=mass,
    )
