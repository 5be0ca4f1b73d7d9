"""The metrics part of a model card, after Mitchell et al. 2019, with the metadata that Hugging Face reads."""

import re
from typing import Any, Final

import yaml

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, REGRESSION
from analysis.contracts.report import WORSE
from workers.exporting.behaved import behaviour_table, combination_table
from workers.exporting.evidence import Evidence
from workers.exporting.found import fairness_table, flips_table, gaps_table, slices_table
from workers.exporting.head import facts_of, methods_of, moment_text, title_of
from workers.exporting.tables import (
    Table,
    cut,
    gates_table,
    hidden_table,
    overall_table,
    segment_table,
    tables_held,
)

_TASKS: Final = {
    BINARY: ("tabular-classification", "Tabular classification, two classes"),
    MULTICLASS: ("tabular-classification", "Tabular classification, many classes"),
    REGRESSION: ("tabular-regression", "Tabular regression"),
    RANKING: ("other", "Ranking"),
}
_TYPES: Final = {"tpr": "recall", "r2": "r_squared", "brier": "brier_score", "mcc": "matthews_correlation"}
"""Names of metrics where those who read cards have another one."""
_SPECIAL: Final = re.compile(r"[\\`*_<>|~&]|(?<=\])[(\[:]")
_FIRST: Final = re.compile(r"^(\d+)([.)])|^()([-+=#])")
MOST_LINES: Final = 60


def card_make(evidence: Evidence) -> str:
    """The Markdown, YAML head included."""
    facts = evidence.facts
    parts = [
        f"---\n{yaml.safe_dump(_metadata(evidence), sort_keys=False, allow_unicode=True, width=10**6)}---",
        f"# Metrics of {escaped(facts.model)}",
        f"**{escaped(facts.headline)}** {escaped(facts.more)}".rstrip(),
        "This is the measured part of a model card. What the model is meant for, and for what it is not, is written by "
        "people and is not in this file.",
        "## Model details",
        _pairs(evidence),
        "## Factors",
        _factors(evidence),
        "## Metrics",
        "\n".join(f"- **{escaped(evidence.head(one))}.** {escaped(one.meaning)}" for one in evidence.charted),
        "## Evaluation data",
        f"{escaped(facts.data)}, its {escaped(facts.part)} part: {evidence.report.n} rows that the version was not "
        f"fitted on, held under `{facts.data_digest}`.",
        "## Quantitative analyses",
        "### Everyone",
        _markdown(overall_table(evidence)),
    ]
    for metric in evidence.charted:
        parts += [f"### By segment: {escaped(evidence.head(metric))}", _markdown(segment_table(evidence, metric))]
    found = [gaps_table(evidence), fairness_table(evidence), flips_table(evidence), behaviour_table(evidence)]
    for table in tables_held([*found, combination_table(evidence)]):
        parts += [f"### {escaped(table.title)}", _markdown(table)]
    gates = gates_table(evidence)
    if gates is not None:
        parts += [f"### {escaped(gates.title)}", _markdown(gates)]
    parts += ["## Caveats and known limits", _limits(evidence)]
    for table in tables_held([slices_table(evidence), hidden_table(evidence)]):
        parts += [f"### {escaped(table.title)}", _markdown(cut(table, MOST_LINES, "are in the HTML report."))]
    parts += ["## How this was measured", "\n".join(f"- {escaped(one)}" for one in methods_of(evidence))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(evidence: Evidence) -> dict[str, Any]:
    """What Hugging Face's hub reads: one result with every metric of everyone that has a number."""
    facts = evidence.facts
    code, words = _TASKS[evidence.report.task]
    metrics = [
        {"type": _TYPES.get(metric.name, metric.name), "name": evidence.label(metric), "value": one.value}
        for metric in evidence.metrics
        if (one := evidence.report.overall.metrics[metric.name]).value is not None
    ]
    result = {
        "task": {"type": code, "name": words},
        "dataset": {"type": "private", "name": facts.data, "split": facts.part, "revision": facts.data_digest},
        "metrics": metrics,
        "source": {"name": f"Fairway, {title_of(evidence)}"},
    }
    return {"model-index": [{"name": facts.model, "results": [result]}], "date": facts.completed_at[:10]}


def celled(text: str) -> str:
    """A text within a line: nothing of it is markup, a link or a new line."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))


def escaped(text: str) -> str:
    """A text that begins a line: nor is it the beginning of a list or a heading."""
    return _FIRST.sub(lambda m: f"{m[1] or ''}\\{m[2] or m[4]}", celled(text))


def _pairs(evidence: Evidence) -> str:
    lines = [f"| {label} | {celled(text)} |" for label, text in facts_of(evidence)]
    return "\n".join(["| | |", "|---|---|", *lines])


def _factors(evidence: Evidence) -> str:
    lines = []
    for one in evidence.report.dimensions:
        kind = "protected" if one.protected else "watched"
        note = evidence.notes_of(one.name)
        levels = f"could not be evaluated: {one.error}" if one.error else ", ".join(one.levels)
        lines.append(f"- **{escaped(one.name)}** ({kind}): {escaped(levels)}." + (f" {escaped(note)}" if note else ""))
    return "\n".join(lines) or "No segments are defined, so nothing is said of groups."


def _markdown(table: Table) -> str:
    head = "| " + " | ".join(celled(column.name) for column in table.columns) + " |"
    rule = "|" + "|".join("---:" if column.number else "---" for column in table.columns) + "|"
    lines = ["| " + " | ".join(celled(cell) for cell in line.cells) + " |" for line in table.lines]
    notes = "\n".join(f"\n{escaped(note)}" for note in table.notes)
    return "\n".join([head, rule, *lines]) + notes


def _limits(evidence: Evidence) -> str:
    """What a reader has to know before relying on the numbers, as a list."""
    report, facts = evidence.report, evidence.facts
    lines = [f"- These are numbers of {moment_text(facts.completed_at)} on {report.n} rows; live data may differ."]
    if facts.baseline:
        worse = list(
            dict.fromkeys(
                row.label
                for metric in evidence.charted
                for row in evidence.rows(metric)
                if row.state == "ok" and row.difference is not None and row.difference.verdict == WORSE
            )
        )
        named = f": {', '.join(worse)}" if worse else ""
        lines.append(f"- Groups that are proven worse off than under {facts.baseline}: {len(worse)}{named}.")
    hidden = sum(group.suppressed is not None for group in report.groups)
    thin = sum(group.thin is not None for group in report.groups)
    lines.append(f"- {hidden} groups are hidden and {thin} have too few rows to be judged.")
    lines += [f"- {said}" for said in (facts.slices, facts.flips, facts.fairness, facts.behaviour) if said]
    return "\n".join(f"- {escaped(line[2:])}" for line in lines)
