"""What an export is made of, and how it speaks of metrics and groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.contracts.findings import Findings
from analysis.contracts.metrics import BINARY, METRICS, MULTICLASS, RANKING, REGRESSION, ErrorWords, Metric, metric_get
from analysis.contracts.report import BETTER, WORSE, Report
from analysis.contracts.wording import unit_text
from analysis.report import Row, rows_by_harm, table_rows
from workers.contracts.exports import Facts

FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    BINARY: ("fnr", "fpr", "cost_per_100", "selection_rate"),
    MULTICLASS: ("accuracy", "macro_f1", "cost_per_100"),
    REGRESSION: ("mae", "mean_error", "cost_per_100"),
    RANKING: ("ndcg:10", "mrr", "map:10", "exposure"),
}
"""What people ask about first, by task."""
MOST_CHARTED: Final = 4
MOST_CROSSINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sealed report with its findings and the names that belong to them."""

    facts: Facts
    report: Report
    findings: Findings | None

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], report: dict[str, Any], findings: dict[str, Any] | None) -> "Evidence":
        """From the JSON of all three. Raises FactsError, ReportError, FindingsError."""
        read = None if findings is None else Findings.from_json(findings)
        return cls(Facts.from_json(facts), Report.from_json(report), read)

    @property
    def words(self) -> ErrorWords:
        """What the two errors are called."""
        return ErrorWords.from_json(self.facts.words)

    def label(self, metric: Metric) -> str:
        """The name of a metric in the problem's own words."""
        return self.words.label(metric.name) if metric.name in ("fpr", "fnr") else metric.label

    def head(self, metric: Metric, *, change: bool = False) -> str:
        """The name with its unit, for the head of a table: "Wrongly held, %"."""
        unit = unit_text(metric, self.facts.currency, change=change)
        return f"{self.label(metric)}, {unit}" if unit else self.label(metric)

    def counted(self, metric: Metric) -> str:
        """What the rows of a metric are, for the head of a column: "Released", "People", "Invoices"."""
        word = {"fnr": self.facts.positive_word, "tpr": self.facts.positive_word}.get(metric.name)
        word = word or {"fpr": self.facts.negative_word, "tnr": self.facts.negative_word}.get(metric.name)
        word = word or self.facts.noun or "rows"
        return word[:1].upper() + word[1:]

    @property
    def metrics(self) -> list[Metric]:
        """Every metric of everyone, those that people read first first; rows themselves are no metric."""
        place = {name: index for index, name in enumerate(METRICS)}
        held = [metric_get(name) for name in self.report.overall.metrics if name != "count"]
        return sorted(held, key=lambda metric: (place.get(metric.name, len(place)), metric.name))

    @property
    def charted(self) -> list[Metric]:
        """What is drawn by segment: the verdict's metric, then those that people ask about first."""
        held = [metric.name for metric in self.metrics]
        wanted = [self.facts.metric, *FIRST.get(self.report.task, tuple(held[:3]))]
        return [metric_get(name) for name in dict.fromkeys(wanted) if name in held][:MOST_CHARTED]

    def rows(self, metric: Metric) -> list[Row]:
        """Everyone, then the groups of single segments, most harmed first, then crossings with a proven change."""
        rows = rows_by_harm(table_rows(self.report, metric.name))
        everyone = [row for row in rows if row.level == 0]
        single = [row for row in rows if row.level == 1]
        if not self.report.has_baseline:
            single.sort(key=lambda row: _badness(row, metric))
        crossings = [row for row in rows if row.level > 1 and _proven(row)]
        return [*everyone, *single, *crossings[:MOST_CROSSINGS]]

    def notes_of(self, name: str) -> str:
        """The legal note of a segment; empty without one."""
        return self.facts.legal_notes.get(name, "")


def _proven(row: Row) -> bool:
    return row.state == "ok" and row.difference is not None and row.difference.verdict in (WORSE, BETTER)


def _badness(row: Row, metric: Metric) -> tuple[int, float]:
    """Told groups first, the worst of them on top."""
    value = row.estimate.value if row.state == "ok" and row.estimate is not None else None
    if value is None:
        return (1, 0.0)
    return (0, value if metric.higher_is_better else -value)
