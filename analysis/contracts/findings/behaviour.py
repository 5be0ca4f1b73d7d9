"""How the problem's behaviour tests ended on a candidate, and on the baseline: the part "behaviour" of the findings.

Shape of the JSON ("or null" is written "?")::

    Behaviour {"most_rows": rows that a test asks at most, "seed": of the sample beyond that, "tests": [Test],
               "weighted": bool, shares are of the rows' weights}
    Test      {"id": of the test's version, "name", "number": of the version, "kind", "why", "critical": bool,
               "where"?, "change": [what was done, in words], "expected": in words, "least_share",
               "chosen": rows that the test is about, "candidate": Side, "baseline"?: Side, "pairs": [Pair]}
    Side      {"verdict": "holds" | "fails" | "not proven" | "not run", "tested", "failed", "unchanged",
               "share": Estimate of the rows that did as they must, "unread": [changed columns the model does not read],
               "reason"?: why it was not run}
    Pair      {"change"?, "values": [{"column", "before"?, "after"?}], "before"?, "after",
               "answer_before"?, "answer_after", "expected"}: a row of the candidate that failed, the worst first

A test holds when all of the share's interval reaches `least_share`, fails when none of it does, and is not proven
between the two. Where every row must do so, one that does not is a failure, and none is enough to hold. A pair tells
the changed columns only, protected ones and ids masked, and no row of a group that is hidden.
"""

from dataclasses import dataclass
from typing import Final

from analysis.contracts.behaviour import KINDS
from analysis.contracts.findings.reading import FindingsError, Json, estimate_read, made, texts_read
from analysis.contracts.report import Estimate

BEHAVES: Final = "holds"
FAILS: Final = "fails"
UNPROVEN: Final = "not proven"
NOT_RUN: Final = "not run"
BEHAVIOUR_VERDICTS: Final = (FAILS, UNPROVEN, NOT_RUN, BEHAVES)
"""What needs a look first."""


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """One column of an example, before and after."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Pair:
    """An example that did not do as it must: the numbers and answers before and after the change."""

    change: str | None
    values: tuple[ChangedValue, ...]
    before: float | None
    after: float
    answer_before: str | None
    answer_after: str
    expected: str


@dataclass(frozen=True, slots=True)
class Side:
    """How one model did on a test."""

    verdict: str
    tested: int
    failed: int
    unchanged: int
    share: Estimate
    unread: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class BehaviourFound:
    """One test on both models."""

    id: str
    name: str
    number: int
    kind: str
    why: str
    critical: bool
    where: str | None
    change: tuple[str, ...]
    expected: str
    least_share: float
    chosen: int
    candidate: Side
    baseline: Side | None
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All tests in the order in which they were asked."""

    most_rows: int
    seed: int
    tests: tuple[BehaviourFound, ...] = ()
    weighted: bool = False


def behaviour_found_read(data: Json) -> Behaviour:
    """From JSON. Raises FindingsError, ReportError, KeyError, TypeError."""
    return made(Behaviour, {**data, "tests": tuple(_test(one) for one in data["tests"])})


def _test(data: Json) -> BehaviourFound:
    baseline = data["baseline"]
    found = made(
        BehaviourFound,
        {
            **data,
            "change": texts_read(data["change"], "change"),
            "candidate": _side(data["candidate"]),
            "baseline": None if baseline is None else _side(baseline),
            "pairs": tuple(_pair(one) for one in data["pairs"]),
        },
    )
    if found.kind not in KINDS:
        raise FindingsError(f"A behaviour test is one of {', '.join(KINDS)}")
    return found


def _side(data: Json) -> Side:
    found = made(Side, {**data, "share": estimate_read(data["share"]), "unread": texts_read(data["unread"], "unread")})
    if found.verdict not in BEHAVIOUR_VERDICTS:
        raise FindingsError(f"A behaviour test ends as one of {', '.join(BEHAVIOUR_VERDICTS)}")
    if found.verdict != NOT_RUN and found.share.value is None:
        raise FindingsError("A behaviour test that was run has a share")
    return found


def _pair(data: Json) -> Pair:
    return made(Pair, {**data, "values": tuple(made(ChangedValue, one) for one in data["values"])})
