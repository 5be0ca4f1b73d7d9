"""Reading gate results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject

from analysis.contracts.metrics import FACTS
from apps.evaluations import selectors as evaluations
from apps.gates.models import GateResult, Outcome

if TYPE_CHECKING:
    import uuid

    from apps.core.actors import Actor
    from apps.evaluations.models import Evaluation


@dataclass(frozen=True, slots=True)
class GateSummary:
    """Counts by outcome; `blocking` counts those that stand in the way."""

    passed: int
    failed: int
    not_proven: int
    not_evaluated: int
    blocking: int

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.not_proven + self.not_evaluated

    @property
    def clear(self) -> bool:
        """True when something was judged and nothing stands in the way."""
        return self.total > 0 and self.blocking == 0

    @property
    def tone(self) -> str:
        """bad when something blocks, good when every gate passes, else warn: what was not judged is never a pass."""
        if self.blocking:
            return "bad"
        return "good" if self.total and self.passed == self.total else "warn"

    @property
    def words(self) -> str:
        """ "1 fails, 2 not proven, 5 pass": what needs a look first."""
        parts = [
            f"{self.failed} fail{'s' if self.failed == 1 else ''}" if self.failed else "",
            f"{self.not_proven} not proven" if self.not_proven else "",
            f"{self.not_evaluated} not evaluated" if self.not_evaluated else "",
            f"{self.passed} pass{'es' if self.passed == 1 else ''}" if self.passed else "",
        ]
        return ", ".join(part for part in parts if part) or "none judged"

    @property
    def headline(self) -> str:
        """The shortest true word: "1 gate fails", "2 gates not proven", "7 gates pass"."""
        for count, one, many in (
            (self.failed, "gate fails", "gates fail"),
            (self.blocking, "gate blocks", "gates block"),
            (self.not_proven, "gate not proven", "gates not proven"),
            (self.not_evaluated, "gate not evaluated", "gates not evaluated"),
            (self.passed, "gate passes", "gates pass"),
        ):
            if count:
                return f"{count} {one if count == 1 else many}"
        return "no gate judged"

    @property
    def rest(self) -> str:
        """What the headline leaves out: "11 pass, 1 not evaluated"."""
        parts = self.words.split(", ")
        return ", ".join(parts[1:]) if len(parts) > 1 else ""


_ORDER = {Outcome.FAIL: 0, Outcome.NOT_PROVEN: 1, Outcome.NOT_EVALUATED: 2, Outcome.PASS: 3}


def gate_list(evaluation: Evaluation) -> list[GateResult]:
    """What blocks first, then failed, not proven, not evaluated, passed."""
    rows = GateResult.objects.filter(evaluation=evaluation).select_related("objective")
    return sorted(rows, key=lambda r: (not r.blocks, _ORDER[Outcome(r.outcome)], r.position))


def summary_of(gates: Iterable[GateResult]) -> GateSummary:
    """Counts of results that are at hand."""
    rows = list(gates)
    count = {outcome: sum(row.outcome == outcome for row in rows) for outcome in Outcome}
    return GateSummary(
        passed=count[Outcome.PASS],
        failed=count[Outcome.FAIL],
        not_proven=count[Outcome.NOT_PROVEN],
        not_evaluated=count[Outcome.NOT_EVALUATED],
        blocking=sum(row.blocks for row in rows),
    )


def gate_focus(gates: Iterable[GateResult]) -> list[tuple[str, str]]:
    """(metric, group key) of what fails or blocks, in order: what a verdict tells first."""
    return [
        (gate.objective.metric, gate.group_key)
        for gate in gates
        if gate.blocks and gate.group_key and gate.objective is not None and gate.objective.metric not in FACTS
    ]


def _counts() -> dict[str, Count]:
    return {
        "passed": Count("pk", filter=Q(outcome=Outcome.PASS)),
        "failed": Count("pk", filter=Q(outcome=Outcome.FAIL)),
        "not_proven": Count("pk", filter=Q(outcome=Outcome.NOT_PROVEN)),
        "not_evaluated": Count("pk", filter=Q(outcome=Outcome.NOT_EVALUATED)),
        "blocking": Count("pk", filter=Q(blocks=True)),
    }


def gate_summary(evaluation: Evaluation) -> GateSummary:
    """Counts in one query."""
    return GateSummary(**GateResult.objects.filter(evaluation=evaluation).aggregate(**_counts()))


def newest_judged(actor: Actor, problem_id: uuid.UUID) -> tuple[Evaluation, GateSummary] | None:
    """The newest evaluation of a problem with the counts of its gates, in one query; None before the first."""
    judged = GateResult.objects.filter(evaluation=OuterRef("pk")).order_by().values("evaluation")
    rows = evaluations.newest_of_problem(actor, problem_id).annotate(
        judged=Subquery(judged.annotate(told=JSONObject(**_counts())).values("told"))
    )
    found = rows.first()
    if found is None:
        return None
    return found, GateSummary(**(found.judged or dict.fromkeys(_counts(), 0)))


FOLD_FROM = 4
"""So many passed gates are folded away behind one line."""


def gates_shown(gates: list[GateResult]) -> dict[str, Any]:
    """The context of `gates/_shown.html`: what needs a look, what is folded, and the counts."""
    passed = [gate for gate in gates if gate.outcome == Outcome.PASS]
    folded = passed if len(passed) >= FOLD_FROM else []
    return {
        "gates": gates,
        "gate_open": [gate for gate in gates if gate not in folded],
        "gate_folded": folded,
        "gate_summary": summary_of(gates),
    }
