"""Rows of the evaluation page: the forest's table, the matrix of segments and metrics, gaps between groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from analysis.contracts.metrics import (
    BINARY,
    COUNT,
    METRICS,
    MULTICLASS,
    PERCENT,
    RANKING,
    REGRESSION,
    Metric,
    metric_get,
)
from analysis.contracts.report import BETTER, NOT_ENOUGH_DATA, OVERALL, WORSE, Difference, Estimate, Group, Report
from analysis.report import Row, rows_by_harm, table_rows
from apps.core import formats
from apps.evaluations.contracts.numbers import change_signed, interval_text, value_text
from apps.evaluations.contracts.verdict import Speech

UrlOf = Callable[[str], str]
MOST_FOREST: Final = 40


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line of the forest and of its table; `shown` is the interval that is drawn."""

    key: str
    url: str
    label: str
    protected: bool
    n: str
    base: str
    own: str
    change: str
    interval: str
    verdict: str
    reason: str
    state: str
    cut: bool
    shown: tuple[float, float | None, float | None] | None
    exact: str

    @property
    def css(self) -> str:
        """The class of a coloured change."""
        return {WORSE: "fw-worse", BETTER: "fw-better"}.get(self.verdict, "")


def metric_label(metric: Metric, speech: Speech) -> str:
    """The name of a metric in the problem's own words."""
    return speech.words.label(metric.name) if metric.name in ("fpr", "fnr") else metric.label


def metric_meaning(metric: Metric, speech: Speech) -> str:
    """What a metric means, in the problem's own words where it has them."""
    said, true = speech.positive_word, speech.negative_word
    if metric.name in ("fnr", "tnr"):
        said, true = true, said
    if not said or not true:
        return metric.meaning
    if metric.name in ("fpr", "fnr"):
        return f"Of those whose record says {true}, the share for whom the model says {said}."
    if metric.name in ("tpr", "tnr"):
        right = speech.positive_word if metric.name == "tpr" else speech.negative_word
        return f"Of those whose record says {right}, the share for whom the model says so too."
    if metric.name == "selection_rate":
        return f"Share for whom the model says {speech.positive_word}."
    if metric.name == "precision":
        return f"Of those for whom the model says {speech.positive_word}, the share whose record says so too."
    return metric.meaning


def counted_label(metric: Metric, speech: Speech) -> str:
    """What a rate's rows are counted among, for the head of a column."""
    word = {"fnr": speech.positive_word, "tpr": speech.positive_word}.get(metric.name)
    word = word or {"fpr": speech.negative_word, "tnr": speech.negative_word}.get(metric.name)
    return word[:1].upper() + word[1:] if word else speech.counted


def forest_rows(report: Report, metric: Metric, url_of: UrlOf) -> list[ForestRow]:
    """Most harmed first: proven harm, everyone, the rest, then groups without enough data and hidden ones.

    Crossings appear when something is proven for them; the matrix holds them all.
    """
    rows = [row for row in rows_by_harm(table_rows(report, metric.name)) if row.level < 2 or _proven(row)]
    overall = next((row for row in rows if row.level == 0), None)
    rest = [row for row in rows if row.level]
    worse = [row for row in rest if _proven(row) and row.difference and row.difference.verdict == WORSE]
    told = [row for row in rest if row not in worse and row.state == "ok"]
    untold = [row for row in rest if row not in worse and row.state != "ok"]
    if not report.has_baseline:
        told = sorted(told, key=lambda row: _badness(row, metric))
    ordered = [*worse, *([overall] if overall else []), *told][: MOST_FOREST - 8] + untold[:8]
    cuts = {worse[-1].key} if worse else set()
    cuts |= {overall.key} if overall else set()
    if told and untold:
        cuts.add(told[-1].key)
    return [_forest_row(row, metric, url_of, row.key in cuts) for row in ordered]


def _proven(row: Row) -> bool:
    return row.state == "ok" and row.difference is not None and row.difference.verdict in (WORSE, BETTER)


def _badness(row: Row, metric: Metric) -> float:
    value = row.estimate.value if row.estimate is not None and row.estimate.value is not None else 0.0
    return value if metric.higher_is_better else -value


def _forest_row(row: Row, metric: Metric, url_of: UrlOf, cut: bool) -> ForestRow:
    own, base, change = row.estimate, row.baseline, row.difference
    told = row.state == "ok" and own is not None
    shown = None
    if told and change is not None and change.value is not None:
        shown = (change.value, change.low, change.high)
    elif told and base is None and own is not None and own.value is not None:
        shown = (own.value, own.low, own.high)
    interval = _interval(metric, change, own if base is None else None)
    return ForestRow(
        key=row.key,
        url="" if row.key == OVERALL or row.state == "suppressed" else url_of(row.key),
        label=row.label,
        protected=row.protected,
        n=formats.num(own.n if own is not None and row.state != "suppressed" else row.n),
        base=value_text(metric, base.value if base is not None and told else None),
        own=value_text(metric, own.value if own is not None and told else None),
        change=change_signed(metric, change.value if change is not None and told else None),
        interval=interval if told else "",
        verdict=_verdict(row),
        reason=_reason(row),
        state=row.state,
        cut=cut,
        shown=shown,
        exact=exact_text(own, base, change) if told else "",
    )


def _interval(metric: Metric, change: Difference | None, own: Estimate | None) -> str:
    if change is not None:
        return interval_text(metric, change.low, change.high, change=True)
    return interval_text(metric, own.low, own.high) if own is not None else ""


def _verdict(row: Row) -> str:
    if row.state == "suppressed":
        return "suppressed"
    if row.state != "ok":
        return NOT_ENOUGH_DATA
    return row.difference.verdict if row.difference is not None else ""


def _reason(row: Row) -> str:
    if row.state == "suppressed":
        return f"hidden: {row.reason}"
    if row.state == "thin":
        return f"needs {row.reason}" if row.reason and row.reason[:1].isdigit() else str(row.reason or "")
    if row.state != "ok":
        return str(row.reason or "")
    return (row.difference.reason or "") if row.difference is not None else ""


def exact_text(own: Estimate | None, base: Estimate | None, change: Difference | None) -> str:
    """The stored numbers in full, for the pointer: what is shown is these, rounded."""
    parts = []
    if own is not None and own.value is not None:
        parts.append(f"{own.value!r}, n = {own.n}" + (f", {own.method}" if own.method else ""))
    if base is not None and base.value is not None:
        parts.append(f"before {base.value!r}")
    if change is not None and change.value is not None:
        p = f", p = {change.p_adjusted:.2g} after correction" if change.p_adjusted is not None else ""
        parts.append(f"change {change.value!r}{p}")
    return "; ".join(parts)


FIRST_METRICS: Final = {
    BINARY: ("fnr", "fpr", "selection_rate", "precision", "accuracy", "roc_auc", "ece"),
    MULTICLASS: ("accuracy", "balanced_accuracy", "macro_f1", "macro_precision", "macro_recall", "log_loss"),
    REGRESSION: ("mae", "rmse", "mean_error", "r2", "mape", "within_tolerance"),
    RANKING: ("ndcg:10", "mrr", "map:10", "exposure", "exposure_merit"),
}


def metrics_of(report: Report, *, every: bool = True) -> list[Metric]:
    """The metrics that the report holds, those that people read first in front; the count is not one of them."""
    held = [name for name in report.overall.metrics if name != "count"]
    first = (*FIRST_METRICS[report.task], "cost_per_100")
    ordered = [name for name in first if name in held]
    if every:
        place = {name: index for index, name in enumerate(METRICS)}
        rest = [name for name in held if name not in ordered]
        ordered += sorted(rest, key=lambda name: (place.get(name, len(place)), name))
    return [metric for metric in map(metric_get, ordered) if metric.unit != COUNT]


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of the matrix with its change; `css` colours it only where the change stands after correction."""

    text: str
    change: str
    css: str
    title: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One group with a cell for each metric."""

    label: str
    url: str
    n: str
    cells: tuple[Cell, ...]

    @property
    def html(self) -> SafeString:
        """The row of the table; drawn here because a matrix has hundreds of cells."""
        label = conditional_escape(self.label)
        head = f'<a href="{conditional_escape(self.url)}">{label}</a>' if self.url else label
        cells = "".join(_cell_html(cell) for cell in self.cells)
        row = f'<tr><th scope="row">{head}</th><td class="n">{conditional_escape(self.n)}</td>{cells}</tr>'
        return mark_safe(row)  # noqa: S308 - every part is escaped above


def _cell_html(cell: Cell) -> str:
    title = f' title="{conditional_escape(cell.title)}"' if cell.title else ""
    change = f' <span class="fw-dv">{conditional_escape(cell.change)}</span>' if cell.change else ""
    return f'<td class="n {conditional_escape(cell.css)}"{title}>{conditional_escape(cell.text)}{change}</td>'


@dataclass(frozen=True, slots=True)
class MatrixPart:
    """The groups of one segment."""

    title: str
    note: str
    rows: tuple[MatrixRow, ...]


def matrix_parts(
    report: Report, metrics: Sequence[Metric], url_of: UrlOf, notes: dict[str, str]
) -> tuple[MatrixRow, list[MatrixPart]]:
    """Everyone, and the groups of each segment, those with the fewest rows first; `notes` are legal notes by segment
    name.
    """
    parts = []
    for dimension in report.dimensions:
        groups = [g for g in report.groups if g.level == 1 and g.dimensions[0].segment == dimension.segment]
        note = "Protected. " if dimension.protected else ""
        note += notes.get(dimension.name, "") or (f"Not computed: {dimension.error}" if dimension.error else "")
        groups.sort(key=lambda group: (group.n is None, group.n or 0))
        parts.append(MatrixPart(dimension.name, note.strip(), tuple(matrix_row(g, metrics, url_of) for g in groups)))
    return matrix_row(report.overall, metrics, lambda key: ""), parts


def crossing_rows(
    report: Report, metrics: Sequence[Metric], url_of: UrlOf, *, by: str, find: str, most: int
) -> tuple[list[MatrixRow], int]:
    """Crossings whose name holds `find`, most harmed in the metric `by` first, and how many there are.

    Those of three come after those of two.
    """
    words = find.lower().split()
    rows = [
        row
        for level in (2, 3)
        for row in rows_by_harm(table_rows(report, by, level=level))
        if all(word in f"{row.label} {row.key}".lower() for word in words)
    ]
    groups = {group.key: group for group in report.groups if group.level > 1}
    return [matrix_row(groups[row.key], metrics, url_of) for row in rows[:most]], len(rows)


def matrix_row(group: Group, metrics: Sequence[Metric], url_of: UrlOf) -> MatrixRow:
    hidden = group.suppressed is not None
    n = "hidden" if hidden else formats.num(group.n)
    url = "" if hidden or group.key == OVERALL else url_of(group.key)
    return MatrixRow(group.label, url, n, tuple(_cell(group, metric) for metric in metrics))


def _cell(group: Group, metric: Metric) -> Cell:
    if group.suppressed is not None:
        return Cell("hidden", "", "c-hide", group.suppressed)
    if group.thin is not None:
        return Cell(f"n = {formats.num(group.n)}", "", "c-thin", f"not enough data: {group.thin}")
    estimate = group.metrics.get(metric.name)
    if estimate is None or estimate.value is None:
        return Cell("–", "", "", (estimate.undefined if estimate else None) or "the report does not hold this metric")
    base = (group.baseline or {}).get(metric.name)
    change = group.paired.differences.get(metric.name) if group.paired is not None else None
    return Cell(
        value_text(metric, estimate.value),
        change_signed(metric, change.value) if change is not None and change.value is not None else "",
        _colour(metric, change, base),
        exact_text(estimate, base, change),
    )


def _colour(metric: Metric, change: Difference | None, base: Estimate | None) -> str:
    if change is None or change.value is None or change.verdict not in (WORSE, BETTER):
        return ""
    size = abs(change.value)
    large = size >= 0.1 if metric.unit == PERCENT else bool(base and base.value and size >= 0.25 * abs(base.value))
    return f"c-{change.verdict}{2 if large else 1}"
