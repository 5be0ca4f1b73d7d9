"""Tables of what was found beyond the metrics: gaps between groups, fairness criteria, flips, weak slices."""

from typing import Final

from analysis.contracts.criteria import CRITERIA, RATIO
from analysis.contracts.findings import BROKEN, WRONG, CriterionFound, Flip, SliceFound
from analysis.contracts.metrics import PERCENT, SCORE, Metric, metric_get
from analysis.contracts.report import BETTER, NOT_ENOUGH_DATA, WORSE, Disparity, Estimate
from analysis.contracts.wording import (
    AMOUNTS,
    change_signed,
    criterion_text,
    interval_text,
    number_text,
    unit_text,
    value_text,
)
from workers.exporting.evidence import Evidence
from workers.exporting.tables import Column, Line, Table

KINDS: Final = {
    "RANGE": "Gap in {metric}",
    "RATIO": "Lowest {metric} as a share of the highest",
    "FOUR_FIFTHS": "Lowest {metric} as a share of the highest, four-fifths rule",
    "EQUAL_OPPORTUNITY": "Equal opportunity: gap in recall",
    "EQUALIZED_ODDS": "Equalized odds: larger gap of recall and false alarms",
    "PREDICTIVE_PARITY": "Predictive parity: gap in precision",
}
FIRST_GAPS: Final = frozenset({"fnr", "fpr", "selection_rate", "macro_f1", "accuracy", "mae", "mean_error", "ndcg:10"})
MOST_GAPS: Final = 20
FALSE_SHARE: Final = 0.05
_SHARE: Final = Metric("share", "Share", PERCENT, None, frozenset(), "A share of rows.")
_BARE: Final = Metric("bare", "Number", SCORE, None, frozenset(), "A bare number.")


def gaps_table(evidence: Evidence) -> Table | None:
    """How far the groups of a segment lie apart in the metrics that people ask about first."""
    report = evidence.report
    single = {dimension.name for dimension in report.dimensions}
    held = [one for one in report.disparities if one.dimension in single]
    first = [one for one in held if one.metric in FIRST_GAPS and one.kind in ("RANGE", "FOUR_FIFTHS")]
    chosen = (first or held)[:MOST_GAPS]
    if not chosen:
        return None
    columns = (
        Column("Segment", width=1.6),
        Column("Measure", width=2.6),
        Column("Value", number=True, width=1.6),
        Column("From lowest to highest", width=2.2),
        Column("Left out", width=2),
    )
    lines = tuple(_gap_line(evidence, one) for one in chosen)
    notes = [f"Simultaneous {100 * report.level:g} % intervals, which hold also when the groups are equal."]
    if len(chosen) < len(report.disparities):
        notes.append(f"{len(chosen)} of {number_text(len(report.disparities), 0)} measures; the JSON report has all.")
    return Table("gaps", "How far the groups of a segment lie apart", columns, lines, tuple(notes))


def _gap_line(evidence: Evidence, one: Disparity) -> Line:
    metric = metric_get(one.metric)
    ratio = one.kind in ("RATIO", "FOUR_FIFTHS")
    label = evidence.label(metric)
    label = label if label[:2].isupper() else label[:1].lower() + label[1:]
    unit = "" if ratio else unit_text(metric, evidence.facts.currency, change=True)
    measure = KINDS.get(one.kind, "Gap in {metric}").format(metric=label) + (f", {unit}" if unit else "")
    left_out = "; ".join(f"{left.label}: {left.reason}" for left in one.left_out)
    name = f"{one.dimension} (protected)" if one.protected else one.dimension
    if one.value is None:
        return Line((name, measure, "–", one.undefined or "", left_out), quiet=True)
    shown = number_text(one.value, 2) if ratio else value_text(metric, one.value)
    if one.low is not None and one.high is not None:
        ends = f"[{number_text(one.low, 2)}, {number_text(one.high, 2)}]"
        shown = f"{shown} {ends if ratio else interval_text(metric, one.low, one.high)}"
    between = f"{one.lowest} to {one.highest}" if one.lowest and one.highest else ""
    return Line((name, measure, shown, between, left_out or "none"))


def fairness_table(evidence: Evidence) -> Table | None:
    """The first of each criterion in each segment, and whether it holds."""
    entries = evidence.findings.fairness if evidence.findings is not None else None
    if not entries:
        return None
    columns = (
        Column("Segment", width=1.6),
        Column("Criterion", width=1.7),
        Column("Value", number=True, width=1.8),
        Column("Limit", width=1.1),
        Column("Result", width=1.2),
        Column("From lowest to highest", width=2),
    )
    lines = []
    for entry in entries:
        first: dict[str, CriterionFound] = {}
        for one in entry.criteria:
            first.setdefault(one.criterion, one)
        name = f"{entry.segment} (protected)" if entry.protected else entry.segment
        lines += [_criterion_line(evidence, name, one) for one in first.values()]
    note = "Which criterion is right is a choice that people make and give reasons for; not all can hold together."
    return Table("fairness", "Fairness criteria", columns, tuple(lines), (note,), told=4)


def _criterion_line(evidence: Evidence, segment: str, one: CriterionFound) -> Line:
    named = CRITERIA.get(one.criterion)
    ratio = named is not None and named.shape == RATIO
    most = one.high or 0.0
    if one.value is None:
        return Line((segment, one.name, "–", "", NOT_ENOUGH_DATA, one.undefined or ""), quiet=True)
    shown = criterion_text(one.criterion, one.value, most=most)
    if one.low is not None and one.high is not None:
        low, high = (criterion_text(one.criterion, end, most=most) for end in (one.low, one.high))
        shown = f"{shown} [{low}, {high}]"
    unit = "" if ratio else _criterion_unit(evidence, one)
    side = "least" if ratio else "most"
    limit = "none" if one.limit is None else f"at {side} {criterion_text(one.criterion, one.limit, most=most)}"
    between = f"{one.lowest} to {one.highest}" if one.lowest and one.highest else ""
    name = f"{one.name}, {unit}" if unit else one.name
    result = one.holding or "no limit stated"
    return Line((segment, name, shown, limit, result, between), WORSE if one.holding == BROKEN else "")


def _criterion_unit(evidence: Evidence, one: CriterionFound) -> str:
    facts = evidence.facts
    if one.criterion == "COST_PARITY":
        return f"{facts.currency} per 100 {facts.units}".strip()
    if one.criterion in AMOUNTS:
        return f"in “{facts.target}”" if facts.target else ""
    return "points"


def flips_table(evidence: Evidence) -> Table | None:
    """Answers that were right before and are wrong now, and the other way round, for everyone and single groups."""
    flips = evidence.findings.flips if evidence.findings is not None else None
    if flips is None:
        return None
    levels = {group.key: group.level for group in evidence.report.groups}
    shown = [one for one in flips.groups if levels.get(one.key, 1) < 2]
    columns = (
        Column("Segment", width=2.2),
        Column("Rows", number=True, width=0.9),
        Column("Spoiled", number=True, width=0.9),
        Column("Mended", number=True, width=0.9),
        Column("Net, points", number=True, width=1.8),
        Column("Finding", width=2.2),
    )
    notes = (
        f"Spoiled: right under {evidence.facts.baseline}, wrong under {evidence.facts.candidate}; mended: the other "
        f"way round. An answer is right when {flips.right}.",
        *(("Weighted: the net counts each row by its weight, the numbers of rows do not.",) if flips.weighted else ()),
    )
    lines = tuple(_flip_line(one) for one in shown)
    return Table("flips", "Answers spoiled and mended", columns, lines, notes)


def _flip_line(one: Flip) -> Line:
    label = f"{one.label} (protected)" if one.protected else one.label
    if one.barred is not None:
        return Line((label, "hidden", "", "", "", f"hidden: {one.barred}"), quiet=True)
    counts = [number_text(count, 0) if count is not None else "–" for count in (one.n, one.negative, one.positive)]
    if one.thin is not None:
        return Line((label, *counts, "", f"{NOT_ENOUGH_DATA}: {one.thin}"), quiet=True)
    net = one.difference
    verdict = "not proven"
    if net.value is not None and one.p_adjusted is not None and one.p_adjusted <= FALSE_SHARE:
        verdict = WORSE if net.value < 0 else BETTER
    return Line((label, *counts, _net(net), verdict), verdict if verdict in (WORSE, BETTER) else "")


def _net(net: Estimate) -> str:
    if net.value is None:
        return "–"
    return f"{change_signed(_SHARE, net.value)} {interval_text(_SHARE, net.low, net.high, change=True)}".rstrip()


def slices_table(evidence: Evidence) -> Table | None:
    """Groups that nobody named and that do clearly worse."""
    found = evidence.findings.slices if evidence.findings is not None else None
    if found is None or not found.slices:
        return None
    metric = _SHARE if found.loss == WRONG else _BARE
    word = "Wrong, %" if found.loss == WRONG else "Mean error"
    columns = (
        Column("Group", width=3),
        Column("Rows", number=True, width=0.9),
        Column(word, number=True, width=1),
        Column("Elsewhere", number=True, width=1),
        Column("More than elsewhere", number=True, width=1.8),
        Column("Known as", width=1.5),
    )
    lines = tuple(_slice_line(one, metric) for one in found.slices)
    notes = [
        f"{number_text(found.looked_at, 0)} groups were looked at on one half of the rows; what is listed was proven "
        f"on the other half, with at most {100 * found.false_share:g} % false ones expected."
    ]
    if found.weighted:
        notes.append("Weighted: shares and means count each row by its weight.")
    if found.withheld:
        notes.append(f"{found.withheld} more would let somebody be singled out and are withheld.")
    return Table("slices", "Weak slices", columns, lines, tuple(notes), told=4)


def _slice_line(one: SliceFound, metric: Metric) -> Line:
    more = f"{change_signed(metric, one.difference)} {interval_text(metric, one.low, one.high, change=True)}".rstrip()
    cells = (one.label, number_text(one.n, 0), value_text(metric, one.loss), value_text(metric, one.rest_loss), more)
    return Line((*cells, one.named or ""), WORSE)
