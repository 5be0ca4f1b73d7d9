"""The tables that every readable format is made of: texts only, each number rounded as on the pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.contracts.metrics import Metric
from analysis.contracts.report import BETTER, NOT_ENOUGH_DATA, WORSE, Difference, Estimate
from analysis.contracts.wording import change_signed, interval_text, number_text, value_text
from analysis.report import SUPPRESSED, THIN, UNDEFINED, Row
from workers.exporting.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, whether it holds numbers, and its share of a page's width."""

    name: str
    number: bool = False
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One row of texts; `tone` is worse, better, none or empty. `quiet`: it tells why there are no numbers."""

    cells: tuple[str, ...]
    tone: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`key` names it within the file; `notes` are sentences below it; `told` is the column that shows a line's tone."""

    key: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    told: int = -1

    @property
    def tone_column(self) -> int:
        """The place of the column that shows the tone."""
        return self.told % len(self.columns)


def short(name: str) -> str:
    """How a column names a version: "version 3" is "v3", "baseline version 1" is "Baseline v1"."""
    first, _, rest = name.rpartition("version ")
    return f"{_capital(first)}v{rest}" if rest else name


def valued(metric: Metric, one: Estimate | None) -> str:
    """ "36.3 [33.1, 39.6]"; "–" for none."""
    if one is None or one.value is None:
        return value_text(metric, None)
    return f"{value_text(metric, one.value)} {interval_text(metric, one.low, one.high)}".rstrip()


def changed(metric: Metric, one: Difference | None) -> str:
    """ "+17.0 [+11.5, +22.8]"; "–" for none."""
    if one is None or one.value is None:
        return value_text(metric, None)
    return f"{change_signed(metric, one.value)} {interval_text(metric, one.low, one.high, change=True)}".rstrip()


def tone_of(verdict: str) -> str:
    """The tone of a finding."""
    return verdict if verdict in (WORSE, BETTER) else ""


def segment_table(evidence: Evidence, metric: Metric) -> Table:
    """One metric for everyone and each group; groups that are hidden or have too few rows say why."""
    facts = evidence.facts
    against = evidence.report.has_baseline
    columns = [Column("Segment", width=2.1), Column(evidence.counted(metric), number=True, width=0.85)]
    columns += [Column(short(facts.baseline), number=True, width=0.7)] if against else []
    columns.append(Column(short(facts.candidate), number=True, width=1.7))
    columns += [Column("Change", number=True, width=2.05)] if against else []
    columns.append(Column("Finding", width=1.9))
    lines = tuple(_segment_line(row, metric, against=against) for row in evidence.rows(metric))
    count = sum(group.level > 1 for group in evidence.report.groups)
    notes = [f"{evidence.label(metric)}: {metric.meaning}"]
    if count:
        shown = "Of them, those with a proven change are in the table. " if against else ""
        notes.append(f"The report also holds {number_text(count, 0)} crossings of segments. {shown}All are in Parquet.")
    return Table(f"segments-{metric.name}", evidence.head(metric), tuple(columns), lines, tuple(notes))


def _segment_line(row: Row, metric: Metric, *, against: bool) -> Line:
    blank = ("",) * (1 + 2 * against)
    label = f"{row.label} (protected)" if row.protected else row.label
    if row.state == SUPPRESSED:
        return Line((label, "hidden", *blank, f"hidden: {row.reason}"), quiet=True)
    counted = row.estimate.n if row.estimate is not None else row.n
    n = "–" if counted is None else number_text(counted, 0)
    if row.state == THIN:
        return Line((label, n, *blank, f"{NOT_ENOUGH_DATA}: {row.reason}"), quiet=True)
    if row.state == UNDEFINED:
        return Line((label, n, *blank, f"no number: {row.reason}"), quiet=True)
    own = valued(metric, row.estimate)
    if not against:
        return Line((label, n, own, ""))
    before = value_text(metric, row.baseline.value if row.baseline is not None else None)
    change = row.difference
    verdict = change.verdict if change is not None else NOT_ENOUGH_DATA
    finding = f"{verdict}: {change.reason}" if change is not None and change.reason else str(verdict)
    return Line((label, n, before, own, changed(metric, change), finding), tone_of(verdict))


def overall_table(evidence: Evidence) -> Table:
    """Every metric of everyone."""
    facts, overall, against = evidence.facts, evidence.report.overall, evidence.report.has_baseline
    columns = [Column("Metric", width=2.4), Column("Rows", number=True, width=0.9)]
    columns += [Column(short(facts.baseline), number=True, width=0.7)] if against else []
    columns.append(Column(short(facts.candidate), number=True, width=1.7))
    columns += [Column("Change", number=True, width=2.1), Column("Finding", width=1.1)] if against else []
    lines = []
    for metric in dict.fromkeys((*evidence.charted, *evidence.metrics)):
        one = overall.metrics[metric.name]
        change = overall.paired.differences.get(metric.name) if overall.paired is not None else None
        if one.undefined is not None:
            blank = ("",) * (3 if against else 0)
            lines.append(Line((evidence.head(metric), number_text(one.n, 0), f"no number: {one.undefined}", *blank)))
            continue
        cells = [evidence.head(metric), number_text(one.n, 0)]
        if against:
            before = (overall.baseline or {}).get(metric.name)
            cells.append(value_text(metric, before.value if before is not None else None))
        cells.append(valued(metric, one))
        if against:
            cells += [changed(metric, change), change.verdict if change is not None else ""]
        lines.append(Line(tuple(cells), tone_of(change.verdict) if change is not None else ""))
    return Table("overall", "Every metric, everyone", tuple(columns), tuple(lines))


def gates_table(evidence: Evidence) -> Table | None:
    """What the problem asks and whether it holds; None when no gates belong to the evidence."""
    gates = evidence.facts.gates
    if not gates:
        return None
    columns = (
        Column("Gate", width=1.5),
        Column("Group", width=1.3),
        Column("Result", width=0.9),
        Column("Why", width=4),
    )
    lines = tuple(
        Line(
            (gate.name, gate.group, f"{gate.outcome}, blocks" if gate.blocks else gate.outcome, gate.sentence),
            WORSE if gate.blocks else "",
        )
        for gate in gates
    )
    blocking = sum(gate.blocks for gate in gates)
    passed = sum(gate.outcome == "pass" for gate in gates)
    stands = f"{blocking} of {len(gates)} {'stands' if blocking == 1 else 'stand'} in the way"
    title = f"Gates: {stands}" if blocking else f"Gates: {passed} of {len(gates)} pass"
    note = "“Not proven” and “not evaluated” are never a pass."
    return Table("gates", title, columns, lines, (note,) if passed < len(gates) else (), told=2)


def hidden_table(evidence: Evidence) -> Table | None:
    """Groups that are hidden or too small to be judged, with the reason; None when there are none."""
    lines = [
        Line((group.label, "hidden" if group.suppressed else "too few rows", group.suppressed or group.thin or ""))
        for group in sorted(evidence.report.groups, key=lambda group: group.level)
        if group.suppressed or group.thin
    ]
    failed = [
        Line((dimension.name, "not evaluated", dimension.error))
        for dimension in evidence.report.dimensions
        if dimension.error
    ]
    if not lines and not failed:
        return None
    columns = (Column("Group", width=2), Column("State", width=1), Column("Why", width=4))
    note = "Numbers that would let somebody be singled out are hidden from everybody, and in every file."
    return Table("hidden", "What is hidden or has too few rows", columns, (*failed, *lines), (note,))


def cut(table: Table, most: int, rest: str) -> Table:
    """At most so many lines; `rest` says where the others are."""
    if len(table.lines) <= most:
        return table
    note = f"{number_text(len(table.lines) - most, 0)} more lines {rest}"
    return replace(table, lines=table.lines[:most], notes=(note, *table.notes))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def tables_held(tables: Sequence[Table | None]) -> list[Table]:
    """Those that there are."""
    return [table for table in tables if table is not None and table.lines]
