"""Segments and splits as jobs see them: plain frozen shapes with their checks.

SegmentSpec JSON: {"id", "name", "expression", "bands": {"edges": [..], "labels": [..]} | {"quantiles": 4} | null,
"purpose": "PROTECTED|PERFORMANCE|OPERATIONAL", "least_support": {"rows", "positives", "negatives"}}.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

from analysis.contracts.expressions import Checked, ExpressionError, parse, validate

PROTECTED: Final = "PROTECTED"
PERFORMANCE: Final = "PERFORMANCE"
OPERATIONAL: Final = "OPERATIONAL"
PURPOSES: Final = (PROTECTED, PERFORMANCE, OPERATIONAL)

MISSING: Final = "missing"
"""Label of the group of rows for which the expression has no value."""
MAX_BANDS: Final = 50
MAX_LEVELS: Final = 200
"""Groups that one segment may have; more is an identifier, not a segment."""


class SegmentError(ValueError):
    """A segment that is not well formed, or that does not fit its table. `field` names the part at fault."""

    def __init__(self, message: str, field: str = "expression", column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.column = column


@dataclass(frozen=True, slots=True)
class Support:
    """The least number of rows, and of rows of either outcome, below which nothing is concluded about a
    group.

    Positives and negatives count for two-class tasks only.
    """

    rows: int = 100
    positives: int = 15
    negatives: int = 15

    def __post_init__(self) -> None:
        if min(self.rows, self.positives, self.negatives) < 0:
            raise SegmentError("Least support cannot be negative", "least_support")

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "Support":
        """From {"rows", "positives", "negatives"}; what is absent takes its default."""
        given = data or {}
        return cls(int(given.get("rows", 100)), int(given.get("positives", 15)), int(given.get("negatives", 15)))

    def to_json(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)

    def both(self, other: "Support") -> "Support":
        """The stricter of two, part by part: what a crossing of two segments needs."""
        return Support(
            max(self.rows, other.rows),
            max(self.positives, other.positives),
            max(self.negatives, other.negatives),
        )


@dataclass(frozen=True, slots=True)
class Bands:
    """Cuts a number into len(edges) + 1 groups; a value equal to an edge belongs to the band above it."""

    edges: tuple[float, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.edges:
            raise SegmentError("Bands need at least one edge", "bands")
        if len(self.edges) >= MAX_BANDS:
            raise SegmentError(f"Bands have at most {MAX_BANDS - 1} edges", "bands")
        if not all(math.isfinite(edge) for edge in self.edges):
            raise SegmentError("Every edge is a finite number", "bands")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise SegmentError("Edges rise from one to the next", "bands")
        if len(self.labels) != len(self.edges) + 1:
            message = f"{len(self.edges)} edges need {len(self.edges) + 1} labels, not {len(self.labels)}"
            raise SegmentError(message, "bands")
        if len(set(self.labels)) != len(self.labels) or not all(label.strip() for label in self.labels):
            raise SegmentError("Every band has a label of its own", "bands")
        if MISSING in self.labels:
            raise SegmentError(f"The label {MISSING!r} is kept for rows without a value", "bands")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Bands":
        """From {"edges", "labels"}; labels may be left out and are then written from the edges."""
        edges = tuple(float(edge) for edge in data.get("edges") or ())
        labels = tuple(str(label) for label in data.get("labels") or ())
        return cls(edges, labels or band_labels(edges))

    def to_json(self) -> dict[str, list[Any]]:
        """As JSON."""
        return {"edges": list(self.edges), "labels": list(self.labels)}


@dataclass(frozen=True, slots=True)
class QuantileBands:
    """Cuts a number into bands of as many rows each, as far as equal values allow; the edges are those of the rows."""

    count: int

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MAX_BANDS:
            raise SegmentError(f"Bands of equal size are 2 to {MAX_BANDS}", "bands")

    def to_json(self) -> dict[str, int]:
        """As JSON."""
        return {"quantiles": self.count}


def bands_read(data: Mapping[str, Any]) -> Bands | QuantileBands:
    """From {"edges", "labels"} or {"quantiles": number of bands}. Raises SegmentError."""
    return QuantileBands(int(data["quantiles"])) if data.get("quantiles") else Bands.from_json(data)


def band_labels(edges: Sequence[float]) -> tuple[str, ...]:
    """Plain labels for bands: "under 25", "25 to under 35", "35 and over"."""
    if not edges:
        return ()
    inner = tuple(f"{low:g} to under {high:g}" for low, high in pairwise(edges))
    return (f"under {edges[0]:g}", *inner, f"{edges[-1]:g} and over")


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """One named way to divide the rows; `id` is the segment version it stands for."""

    id: str
    name: str
    expression: str
    bands: Bands | QuantileBands | None = None
    purpose: str = PERFORMANCE
    least_support: Support = Support()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise SegmentError("A segment needs a name", "name")
        if self.purpose not in PURPOSES:
            raise SegmentError(f"The purpose is one of {', '.join(PURPOSES)}", "purpose")
        try:
            parse(self.expression)
        except ExpressionError as error:
            raise SegmentError(error.message, "expression", error.column) from error

    @property
    def protected(self) -> bool:
        """Does this segment divide people by a protected attribute?"""
        return self.purpose == PROTECTED

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SegmentSpec":
        """From the JSON of the module's head. Raises SegmentError."""
        bands = data.get("bands")
        return cls(
            id=str(data["id"]),
            name=str(data["name"]),
            expression=str(data["expression"]),
            bands=bands_read(bands) if bands else None,
            purpose=str(data.get("purpose", PERFORMANCE)),
            least_support=Support.from_json(data.get("least_support")),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "expression": self.expression,
            "bands": self.bands.to_json() if self.bands else None,
            "purpose": self.purpose,
            "least_support": self.least_support.to_json(),
        }


def segment_check(spec: SegmentSpec, schema: Mapping[str, str]) -> Checked:
    """Check a segment against columns (name -> type of the profile). Raises SegmentError.

    A number with decimals needs bands; a whole number may go without and then has one group per value.
    """
    try:
        checked = validate(spec.expression, schema)
    except ExpressionError as error:
        raise SegmentError(error.message, "expression", error.column) from error
    if spec.bands is None and checked.type == "NUMBER":
        raise SegmentError(
            "This expression is a number: say by bands where one group ends and the next begins", "bands"
        )
    if spec.bands is None and checked.type == "DATE":
        raise SegmentError("This expression is a date: use year(...) or compare it with a date")
    if spec.bands is not None and checked.type not in ("INTEGER", "NUMBER"):
        raise SegmentError("Bands cut numbers; this expression is not a number", "bands")
    if not checked.columns:
        raise SegmentError("The expression reads no column, so every row would be in the same group")
    return checked


TRAIN: Final = "train"
VALIDATION: Final = "validation"
TEST: Final = "test"
PARTS: Final = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """A deterministic split: which part a row belongs to depends on the seed and its key alone.

    JSON {"seed": 0, "fractions": {"train": .5, "validation": .1, "test": .4}, "by": column | null}. The part
    is the first 8 bytes (big endian) of sha256("{seed}:{key}") / 2**64, held against the cumulative fractions
    in the order of PARTS; key = the text of the column `by`, or the 0-based row number.
    """

    seed: int = 0
    fractions: tuple[float, float, float] = (0.6, 0.0, 0.4)
    by: str | None = None

    def __post_init__(self) -> None:
        if any(not 0 <= part <= 1 for part in self.fractions):
            raise ValueError("Each part of a split is a share between 0 and 1")
        if abs(sum(self.fractions) - 1) > 1e-9:
            raise ValueError(f"The parts of a split sum to 1, not to {sum(self.fractions):g}")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SplitSpec":
        """From JSON; raises ValueError for unknown parts or shares that do not sum to 1."""
        given = dict(data.get("fractions") or {})
        unknown = sorted(set(given) - set(PARTS))
        if unknown:
            raise ValueError(f"A split has the parts {', '.join(PARTS)}, not {', '.join(unknown)}")
        shares = tuple(float(given.get(part, 0.0)) for part in PARTS)
        by = data.get("by")
        return cls(int(data.get("seed", 0)), (shares[0], shares[1], shares[2]), None if by is None else str(by))

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "seed": self.seed,
            "fractions": dict(zip(PARTS, self.fractions, strict=True)),
            "by": self.by,
        }
