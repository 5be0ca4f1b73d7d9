"""Do two runs say the same? Measurements key by key and step by step, then the bytes of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

Point = tuple[int, float]
"""Step and value."""

# Written anew by every run: names of the run, times, lists of packages.
PER_RUN: Final = ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Apart:
    """A measurement that is not the same; None where one of the runs has none. `relative` is of the larger value."""

    key: str
    step: int
    then: float | None
    now: float | None
    relative: float | None


@dataclass(frozen=True, slots=True)
class Sameness:
    """`first` is the earliest measurement beyond the tolerance, `largest` the widest gap of all, None where all are
    equal to the last bit. `model` says whether its files have the same bytes; None when a run has none.
    """

    keys: int
    points: int
    first: Apart | None
    largest: Apart | None
    model: bool | None

    @property
    def identical(self) -> bool:
        """Every measurement to the last bit, and the model's bytes where there are any."""
        return self.largest is None and self.model is not False

    def to_json(self) -> dict[str, Any]:
        """As JSON: numbers that JSON lacks are None."""
        told = asdict(self)
        for name in ("first", "largest"):
            if told[name] is not None:
                told[name] = {key: _plain(value) for key, value in told[name].items()}
        return told


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sameness_find(
    then: Mapping[str, Sequence[Point]],
    now: Mapping[str, Sequence[Point]],
    files: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    tolerance: float,
) -> Sameness:
    """Compare two runs; histories in the order of their steps, `files` path -> sha256 of both models.

    A gap is |now - then| / max(|then|, |now|); NaN equals NaN, and a measurement that only one run has is a gap
    without end.
    """
    apart = [gap for key in sorted({*then, *now}) for gap in _gaps(key, then.get(key, ()), now.get(key, ()))]
    beyond = [gap for gap in apart if gap.relative is None or not gap.relative <= tolerance]
    own, other = (
        {path: digest for path, digest in one.items() if path.rpartition("/")[2] not in PER_RUN} for one in files
    )
    return Sameness(
        keys=len({*then, *now}),
        points=sum(len(points) for points in now.values()),
        first=min(beyond, key=lambda gap: (gap.step, gap.key), default=None),
        largest=max(apart, key=lambda gap: math.inf if gap.relative is None else gap.relative, default=None),
        model=own == other if own and other else None,
    )


def _gaps(key: str, then: Sequence[Point], now: Sequence[Point]) -> list[Apart]:
    found = []
    for at in range(max(len(then), len(now))):
        before = then[at] if at < len(then) else None
        after = now[at] if at < len(now) else None
        if before is None or after is None or before[0] != after[0]:
            step = min(point[0] for point in (before, after) if point is not None)
            found.append(Apart(key, step, before and before[1], after and after[1], None))
            break  # what follows is shifted by what is missing
        one, two = before[1], after[1]
        if one == two or (math.isnan(one) and math.isnan(two)):
            continue
        size = max(abs(one), abs(two))
        found.append(Apart(key, before[0], one, two, abs(two - one) / size if math.isfinite(size) else None))
    return found
