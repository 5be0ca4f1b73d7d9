"""The report of one evaluation: what a job posts, the database stores, pages and gates read. JSON schema
number 1.

Shape of the JSON (every key is always there; "or null" is written "?")::

    {"schema": 1, "task": "BINARY|MULTICLASS|REGRESSION|RANKING", "level": 0.95,
     "n": rows scored, "row_digest": sha256 hex over row ids and truths,
     "threshold"?: the candidate's, "baseline_threshold"?, "positive_label"?, "classes"?: [labels],
     "costs"?: {"false_positive", "false_negative"} | {"per_error", "matrix"?} | {"per_unit"}, "has_baseline": bool,
     "dimensions": [Dimension], "groups": [Group], "disparities": [Disparity],
     "confusion"?: Confusion, "baseline_confusion"?: Confusion, "importance": [{"feature", "value"}],
     "findings": number of tests corrected together, "notes": [sentences], "conditional": [Conditional]}
    Dimension  {"segment": id, "name", "protected": bool, "purpose", "levels": [labels], "error"?: sentence}
    Group      {"key": "overall" | "Age=35 and over" | "Age=35 and over&Colour=White", "label",
                "level": 0|1|2|3, "dimensions": [{"segment", "name", "level"}], "protected": bool,
                "n"?, "positives"?, "negatives"?, "suppressed"?: reason, "thin"?: reason,
                "metrics": {name: Estimate}, "baseline"?: {name: Estimate}, "paired"?: Paired,
                "curves"?: Curves, "baseline_curves"?: Curves, "confusion"?: [[..]]}
    Estimate   {"value"?, "low"?, "high"?, "method"?, "n", "undefined"?: reason}
    Paired     {"both_right"?, "only_candidate_right"?, "only_baseline_right"?, "both_wrong"?, "mcnemar_p"?,
                "p_adjusted"?, "differences": {metric: Difference}}
    Difference {"value"?, "low"?, "high"?, "method"?, "p"?, "p_adjusted"?, "verdict", "reason"?}
    Disparity  {"dimension": "Age" | "Age&Colour", "metric", "protected": bool,
                "kind": "RANGE|RATIO|EQUAL_OPPORTUNITY|EQUALIZED_ODDS|PREDICTIVE_PARITY|FOUR_FIFTHS",
                "value"?, "low"?, "high"?, "method"?, "groups": [labels used], "lowest"?, "highest"?,
                "left_out": [{"label", "reason"}], "undefined"?: reason,
                "baseline"?: {"value", "low", "high"}}
    Conditional {"control": {"segment", "name", "level"}, "disparity": Disparity}: among the rows of that level
    Curves     {"roc": {"x": fpr, "y": tpr}, "pr": {"x": recall, "y": precision},
                "calibration": {"score", "rate", "n"}, "histogram": {"edges", "negatives", "positives"}}
                of a regression {"residuals": {"predicted", "error", "low", "high", "n"}}
    Confusion  {"labels": [..], "counts": [[..]]}: rows are the truth, columns the prediction

A Difference is candidate minus baseline on the same rows. A suppressed group keeps its key and label; its
counts are null and its metrics empty. A thin group has numbers but no verdict. `n` of an Estimate is its
denominator. Groups of level 3 are crossings of three segments. Reports written before there were any have no
"conditional". Groups of level 2 carry no curves: draw them from the stored statistics.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias, cast

SCHEMA: Final = 1
OVERALL: Final = "overall"

BETTER: Final = "better"
WORSE: Final = "worse"
NO_DIFFERENCE: Final = "no difference"
NOT_PROVEN: Final = "not proven"
NOT_ENOUGH_DATA: Final = "not enough data"
Verdict: TypeAlias = Literal["better", "worse", "no difference", "not proven", "not enough data"]
VERDICTS: Final[tuple[Verdict, ...]] = (
    "better",
    "worse",
    "no difference",
    "not proven",
    "not enough data",
)

Json: TypeAlias = dict[str, Any]


class ReportError(ValueError):
    """A report that is not of the documented shape."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; `value` is None exactly when `undefined` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str | None = None
    n: int = 0
    undefined: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.undefined is not None):
            raise ReportError("An estimate has either a value or a reason why it has none")


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline on the same rows; `reason` explains a missing value, interval or verdict."""

    value: float | None
    low: float | None
    high: float | None
    method: str | None
    p: float | None
    p_adjusted: float | None
    verdict: Verdict
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """The rows of a group by who was right, with McNemar's exact test. Null counts for a regression."""

    both_right: int | None
    only_candidate_right: int | None
    only_baseline_right: int | None
    both_wrong: int | None
    mcnemar_p: float | None
    p_adjusted: float | None
    differences: Mapping[str, Difference] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Json) -> "Paired":
        """From JSON. Raises ReportError."""
        rest = _known(cls, data)
        rest["differences"] = {name: Difference(**_known(Difference, one)) for name, one in data["differences"].items()}
        return cls(**rest)


@dataclass(frozen=True, slots=True)
class Place:
    """One segment's part in a group: the segment, its name, and the level of it."""

    segment: str
    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Group:
    """Everyone (level 0), one group of a segment (1) or a crossing of two (2)."""

    key: str
    label: str
    level: int
    dimensions: tuple[Place, ...]
    protected: bool
    n: int | None
    positives: int | None = None
    negatives: int | None = None
    suppressed: str | None = None
    thin: str | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    baseline: Mapping[str, Estimate] | None = None
    paired: Paired | None = None
    curves: Json | None = None
    baseline_curves: Json | None = None
    confusion: list[list[int]] | None = None

    @classmethod
    def from_json(cls, data: Json) -> "Group":
        """From JSON. Raises ReportError."""
        rest = _known(cls, data)
        rest["dimensions"] = tuple(Place(**_known(Place, one)) for one in data["dimensions"])
        rest["metrics"] = _estimates(data["metrics"])
        if data.get("baseline") is not None:
            rest["baseline"] = _estimates(data["baseline"])
        if data.get("paired") is not None:
            rest["paired"] = Paired.from_json(data["paired"])
        return cls(**rest)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One segment as it was evaluated; `error` is set when it could not be, and then it has no groups."""

    segment: str
    name: str
    protected: bool
    purpose: str
    levels: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A group that a disparity does not compare, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Disparity:
    """How far the groups of one segment (or crossing) lie apart, with an interval that covers equal groups
    too.
    """

    dimension: str
    metric: str
    kind: str
    protected: bool
    value: float | None
    low: float | None
    high: float | None
    method: str | None
    groups: tuple[str, ...]
    lowest: str | None
    highest: str | None
    left_out: tuple[LeftOut, ...]
    undefined: str | None = None
    baseline: Json | None = None

    @classmethod
    def from_json(cls, data: Json) -> "Disparity":
        """From JSON. Raises ReportError."""
        rest = _known(cls, data)
        rest["groups"] = tuple(data["groups"])
        rest["left_out"] = tuple(LeftOut(**_known(LeftOut, one)) for one in data["left_out"])
        return cls(**rest)


@dataclass(frozen=True, slots=True)
class Conditional:
    """A disparity among the rows of one level of a control segment: like compared with like."""

    control: Place
    disparity: Disparity

    @classmethod
    def from_json(cls, data: Json) -> "Conditional":
        """From JSON. Raises ReportError."""
        rest = _known(cls, data)
        return cls(Place(**_known(Place, rest["control"])), Disparity.from_json(rest["disparity"]))


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report; see the head of the module for its JSON."""

    task: str
    n: int
    row_digest: str
    level: float
    threshold: float | None
    baseline_threshold: float | None
    positive_label: str | None
    classes: tuple[str, ...] | None
    costs: Json | None
    has_baseline: bool
    dimensions: tuple[Dimension, ...]
    groups: tuple[Group, ...]
    disparities: tuple[Disparity, ...] = ()
    confusion: Json | None = None
    baseline_confusion: Json | None = None
    importance: tuple[Json, ...] = ()
    findings: int = 0
    notes: tuple[str, ...] = ()
    conditional: tuple[Conditional, ...] = ()

    def to_json(self) -> Json:
        """As JSON of the documented shape: dicts, lists, strings, numbers, None."""
        return {"schema": SCHEMA, **cast(Json, _plain(self))}

    @classmethod
    def from_json(cls, data: Json) -> "Report":
        """From JSON. Raises ReportError for another schema number or a wrong shape."""
        if data.get("schema") != SCHEMA:
            raise ReportError(f"A report of schema {data.get('schema')!r}; this version reads {SCHEMA}")
        try:
            rest = _known(cls, {key: value for key, value in data.items() if key != "schema"})
            rest["classes"] = None if data["classes"] is None else tuple(data["classes"])
            rest["dimensions"] = tuple(
                Dimension(**{**_known(Dimension, one), "levels": tuple(one["levels"])}) for one in data["dimensions"]
            )
            rest["groups"] = tuple(Group.from_json(one) for one in data["groups"])
            rest["disparities"] = tuple(Disparity.from_json(one) for one in data["disparities"])
            rest["conditional"] = tuple(Conditional.from_json(one) for one in data.get("conditional") or ())
            rest["importance"] = tuple(data["importance"])
            rest["notes"] = tuple(data["notes"])
            return cls(**rest)
        except (KeyError, TypeError, AttributeError) as error:
            raise ReportError(f"Not a report: {error}") from error

    def group(self, key: str) -> Group | None:
        """The group of that key, or None."""
        return next((group for group in self.groups if group.key == key), None)

    @property
    def overall(self) -> Group:
        """The group of everyone. Raises ReportError when the report has none."""
        found = self.group(OVERALL)
        if found is None:
            raise ReportError("The report has no group of everyone")
        return found


def group_key(places: tuple[Place, ...] | list[Place]) -> str:
    """The key of a group: "overall", "Age=35 and over", "Age=35 and over&Colour=White"."""
    return "&".join(f"{place.name}={place.level}" for place in places) or OVERALL


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(_fields(cls))


def _known(cls: type, data: Json) -> Json:
    if not data.keys() <= _names(cls):
        raise ReportError(f"{cls.__name__} has no {', '.join(sorted(data.keys() - _names(cls)))}")
    return dict(data)


def _estimates(data: Json) -> dict[str, Estimate]:
    return {name: Estimate(**_known(Estimate, one)) for name, one in data.items()}


_BARE: Final = frozenset({str, int, float, bool, type(None)})


_FLAT: Final = frozenset({Estimate, Difference, Place, LeftOut})


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _BARE:
        return value
    if kind is list or kind is tuple:
        return [one if type(one) in _BARE else _plain(one) for one in value]
    if kind is dict:
        return {str(key): one if type(one) in _BARE else _plain(one) for key, one in value.items()}
    if is_dataclass(kind):
        names, parts_of = _shape(kind)
        out = dict(zip(names, parts_of(value), strict=True))
        if kind not in _FLAT:
            for name, one in out.items():
                if type(one) not in _BARE:
                    out[name] = _plain(one)
        return out
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


@cache
def _shape(cls: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    return _fields(cls), attrgetter(*_fields(cls))


@cache
def _fields(cls: type) -> tuple[str, ...]:
    return tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]
