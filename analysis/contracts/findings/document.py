"""What an evaluation finds beyond its report: weak slices, flips, fairness criteria. JSON schema number 1.

Shape of the JSON (a key of the first level is left out where there is nothing to ask; "or null" is written "?")::

    {"schema": 1, "slices": Slices, "flips": Flips, "fairness": [Fairness], "behaviour": Behaviour, "leakage": Leakage}
    Slices   {"loss": "wrong" | "absolute error", "columns": [names searched], "n", "mean_loss"?, "looked_at",
              "candidates", "proven", "withheld", "false_share", "reason"?, "slices": [Slice], "weighted": bool}
    Slice    as `analysis.slices.WeakSlice` makes it, and "named"?: the label of a named group with the same rows
    Flips    {"right": what counts as right, "groups": [Flip], "tests": p values corrected together,
              "rows": [columns of the listed rows], "weighted": bool}
    Flip     {"key", "label", "segment", "protected": bool, "n"?, "negative"?, "positive"?, "negative_rate": Estimate,
              "of_right": Estimate, "difference": Estimate, "p"?, "p_adjusted"?, "barred"?: reason, "thin"?: reason,
              "mass"?, "negative_mass"?, "positive_mass"?: what these rows weigh}
    Fairness {"segment": name, "protected": bool, "criteria": [Criterion], "conflicts"?: Conflicts,
              "class_conflicts": [{"of": class, "found": Conflicts}] of many classes, the most frequent first}
    Criterion, Conflicts  as `analysis.criteria` makes them, of the shapes below
    Behaviour  {"most_rows", "seed", "tests": [Test]}, of the shapes in `findings.behaviour`
    Leakage    of the shape in `findings.leakage`
    Combination  of the shape in `findings.combination`; null where no further model was asked

Documents made before there were any have no "behaviour"; one of a problem without behaviour tests has no test in it.
Where rows have weights a part is "weighted": its shares, means and excess are of weights, its counts of rows. Documents
made before say nothing of it; they counted every row once.
Shares lie between 0 and 1; a cost is money. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from analysis.contracts.findings.behaviour import Behaviour, behaviour_found_read
from analysis.contracts.findings.combination import Combination, combination_read
from analysis.contracts.findings.leakage import Leakage, leakage_read
from analysis.contracts.findings.reading import FindingsError, Json, estimate_read, made, plain
from analysis.contracts.report import Estimate, LeftOut, ReportError

SCHEMA: Final = 1
WRONG: Final = "wrong"
ABSOLUTE: Final = "absolute error"
FLIP_ROWS: Final = "flips.json"
"""The file of the rows that flipped, beside the document."""

HOLDS: Final = "holds"
BROKEN: Final = "does not hold"
NOT_PROVEN: Final = "not proven"
NOT_ENOUGH_DATA: Final = "not enough data"
_PARTS: Final = frozenset({"schema", "slices", "flips", "fairness", "behaviour", "leakage", "combination"})


@dataclass(frozen=True, slots=True)
class SliceFound:
    """A weak slice; numbers are of the half of the rows that the search did not see, `n` of both.

    `named` is the group of a segment, or of a crossing, that has exactly these rows.
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
    named: str | None = None
    mass: float | None = None


@dataclass(frozen=True, slots=True)
class SlicesFound:
    """The search for weak slices; `withheld` counts proven ones that would let somebody be singled out."""

    loss: str
    columns: tuple[str, ...]
    n: int
    mean_loss: float | None
    looked_at: int
    candidates: int
    proven: int
    withheld: int
    false_share: float
    slices: tuple[SliceFound, ...]
    reason: str | None = None
    weighted: bool = False


@dataclass(frozen=True, slots=True)
class Flip:
    """The flips of one group against the baseline; `barred` hides all numbers, `thin` only keeps from judging them."""

    key: str
    label: str
    segment: str
    protected: bool
    n: int | None
    negative: int | None
    positive: int | None
    negative_rate: Estimate
    of_right: Estimate
    difference: Estimate
    p: float | None
    p_adjusted: float | None
    barred: str | None = None
    thin: str | None = None
    mass: float | None = None
    negative_mass: float | None = None
    positive_mass: float | None = None


@dataclass(frozen=True, slots=True)
class Flips:
    """All groups, everyone first; `rows` names the columns of the file of rows, none where no row is listed."""

    right: str
    groups: tuple[Flip, ...]
    tests: int
    rows: tuple[str, ...] = ()
    weighted: bool = False

    def group(self, key: str) -> Flip | None:
        """The group of that key, or None."""
        return next((one for one in self.groups if one.key == key), None)


@dataclass(frozen=True, slots=True)
class CriterionGroup:
    """One metric of one group, with the interval at which all groups cover together."""

    label: str
    metric: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class CriterionFound:
    """One criterion over the groups of a segment; `value` is None exactly when `undefined` says why."""

    criterion: str
    name: str
    question: str
    of: str | None
    value: float | None
    low: float | None
    high: float | None
    method: str | None
    limit: float | None
    holding: str | None
    lowest: str | None
    highest: str | None
    groups: tuple[CriterionGroup, ...]
    left_out: tuple[LeftOut, ...]
    undefined: str | None = None
    worst_class: str | None = None


@dataclass(frozen=True, slots=True)
class ForcedValue:
    """What a group would have to have if the other criteria held; None where that is no possible number."""

    label: str
    value: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ConflictFound:
    """Criteria that cannot all hold. `proven` says that base rates are proven to differ, the reason for all of them.

    `forced` is `quantity` of each group, worked out as `sentence` says.
    """

    criteria: tuple[str, ...]
    proven: bool
    sentence: str
    quantity: str
    forced: tuple[ForcedValue, ...]
    source: str


@dataclass(frozen=True, slots=True)
class BaseRateFound:
    """Share of actual positives of a group, with the interval at which all groups cover together."""

    label: str
    rate: Estimate


@dataclass(frozen=True, slots=True)
class ConflictsFound:
    """The conflicts among criteria in the groups of a segment; `undefined` says why none could be looked for.

    `spread` is the range of the base rates: its value and interval are None with fewer than two groups.
    """

    chosen: tuple[str, ...]
    base_rates: tuple[BaseRateFound, ...]
    spread: Estimate
    conflicts: tuple[ConflictFound, ...]
    undefined: str | None = None


@dataclass(frozen=True, slots=True)
class ClassConflicts:
    """The conflicts of one class against all others."""

    of: str
    found: ConflictsFound


@dataclass(frozen=True, slots=True)
class Fairness:
    """Every criterion in the groups of one segment; of many classes the conflicts of each class against the rest."""

    segment: str
    protected: bool
    criteria: tuple[CriterionFound, ...]
    conflicts: ConflictsFound | None = None
    class_conflicts: tuple[ClassConflicts, ...] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """The whole document; a part is None where there was nothing to ask."""

    slices: SlicesFound | None = None
    flips: Flips | None = None
    fairness: tuple[Fairness, ...] | None = None
    behaviour: Behaviour | None = None
    leakage: Leakage | None = None
    combination: Combination | None = None

    def to_json(self) -> Json:
        """As JSON of the documented shape."""
        parts = {name: part for name, part in asdict(self).items() if part is not None}
        return {"schema": SCHEMA, **plain(parts)}

    @classmethod
    def from_json(cls, data: Json) -> "Findings":
        """From JSON. Raises FindingsError for another schema number, a wrong shape or a number that is not finite."""
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            raise FindingsError(f"These findings are not of schema {SCHEMA}, which this version reads")
        unknown = sorted(data.keys() - _PARTS)
        if unknown:
            raise FindingsError(f"Findings have no {', '.join(unknown)}")
        try:
            slices, flips, fairness = (data.get(name) for name in ("slices", "flips", "fairness"))
            behaviour, leakage, combination = (data.get(name) for name in ("behaviour", "leakage", "combination"))
            return cls(
                None if slices is None else _slices(slices),
                None if flips is None else _flips(flips),
                None if fairness is None else tuple(_fairness(one) for one in fairness),
                None if behaviour is None else behaviour_found_read(behaviour),
                None if leakage is None else leakage_read(leakage),
                None if combination is None else combination_read(combination),
            )
        except (KeyError, TypeError, AttributeError, ReportError) as error:
            raise FindingsError(f"Not findings: {error}") from error


def _slices(data: Json) -> SlicesFound:
    slices = tuple(made(SliceFound, {**one, "columns": tuple(one["columns"])}) for one in data["slices"])
    return made(SlicesFound, {**data, "columns": tuple(data["columns"]), "slices": slices})


def _flips(data: Json) -> Flips:
    groups = tuple(
        made(Flip, {**one, **{name: estimate_read(one[name]) for name in ("negative_rate", "of_right", "difference")}})
        for one in data["groups"]
    )
    return made(Flips, {**data, "groups": groups, "rows": tuple(data["rows"])})


def _fairness(data: Json) -> Fairness:
    criteria = tuple(_criterion(one) for one in data["criteria"])
    conflicts = data.get("conflicts")
    classes = tuple(
        ClassConflicts(str(one["of"]), _conflicts(one["found"])) for one in data.get("class_conflicts") or ()
    )
    found = None if conflicts is None else _conflicts(conflicts)
    return made(Fairness, {**data, "criteria": criteria, "conflicts": found, "class_conflicts": classes})


def _criterion(data: Json) -> CriterionFound:
    groups = tuple(made(CriterionGroup, {**one, "estimate": estimate_read(one["estimate"])}) for one in data["groups"])
    left_out = tuple(made(LeftOut, one) for one in data["left_out"])
    found = made(CriterionFound, {**data, "groups": groups, "left_out": left_out})
    if (found.value is None) != (found.undefined is not None):
        raise FindingsError(f"{found.name} has either a value or a reason why it has none")
    return found


def _conflicts(data: Json) -> ConflictsFound:
    rates = tuple(made(BaseRateFound, {**one, "rate": estimate_read(one["rate"])}) for one in data["base_rates"])
    conflicts = tuple(
        made(
            ConflictFound,
            {
                **one,
                "criteria": tuple(one["criteria"]),
                "forced": tuple(made(ForcedValue, each) for each in one["forced"]),
            },
        )
        for one in data["conflicts"]
    )
    spread = estimate_read(data["spread"])
    return made(
        ConflictsFound,
        {**data, "chosen": tuple(data["chosen"]), "base_rates": rates, "spread": spread, "conflicts": conflicts},
    )
