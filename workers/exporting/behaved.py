"""Tables of behaviour tests and of several models together."""

from typing import Any, Final

from analysis.contracts.findings import FAILS, NOT_RUN, BehaviourFound, CombinedFound, Side
from analysis.contracts.metrics import PERCENT, Metric, metric_get
from analysis.contracts.report import BETTER, WORSE, Estimate
from analysis.contracts.wording import change_signed, interval_text, number_text, unit_text, value_text
from workers.exporting.evidence import Evidence
from workers.exporting.tables import Column, Line, Table, short

_SHARE: Final = Metric("share", "Share", PERCENT, None, frozenset(), "A share of rows.")
_FALSE_SHARE: Final = 0.05


def behaviour_table(evidence: Evidence) -> Table | None:
    """The problem's behaviour tests on this version, and on the one it is compared with."""
    found = evidence.findings.behaviour if evidence.findings is not None else None
    if found is None or not found.tests:
        return None
    against = any(one.baseline is not None for one in found.tests)
    columns = [Column("Test", width=2.2), Column("Must", width=2.6), Column("Rows", number=True, width=0.9)]
    columns += [Column("Do so, %", number=True, width=1.7), Column("Result", width=1.2)]
    columns += [Column(short(evidence.facts.baseline) or "Before", width=1.2)] if against else []
    lines = tuple(_test_line(one, against=against) for one in found.tests)
    failing = sum(one.candidate.verdict == FAILS for one in found.tests)
    count = len(found.tests)
    title = f"Behaviour tests: {failing} of {count} fail" if failing else f"Behaviour tests: none of {count} fails"
    note = (
        "A test asks about the same rows with one thing changed. It holds when all of its Wilson interval reaches the "
        f"share that must, fails when none of it does. At most {number_text(found.most_rows, 0)} rows are asked about."
    )
    return Table("behaviour", title, tuple(columns), lines, (note,), told=4)


def _test_line(one: BehaviourFound, *, against: bool) -> Line:
    name = f"{one.name} (critical)" if one.critical else one.name
    share = "every row" if one.least_share >= 1 else f"at least {100 * one.least_share:.4g} % of the rows"
    change = f"with {' and '.join(one.change)}, " if one.change else ""
    where = f" where {one.where}" if one.where else ""
    must = f"{change}{share}{where} must {one.expected}" if one.expected else ""
    side = one.candidate
    rows = number_text(side.tested, 0) if side.tested else "–"
    before = [one.baseline.verdict if one.baseline is not None else ""] if against else []
    if side.verdict == NOT_RUN:
        return Line((name, must, rows, "–", f"not run: {side.reason or 'it could not be'}", *before), quiet=True)
    tone = WORSE if side.verdict == FAILS else ""
    return Line((name, must, rows, _valued(side.share, _SHARE), side.verdict, *before), tone)


def combination_table(evidence: Evidence) -> Table | None:
    """Several versions for everyone by the metric that stands first: alone, together, and what each adds."""
    found = evidence.findings.combination if evidence.findings is not None else None
    if found is None or not found.groups or not found.rules or not found.groups[0].results:
        return None
    first = found.groups[0].results[0]
    metric = metric_get(first.metric)
    label = evidence.label(metric)
    unit = unit_text(metric, evidence.facts.currency)
    columns = (
        Column("Combined by", width=1.2),
        Column("Version", width=2.4),
        Column("Alone", number=True, width=1.8),
        Column("Adds to the others", number=True, width=2),
        Column("Shapley share", number=True, width=2),
        Column("Finding", width=1.2),
    )
    rules = {rule.code: rule for rule in found.rules}
    lines: list[Line] = []
    for result in found.groups[0].results:
        if result.metric == metric.name:
            names = [one.name for one in found.members]
            lines += _rule_lines(rules[result.rule].name, names, result, metric)
    notes = tuple(f"{rule.name}: {rule.sentence}" for rule in found.rules)
    title = f"Several versions together: {label}{f', {unit}' if unit else ''}"
    return Table("combination", title, columns, tuple(lines), notes)


def _rule_lines(rule: str, names: list[str], result: CombinedFound, metric: Metric) -> list[Line]:
    lines = []
    for name, share in zip(names, result.members, strict=True):
        value = share.leave_one_out.value or 0.0
        proven = share.p_adjusted is not None and share.p_adjusted <= _FALSE_SHARE and value != 0
        better = (value > 0) == bool(metric.higher_is_better)
        finding = ("adds" if better else "takes away") if proven else "not proven"
        tone = (BETTER if better else WORSE) if proven else ""
        cells = (_valued(share.alone, metric), _moved(share.leave_one_out, metric), _moved(share.shapley, metric))
        lines.append(Line((rule, name, *cells, finding), tone))
    lines.append(Line((rule, "all together", _valued(result.together, metric), "", "", "")))
    return lines


def _valued(one: Estimate, metric: Metric) -> str:
    return f"{value_text(metric, one.value)} {interval_text(metric, one.low, one.high)}".rstrip()


def _moved(one: Estimate, metric: Metric) -> str:
    return f"{change_signed(metric, one.value)} {interval_text(metric, one.low, one.high, change=True)}".rstrip()


def behaviour_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Behaviour tests as rows of the long table: the metric is "behaviour:" and the test's name, of no group."""
    found = evidence.findings.behaviour if evidence.findings is not None else None
    rows = []
    for one in found.tests if found is not None else ():
        for side, told in (("candidate", one.candidate), ("baseline", one.baseline)):
            if told is not None:
                rows.append(_row(one, side, told))
    return rows


def _row(one: BehaviourFound, side: str, told: Side) -> dict[str, Any]:
    return {
        "label": one.name,
        "protected": False,
        "rows": told.tested,
        "state": "undefined" if told.share.value is None else "ok",
        "side": side,
        "metric": f"behaviour:{one.name}",
        "metric_label": one.name,
        "unit": PERCENT,
        "higher_is_better": True,
        "value": told.share.value,
        "low": told.share.low,
        "high": told.share.high,
        "denominator": told.tested,
        "method": told.share.method,
        "verdict": told.verdict,
        "reason": told.reason,
    }
