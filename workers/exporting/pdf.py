"""The PDF: a few A4 pages with the verdict, the segments and the curves, for a folder or a meeting."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from analysis.contracts.metrics import Metric
from analysis.contracts.report import BETTER, WORSE
from workers.exporting.behaved import behaviour_table, combination_table
from workers.exporting.evidence import Evidence
from workers.exporting.figures import Mark, forest_axis, forest_marks
from workers.exporting.found import fairness_table, flips_table, gaps_table, slices_table
from workers.exporting.head import facts_of, methods_of, moment_text, title_of
from workers.exporting.sheets import INK, INNER, QUIET, RULE, Sheets, one_line, settings
from workers.exporting.tables import cut, gates_table, hidden_table, overall_table, segment_table

ROW: Final = 14.0
LABEL: Final = 34
MOST: Final = {
    "gates": 8, "first": 24, "second": 12, "overall": 20, "gaps": 8,
    "fairness": 10, "flips": 10, "slices": 5, "behaviour": 10, "combination": 12, "hidden": 8,
}  # fmt: skip
"""Lines of each table, so that the largest report is a few pages; the others are in the HTML report."""
_ELSEWHERE: Final = "are in the HTML report."
_COLOURS: Final = {WORSE: ("#d55e00", "v"), BETTER: ("#0072b2", "^"), "": ("#6b7782", "o")}
_CANDIDATE: Final = "#0b7a88"
_BEFORE: Final = "#42505c"


def pdf_make(evidence: Evidence) -> bytes:
    """The file."""
    facts = evidence.facts
    with settings():
        title = f"{title_of(evidence)}, {facts.model}"
        sheets = Sheets(title, f"{facts.problem} · evaluation {facts.number} · report {facts.report_digest[:12]}")
        sheets.paragraph(f"{facts.problem} · {moment_text(facts.completed_at)}", 8.5, colour=QUIET)
        sheets.space(2)
        sheets.paragraph(title_of(evidence), 17, bold=True)
        sheets.space(8)
        sheets.band(facts.headline, facts.more, facts.tone)
        sheets.pairs(facts_of(evidence))
        sheets.space(10)
        gates = gates_table(evidence)
        if gates is not None:
            sheets.heading(gates.title)
            sheets.table(cut(gates, MOST["gates"], _ELSEWHERE))
        for metric, place in zip(evidence.charted, ("first", "second"), strict=False):
            _segments(sheets, evidence, metric, place)
        sheets.heading("Every metric, everyone")
        sheets.table(cut(overall_table(evidence), MOST["overall"], _ELSEWHERE))
        _curves(sheets, evidence)
        _found(sheets, evidence)
        sheets.heading("How this was measured", keep=40)
        for sentence in methods_of(evidence):
            sheets.paragraph(sentence, 8)
        return sheets.save(datetime.fromisoformat(facts.completed_at))


def _segments(sheets: Sheets, evidence: Evidence, metric: Metric, place: str) -> None:
    """The forest of one metric and the table with the same numbers."""
    marks = forest_marks(evidence, metric)[: MOST[place]]
    height = ROW * len(marks) + 8
    sheets.heading(f"{evidence.head(metric)} by segment", keep=height + 40)
    sheets.picture(height, lambda axes: _forest(axes, marks, evidence, metric), x=170, width=INNER - 176)
    sheets.space(height + 34)
    table = segment_table(evidence, metric)
    sheets.table(cut(table if place == "first" else replace(table, notes=()), MOST[place], _ELSEWHERE))


def _forest(axes: Any, marks: list[Mark], evidence: Evidence, metric: Metric) -> None:
    for place, mark in enumerate(marks):
        if mark.value is None:
            axes.text(
                0.5, place, mark.word, transform=axes.get_yaxis_transform(), ha="center", va="center", color=QUIET
            )
            continue
        colour, shape = _COLOURS[mark.look]
        low = mark.value if mark.low is None else mark.low
        high = mark.value if mark.high is None else mark.high
        axes.plot([low, high], [place, place], color=colour, lw=1.3, solid_capstyle="butt")
        axes.plot([mark.value], [place], marker=shape, color=colour, ms=4.5, ls="none")
    if evidence.report.has_baseline:
        axes.axvline(0, color=QUIET, lw=0.8)
    axes.set_ylim(len(marks) - 0.5, -0.5)
    axes.set_yticks(range(len(marks)), [_short(mark.label) for mark in marks])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x", color=RULE, lw=0.5)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(forest_axis(evidence, metric))


def _curves(sheets: Sheets, evidence: Evidence) -> None:
    """ROC and calibration of both versions side by side; nothing without stored curves."""
    overall, facts = evidence.report.overall, evidence.facts
    sides = [(overall.baseline_curves, facts.baseline, _BEFORE), (overall.curves, facts.candidate, _CANDIDATE)]
    held = [(curves, name, colour) for curves, name, colour in sides if curves]
    up = f"Share that were {facts.positive_word or 'positive'}"
    drawings: list[Callable[[Any], None]] = []
    if any(curves.get("roc", {}).get("x") for curves, _, _ in held):
        drawings.append(lambda axes: _square(axes, held, ("roc", "x", "y"), ("False positive rate", "Recall")))
    if any(curves.get("calibration", {}).get("score") for curves, _, _ in held):
        drawings.append(lambda axes: _square(axes, held, ("calibration", "score", "rate"), ("Mean score", up)))
    if not drawings:
        return
    side = (INNER - 92) / 2
    sheets.heading("ROC and calibration, everyone" if len(drawings) > 1 else "Curves, everyone", keep=side + 44)
    for place, draw in enumerate(drawings):
        sheets.picture(side - 40, draw, x=34 + place * (side + 56), width=side)
    sheets.space(side + 4)


def _square(
    axes: Any,
    held: list[tuple[dict[str, Any], str, str]],
    names: tuple[str, str, str],
    labels: tuple[str, str],
) -> None:
    key, across, up = names
    for curves, name, colour in held:
        points = curves.get(key) or {}
        if points.get(across):
            marker = "o" if key == "calibration" else ""
            axes.plot(points[across], points[up], color=colour, lw=1.3, marker=marker, ms=3, label=name)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=0.7, ls=":")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel=labels[0], ylabel=labels[1])
    axes.grid(color=RULE, lw=0.5)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower right" if key == "roc" else "upper left")


def _found(sheets: Sheets, evidence: Evidence) -> None:
    """Gaps, criteria, flips, weak slices, and what is hidden."""
    facts = evidence.facts
    for table, said in (
        (gaps_table(evidence), ""),
        (fairness_table(evidence), facts.fairness),
        (flips_table(evidence), facts.flips),
        (slices_table(evidence), facts.slices),
        (behaviour_table(evidence), facts.behaviour),
        (combination_table(evidence), facts.combination),
        (hidden_table(evidence), ""),
    ):
        if table is None:
            continue
        sheets.heading(table.title)
        if said:
            sheets.paragraph(said, 8.5)
            sheets.space(3)
        sheets.table(cut(table, MOST[table.key], _ELSEWHERE))


def _short(label: str) -> str:
    text = one_line(label)
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"
