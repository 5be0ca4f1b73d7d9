"""Reading a stored report: rows for tables and CSV, one group, curves; and what is made of its stored statistics, such
as another threshold, other bands or replicates, which has modules of its own.

numpy only.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Difference, Estimate, Group, Report
from analysis.curves import curves_draw
from analysis.replicates import Replicated, disparities_replicate
from analysis.reslicing import (
    Moved,
    Slice,
    bands_merge,
    crossing_marginalise,
    interval_move,
    threshold_move,
    threshold_sweep,
)
from analysis.statistics import Statistics, StatisticsError

__all__ = [
    "CSV_HEAD",
    "Moved",
    "Replicated",
    "Row",
    "Slice",
    "Statistics",
    "StatisticsError",
    "bands_merge",
    "crossing_marginalise",
    "csv_rows",
    "csv_text",
    "curves_pick",
    "disparities_replicate",
    "group_pick",
    "interval_move",
    "rows_by_harm",
    "table_rows",
    "threshold_move",
    "threshold_sweep",
]

OK: Final = "ok"
THIN: Final = "thin"
SUPPRESSED: Final = "suppressed"
UNDEFINED: Final = "undefined"


@dataclass(frozen=True, slots=True)
class Row:
    """One group's line in a table of one metric. `state` is ok, thin, suppressed or undefined, `reason` says why.

    `harm` is the difference to the baseline, turned so that more is worse; None without one or without direction.
    """

    key: str
    label: str
    level: int
    dimension: str
    protected: bool
    n: int | None
    state: str
    reason: str | None
    estimate: Estimate | None
    baseline: Estimate | None
    difference: Difference | None
    harm: float | None


def group_pick(report: Report, key: str) -> Group | None:
    """The group of that key, or None."""
    return report.group(key)


def table_rows(report: Report, metric: str, *, level: int | None = None, dimension: str | None = None) -> list[Row]:
    """One row per group in the report's order, for one metric; `level` and `dimension` (segment name) narrow it.

    Raises KeyError for a metric that does not exist.
    """
    better = metric_get(metric).higher_is_better
    rows = []
    for group in report.groups:
        if level is not None and group.level != level:
            continue
        if dimension is not None and dimension not in {place.name for place in group.dimensions}:
            continue
        estimate = group.metrics.get(metric)
        difference = group.paired.differences.get(metric) if group.paired is not None else None
        state, reason = _state(group, estimate)
        harm = None
        if difference is not None and difference.value is not None and better is not None:
            harm = -difference.value if better else difference.value
        rows.append(
            Row(
                key=group.key,
                label=group.label,
                level=group.level,
                dimension="&".join(place.name for place in group.dimensions),
                protected=group.protected,
                n=group.n,
                state=state,
                reason=reason,
                estimate=estimate,
                baseline=(group.baseline or {}).get(metric),
                difference=difference,
                harm=harm,
            )
        )
    return rows


def rows_by_harm(rows: list[Row]) -> list[Row]:
    """Proven harm first, the largest on top, then the rest by harm; groups without enough data and hidden
    ones last.
    """
    order = {"worse": 0, "not proven": 1, "no difference": 1, "better": 1}

    def place(row: Row) -> tuple[int, int, float]:
        if row.state in (SUPPRESSED, UNDEFINED):
            return (3, 0, 0.0)
        if row.state == THIN or row.difference is None or row.harm is None:
            return (2, 0, 0.0)
        return (0, order.get(row.difference.verdict, 2), -row.harm)

    return sorted(rows, key=place)


def _state(group: Group, estimate: Estimate | None) -> tuple[str, str | None]:
    if group.suppressed is not None:
        return SUPPRESSED, group.suppressed
    if group.thin is not None:
        return THIN, group.thin
    if estimate is None:
        return UNDEFINED, "the report does not hold this metric"
    return (OK, None) if estimate.undefined is None else (UNDEFINED, estimate.undefined)


CSV_HEAD: Final = (
    "group",
    "segment",
    "label",
    "protected",
    "n",
    "positives",
    "negatives",
    "state",
    "metric",
    "value",
    "low",
    "high",
    "denominator",
    "method",
    "reason",
    "baseline_value",
    "baseline_low",
    "baseline_high",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_adjusted",
    "verdict",
)


def csv_rows(report: Report) -> Iterator[tuple[str, ...]]:
    """The whole report as lines of text under CSV_HEAD, one per group and metric; numbers in full precision.

    A text that a spreadsheet would take for a formula is set off by an apostrophe.
    """
    for group in report.groups:
        head = (
            _cell(group.key),
            _cell("&".join(place.name for place in group.dimensions)),
            _cell(group.label),
            "yes" if group.protected else "no",
            _number(group.n),
            _number(group.positives),
            _number(group.negatives),
        )
        if group.suppressed is not None:
            line = dict.fromkeys(CSV_HEAD[7:], "") | {"state": SUPPRESSED, "reason": group.suppressed}
            yield (*head, *line.values())
            continue
        for name, estimate in group.metrics.items():
            state, reason = _state(group, estimate)
            baseline = (group.baseline or {}).get(name)
            difference = group.paired.differences.get(name) if group.paired is not None else None
            yield (
                *head,
                state,
                _cell(name),
                _number(estimate.value),
                _number(estimate.low),
                _number(estimate.high),
                str(estimate.n),
                estimate.method or "",
                estimate.undefined or reason or "",
                *_three(baseline),
                *_three(difference),
                _number(difference.p if difference is not None else None),
                _number(difference.p_adjusted if difference is not None else None),
                difference.verdict if difference is not None else "",
            )


def csv_text(report: Report) -> str:
    """The CSV file of a report, head line included."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    writer.writerows(csv_rows(report))
    return buffer.getvalue()


def _three(one: Estimate | Difference | None) -> tuple[str, str, str]:
    if one is None:
        return ("", "", "")
    return (_number(one.value), _number(one.low), _number(one.high))


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def curves_pick(statistics: Statistics, key: str, *, baseline: bool = False) -> dict[str, Any]:
    """The curves of any shown group, crossings too. Raises StatisticsError for a group that is not stored."""
    stored, row = statistics.binary(baseline=baseline), statistics.row(key)
    return curves_draw(stored.histogram[row], stored.ece[row])
