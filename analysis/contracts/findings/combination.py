"""Several models of one evaluation, alone and together: the part "combination" of the findings.

Shape of the JSON ("or null" is written "?")::

    Combination {"row_digest": of the rows that every member answered, "members": [Member], "rules": [Rule],
                 "metrics": [names], "groups": [Group], "notes": [sentences]}
    Member  {"id": of the version, "name", "threshold"?, "answers": sha256 hex of its answers to the rows in order}
    Rule    {"code": "mean" | "vote" | "cascade", "name", "sentence": how members' answers become one}
    Group   {"key", "label", "segment", "protected": bool, "n"?, "results": [Result], "answered": [share of the
             rows that each member answers in the cascade; empty without one], "barred"?: reason, "thin"?: reason}
    Result  {"rule", "metric", "together": Estimate, "without": Estimate of no model at all, "gain": Estimate of all
             less the first alone, "members": [Share]}
    Share   {"alone": Estimate, "leave_one_out": Estimate, "shapley": Estimate, "p"?, "p_adjusted"?}: of leave-one-out

The first member is the version that is evaluated. Everything is in the metric's own unit and direction: what a member
adds to a cost is a saving where it is below 0. A barred group has no numbers, a thin one numbers that are not judged.
"""

from dataclasses import dataclass
from typing import Final

from analysis.contracts.findings.reading import FindingsError, Json, estimate_read, made, texts_read
from analysis.contracts.report import Estimate

MEAN: Final = "mean"
VOTE: Final = "vote"
CASCADE: Final = "cascade"
RULES: Final = (MEAN, VOTE, CASCADE)


@dataclass(frozen=True, slots=True)
class MemberFound:
    """One member: which version it is, and the digest of what it answered."""

    id: str
    name: str
    threshold: float | None
    answers: str


@dataclass(frozen=True, slots=True)
class RuleFound:
    """One way of making one answer of several."""

    code: str
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ShareFound:
    """What one member is worth by one rule and metric in one group."""

    alone: Estimate
    leave_one_out: Estimate
    shapley: Estimate
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class CombinedFound:
    """All members together by one rule and metric in one group."""

    rule: str
    metric: str
    together: Estimate
    without: Estimate
    gain: Estimate
    members: tuple[ShareFound, ...]


@dataclass(frozen=True, slots=True)
class CombinedGroup:
    """One group; `barred` hides its numbers, `thin` only keeps from judging them."""

    key: str
    label: str
    segment: str
    protected: bool
    n: int | None
    results: tuple[CombinedFound, ...]
    answered: tuple[float, ...] = ()
    barred: str | None = None
    thin: str | None = None

    def result(self, rule: str, metric: str) -> CombinedFound | None:
        """The result of a rule and a metric, or None."""
        return next((one for one in self.results if (one.rule, one.metric) == (rule, metric)), None)


@dataclass(frozen=True, slots=True)
class Combination:
    """All groups, everyone first, then those of each segment."""

    row_digest: str
    members: tuple[MemberFound, ...]
    rules: tuple[RuleFound, ...]
    metrics: tuple[str, ...]
    groups: tuple[CombinedGroup, ...]
    notes: tuple[str, ...] = ()


def combination_read(data: Json) -> Combination:
    """From JSON. Raises FindingsError, ReportError, KeyError, TypeError."""
    found = made(
        Combination,
        {
            **data,
            "members": tuple(made(MemberFound, one) for one in data["members"]),
            "rules": tuple(made(RuleFound, one) for one in data["rules"]),
            "metrics": texts_read(data["metrics"], "metrics"),
            "groups": tuple(_group(one) for one in data["groups"]),
            "notes": texts_read(data["notes"], "notes"),
        },
    )
    if any(rule.code not in RULES for rule in found.rules):
        raise FindingsError(f"Models are combined by {', '.join(RULES)}")
    count = len(found.members)
    for group in found.groups:
        if group.barred is not None and (group.results or group.n is not None or group.answered):
            raise FindingsError("A group that is hidden has no number")
        if any(len(one.members) != count for one in group.results) or len(group.answered) not in (0, count):
            raise FindingsError("Every result has the numbers of each member")
    return found


def _group(data: Json) -> CombinedGroup:
    results = tuple(_combined(one) for one in data["results"])
    answered = tuple(float(one) for one in data["answered"])
    return made(CombinedGroup, {**data, "results": results, "answered": answered})


def _combined(data: Json) -> CombinedFound:
    totals = {name: estimate_read(data[name]) for name in ("together", "without", "gain")}
    return made(CombinedFound, {**data, **totals, "members": tuple(_share(one) for one in data["members"])})


def _share(data: Json) -> ShareFound:
    return made(
        ShareFound, {**data, **{name: estimate_read(data[name]) for name in ("alone", "leave_one_out", "shapley")}}
    )
