"""Reading gate results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from apps.gates.models import GateResult, Outcome

if TYPE_CHECKING:
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
    def words(self) -> str:
        """ "1 fails, 2 not proven, 5 pass": what needs a look first."""
        parts = [
            f"{self.failed} fail{'s' if self.failed == 1 else ''}" if self.failed else "",
            f"{self.not_proven} not proven" if self.not_proven else "",
            f"{self.not_evaluated} not evaluated" if self.not_evaluated else "",
            f"{self.passed} pass{'es' if self.passed == 1 else ''}" if self.passed else "",
        ]
        return ", ".join(part for part in parts if part) or "none judged"


_ORDER = {Outcome.FAIL: 0, Outcome.NOT_PROVEN: 1, Outcome.NOT_EVALUATED: 2, Outcome.PASS: 3}


def gate_list(evaluation: Evaluation) -> list[GateResult]:
    """What blocks first, then failed, not proven, not evaluated, passed."""
    rows = GateResult.objects.filter(evaluation=evaluation).select_related("objective")
    return sorted(rows, key=lambda r: (not r.blocks, _ORDER[Outcome(r.outcome)], r.position))


def gate_summary(evaluation: Evaluation) -> GateSummary:
    """Counts in one query."""
    counted = GateResult.objects.filter(evaluation=evaluation).aggregate(
        passed=Count("pk", filter=Q(outcome=Outcome.PASS)),
        failed=Count("pk", filter=Q(outcome=Outcome.FAIL)),
        not_proven=Count("pk", filter=Q(outcome=Outcome.NOT_PROVEN)),
        not_evaluated=Count("pk", filter=Q(outcome=Outcome.NOT_EVALUATED)),
        blocking=Count("pk", filter=Q(blocks=True)),
    )
    return GateSummary(**counted)
