"""What stands at the top of every readable export, and how its numbers were made."""

from datetime import datetime
from typing import Any

from analysis.contracts.wording import number_text
from workers.exporting.evidence import Evidence


def title_of(evidence: Evidence) -> str:
    """ "Evaluation 3: version 4 against version 2"."""
    facts = evidence.facts
    against = f" against {facts.baseline}" if facts.baseline else ""
    return f"Evaluation {facts.number}: {facts.candidate}{against}"


def moment_text(iso: str) -> str:
    """ "30 November 2026, 05:12 UTC"."""
    at = datetime.fromisoformat(iso)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def facts_of(evidence: Evidence) -> list[tuple[str, str]]:
    """Names and numbers that say what was judged, on what, by whom and when."""
    facts, report = evidence.facts, evidence.report
    rows = [
        ("Problem", f"{facts.problem}, version {facts.problem_version}"),
        ("Team", facts.team),
        ("Version", f"{facts.model}, {facts.recipe}" if facts.recipe else facts.model),
        ("Compared with", facts.against or "nothing: there was no other version"),
        ("Data", f"{facts.data}, its {facts.part} part"),
        ("Rows", number_text(report.n, 0)),
        *_moved(evidence),
        ("Target", f"{facts.target}, positive: {report.positive_label}" if report.positive_label else facts.target),
        ("Threshold", _threshold(evidence)),
        ("Costs of errors", costs_text(report.costs, facts.currency)),
        ("Completed", moment_text(facts.completed_at)),
        ("Launched by", facts.launched_by),
        ("Model files", facts.model_digest),
        ("Data digest", facts.data_digest),
        ("Row digest", report.row_digest),
        ("Report digest", facts.report_digest),
        ("Findings digest", facts.findings_digest),
    ]
    return [(label, text) for label, text in rows if text]


def _moved(evidence: Evidence) -> list[tuple[str, str]]:
    """Rows whose answer became wrong, and right; nothing without counts."""
    paired = evidence.report.overall.paired
    if paired is None or paired.only_baseline_right is None or paired.only_candidate_right is None:
        return []
    return [
        ("Right before, wrong now", number_text(paired.only_baseline_right, 0)),
        ("Wrong before, right now", number_text(paired.only_candidate_right, 0)),
    ]


def _threshold(evidence: Evidence) -> str:
    report = evidence.report
    if report.threshold is None:
        return ""
    text = number_text(report.threshold, 3)
    if report.baseline_threshold is not None:
        text += f"; {evidence.facts.baseline} {number_text(report.baseline_threshold, 3)}"
    return text


def costs_text(costs: dict[str, Any] | None, currency: str) -> str:
    """What errors cost, in words; empty when it is not stated."""
    if not costs:
        return ""
    names = {"false_positive": "a false positive", "false_negative": "a false negative", "per_error": "a wrong answer"}
    names["per_unit"] = "each unit of distance"
    parts = []
    for key, name in names.items():
        if costs.get(key) is not None:
            amount = float(costs[key])
            text = number_text(amount, 0 if amount.is_integer() else 2)
            parts.append(f"{name} {currency} {text}" if currency else f"{name} {text}")
    if costs.get("matrix"):
        parts.append("other amounts for some mistakes")
    return ", ".join(parts)


def methods_of(evidence: Evidence) -> list[str]:
    """How intervals and findings came about, in sentences."""
    report = evidence.report
    sentences = [f"Intervals are at {100 * report.level:g} %."]
    for metric in evidence.charted:
        own = report.overall.metrics[metric.name]
        change = report.overall.paired.differences.get(metric.name) if report.overall.paired is not None else None
        used = [f"the value by {own.method}" if own.method else "", ""]
        used[1] = f"the change by {change.method}" if change is not None and change.method else ""
        if any(used):
            sentences.append(f"{evidence.label(metric)}: {', '.join(one for one in used if one)}.")
    if report.has_baseline:
        sentences.append(
            "Both versions were judged on the same rows. “Worse” and “better” stand after correction for "
            f"{number_text(report.findings, 0)} tests; “no difference” means that the interval lies within the stated "
            "margin, “not proven” that it does not."
        )
    sentences += [note if note.endswith(".") else f"{note}." for note in report.notes]
    sentences += [f"{name}: {note}" for name, note in evidence.facts.legal_notes.items()]
    return sentences
