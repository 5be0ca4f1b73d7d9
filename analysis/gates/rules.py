"""Rules, policies, evidence and outcomes: the nouns of a gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from analysis.contracts.metrics import ErrorWords, metric_get

Result: TypeAlias = Literal["PASS", "FAIL", "NOT_PROVEN", "NOT_EVALUATED"]
Effect: TypeAlias = Literal["BLOCK", "WARN", "NONE"]
PASS: Final = "PASS"  # noqa: S105 - a verdict, not a secret
FAIL: Final = "FAIL"
NOT_PROVEN: Final = "NOT_PROVEN"
NOT_EVALUATED: Final = "NOT_EVALUATED"

AT_MOST: Final = "AT_MOST"
AT_LEAST: Final = "AT_LEAST"
NOT_WORSE: Final = "NOT_WORSE"
COMPARISONS: Final = (AT_MOST, AT_LEAST, NOT_WORSE)

KIND_METRIC: Final = "METRIC"
SCOPE_OVERALL: Final = "OVERALL"
SCOPE_SEGMENT: Final = "SEGMENT"
SCOPE_SEGMENTS: Final = "SEGMENTS"
SCOPE_PROTECTED: Final = "PROTECTED"
SCOPE_CROSSINGS: Final = "CROSSINGS"
SCOPES: Final = (SCOPE_OVERALL, SCOPE_SEGMENT, SCOPE_SEGMENTS, SCOPE_PROTECTED, SCOPE_CROSSINGS)
"""Everyone; each group of one segment; of every segment; of every protected one; each crossing of two."""


class RuleError(ValueError):
    """A rule that cannot be applied. `field` names the part at fault."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Policy:
    """What a result does: BLOCK, WARN or NONE; `on_not_proven` may be POINT: judge the point value instead.

    None stands for the default: block for a protected segment and for a critical rule, warn otherwise. A
    group that is merely too small or suppressed warns by default, because no run of anything could change
    that.
    """

    on_fail: str | None = None
    on_not_proven: str | None = None
    on_not_evaluated: str | None = None

    def __post_init__(self) -> None:
        for name in ("on_fail", "on_not_proven", "on_not_evaluated"):
            allowed = ("BLOCK", "WARN", "NONE", "POINT") if name == "on_not_proven" else ("BLOCK", "WARN", "NONE")
            if getattr(self, name) not in (None, *allowed):
                raise RuleError(f"{name} is one of {', '.join(allowed)}", name)


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit. `limit` is in the metric's stored unit (a rate of 5 % is 0.05); for NOT_WORSE it is the
    margin.

    `kind` is METRIC or the kind of a disparity (RANGE, RATIO, ...). `segment` is the segment's id for the
    scope SEGMENT. `higher_is_better` decides for metrics that have no direction of their own.
    """

    metric: str
    comparison: str
    limit: float | None
    scope: str = SCOPE_OVERALL
    segment: str | None = None
    kind: str = KIND_METRIC
    critical: bool = False
    higher_is_better: bool | None = None
    policy: Policy = Policy()

    def __post_init__(self) -> None:
        try:
            metric_get(self.metric)
        except KeyError:
            raise RuleError(f"There is no metric {self.metric}", "metric") from None
        if self.comparison not in COMPARISONS:
            raise RuleError(f"The comparison is one of {', '.join(COMPARISONS)}", "comparison")
        if self.scope not in SCOPES:
            raise RuleError(f"The scope is one of {', '.join(SCOPES)}", "scope")
        if self.scope == SCOPE_SEGMENT and not self.segment:
            raise RuleError("A rule for one segment names the segment", "segment")
        if self.limit is not None and self.comparison == NOT_WORSE and self.limit < 0:
            raise RuleError("A margin is zero or more", "limit")
        if self.kind != KIND_METRIC and self.scope == SCOPE_OVERALL:
            raise RuleError("A gap between groups needs a segment", "scope")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Rule":
        """From the JSON of `to_json`. Raises RuleError."""
        limit = data.get("limit")
        return cls(
            metric=str(data["metric"]),
            comparison=str(data["comparison"]),
            limit=None if limit is None else float(limit),
            scope=str(data.get("scope", SCOPE_OVERALL)),
            segment=None if data.get("segment") is None else str(data["segment"]),
            kind=str(data.get("kind", KIND_METRIC)),
            critical=bool(data.get("critical", False)),
            higher_is_better=data.get("higher_is_better"),
            policy=Policy(**(data.get("policy") or {})),
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "metric": self.metric,
            "comparison": self.comparison,
            "limit": self.limit,
            "scope": self.scope,
            "segment": self.segment,
            "kind": self.kind,
            "critical": self.critical,
            "higher_is_better": self.higher_is_better,
            "policy": {
                "on_fail": self.policy.on_fail,
                "on_not_proven": self.policy.on_not_proven,
                "on_not_evaluated": self.policy.on_not_evaluated,
            },
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known: a value (or, for NOT_WORSE, candidate minus live) with its interval.

    `missing` says why it cannot be judged; `small` marks the reasons too few rows and suppressed.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    missing: str | None = None
    small: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule says about one group: the result, what it does, and the sentence for people.

    `on_point` marks a result that the policy took from the point value although the interval proves nothing.
    """

    result: Result
    effect: Effect
    sentence: str
    rule: Rule
    group: str
    label: str
    protected: bool
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    on_point: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON, the rule included."""
        return {
            "result": self.result,
            "effect": self.effect,
            "sentence": self.sentence,
            "rule": self.rule.to_json(),
            "group": self.group,
            "label": self.label,
            "protected": self.protected,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "on_point": self.on_point,
        }


@dataclass(frozen=True, slots=True)
class Voice:
    """How sentences speak: words for errors, currency, the name of what the candidate is compared with.

    `people` maps a group's key to the words after "for", such as "people aged 35 and over"; the label
    otherwise.
    """

    words: ErrorWords = field(default_factory=ErrorWords)
    currency: str = ""
    live: str = "live"
    people: Mapping[str, str] | None = None
    level: float = 0.95
