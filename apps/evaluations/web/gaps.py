"""Rows of the tables of gaps between groups, of errors by outcome and of people helped and harmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Disparity, Report
from apps.core import formats
from apps.evaluations.contracts.numbers import change_signed, interval_text, unit_text, value_text
from apps.evaluations.contracts.verdict import Speech
from apps.evaluations.web.rows import exact_text, metric_label, metric_meaning, metrics_of

_KINDS: Final = {
    "RANGE": "Gap in {metric}",
    "RATIO": "Lowest {metric} as a share of the highest",
    "FOUR_FIFTHS": "Lowest {metric} as a share of the highest, four-fifths rule",
    "EQUAL_OPPORTUNITY": "Equal opportunity: gap in recall",
    "EQUALIZED_ODDS": "Equalized odds: larger gap of recall and false alarms",
    "PREDICTIVE_PARITY": "Predictive parity: gap in precision",
}
_FIRST: Final = {
    ("RANGE", "fnr"),
    ("RANGE", "fpr"),
    ("FOUR_FIFTHS", "selection_rate"),
    ("RANGE", "macro_f1"),
    ("RANGE", "balanced_accuracy"),
    ("RANGE", "mae"),
    ("RANGE", "mean_error"),
}
MOST_GAPS: Final = 200
MOST_FIRST: Final = 20


@dataclass(frozen=True, slots=True)
class GapRow:
    """How far the groups of a segment lie apart, and which were left out and why."""

    dimension: str
    measure: str
    protected: bool
    value: str
    unit: str
    interval: str
    baseline: str
    between: str
    left_out: str
    undefined: str
    exact: str


def gap_rows(report: Report, speech: Speech, *, every: bool = False) -> tuple[list[GapRow], int]:
    """Gaps of single segments in the measures that people ask about first, or every one; and how many there are."""
    single = {dimension.name for dimension in report.dimensions}
    first = [one for one in report.disparities if one.dimension in single and (one.kind, one.metric) in _FIRST]
    if report.task == "BINARY":
        first = [one for one in first if one.metric != "balanced_accuracy"]
    chosen = list(report.disparities) if every else first or list(report.disparities)[:MOST_FIRST]
    return [_gap_row(one, speech) for one in chosen[:MOST_GAPS]], len(report.disparities)


@dataclass(frozen=True, slots=True)
class WithinRow:
    """A gap among the rows of one group of a control, beside the same gap among all rows."""

    within: str
    gap: GapRow
    among_all: str


def within_rows(report: Report, speech: Speech) -> list[WithinRow]:
    """The measures that people ask about first, within each group of each control."""
    whole = {(one.dimension, one.kind, one.metric): _gap_row(one, speech) for one in report.disparities}
    rows = []
    for one in report.conditional:
        gap = one.disparity
        if (gap.kind, gap.metric) in _FIRST and (report.task != "BINARY" or gap.metric != "balanced_accuracy"):
            all_rows = whole.get((gap.dimension, gap.kind, gap.metric))
            among = all_rows.value if all_rows is not None and not all_rows.undefined else formats.UNDEFINED
            rows.append(WithinRow(f"{one.control.name}: {one.control.level}", _gap_row(gap, speech), among))
    return sorted(rows, key=lambda row: (row.gap.undefined != "", row.gap.dimension, row.gap.measure))[:MOST_GAPS]


def _gap_row(one: Disparity, speech: Speech) -> GapRow:
    metric = metric_get(one.metric)
    ratio = one.kind in ("RATIO", "FOUR_FIFTHS")
    label = metric_label(metric, speech)
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    before = (one.baseline or {}).get("value")

    def text(value: float) -> str:
        return formats.fixed(value, 2) if ratio else value_text(metric, value)

    interval = ""
    if one.low is not None and one.high is not None:
        interval = f"[{text(one.low)}, {text(one.high)}]" if ratio else interval_text(metric, one.low, one.high)
    return GapRow(
        dimension=one.dimension.replace("&", " and "),
        measure=_KINDS.get(one.kind, "Gap in {metric}").format(metric=label),
        protected=one.protected,
        value=text(one.value) if one.value is not None else formats.UNDEFINED,
        unit="" if ratio else unit_text(metric, speech.currency, change=True),
        interval=interval,
        baseline=text(before) if before is not None else "",
        between=f"{one.lowest} to {one.highest}" if one.lowest and one.highest else "",
        left_out="; ".join(f"{left.label}: {left.reason}" for left in one.left_out),
        undefined=one.undefined or "",
        exact=f"{one.value!r}" + (f", {one.method}" if one.method else "") if one.value is not None else "",
    )


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts by truth (rows) and prediction (columns), with the share of each truth."""

    name: str
    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]


def confusion_of(name: str, data: dict[str, Any] | None, speech: Speech, positive: str | None) -> Confusion | None:
    """A table of (count, share of the row, is it right), in the problem's words for two classes."""
    if not data:
        return None
    labels = [str(label) for label in data["labels"]]
    if len(labels) == 2 and speech.positive_word and speech.negative_word and positive is not None:
        labels = [speech.negative_word, speech.positive_word]
    rows = []
    for index, counts in enumerate(data["counts"]):
        total = sum(counts)
        cells = tuple(
            (formats.num(int(count)), formats.percent(count / total) if total else formats.UNDEFINED, index == column)
            for column, count in enumerate(counts)
        )
        rows.append((labels[index], cells))
    return Confusion(name, tuple(labels), tuple(rows))


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one group: both versions, the change and what it proves."""

    label: str
    unit: str
    n: str
    base: str
    own: str
    own_interval: str
    change: str
    interval: str
    verdict: str
    reason: str
    meaning: str
    exact: str


def metric_rows(report: Report, key: str, speech: Speech) -> list[MetricRow]:
    """Every metric of one group."""
    group = report.group(key)
    if group is None:
        return []
    rows = []
    for metric in metrics_of(report):
        own = group.metrics.get(metric.name)
        if own is None:
            continue
        base = (group.baseline or {}).get(metric.name)
        change = group.paired.differences.get(metric.name) if group.paired is not None else None
        rows.append(
            MetricRow(
                label=metric_label(metric, speech),
                unit=unit_text(metric, speech.currency),
                n=formats.num(own.n),
                base=value_text(metric, base.value if base is not None else None),
                own=value_text(metric, own.value),
                own_interval=interval_text(metric, own.low, own.high),
                change=change_signed(metric, change.value if change is not None else None),
                interval=interval_text(metric, change.low, change.high, change=True) if change is not None else "",
                verdict="not enough data" if group.thin else change.verdict if change is not None else "",
                reason=own.undefined or group.thin or (change.reason if change is not None else "") or "",
                meaning=metric_meaning(metric, speech),
                exact=exact_text(own, base, change),
            )
        )
    return rows
