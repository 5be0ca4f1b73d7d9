"""What an export says beside report and findings, in the words of the pages."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from apps.evaluations.contracts import gate_lines
from apps.evaluations.contracts.behaved import behaviour_verdict
from apps.evaluations.contracts.found import fairness_verdict, flips_verdict, slices_verdict
from apps.evaluations.contracts.together import together_verdict
from apps.evaluations.selectors.evaluations import findings_of, report_of
from apps.evaluations.selectors.reading import speech_of, verdict_of
from workers.contracts.exports import Facts

if TYPE_CHECKING:
    from analysis.contracts.findings import Findings
    from apps.evaluations.contracts import Speech, Verdict
    from apps.evaluations.models import Evaluation


def export_facts(evaluation: Evaluation) -> Facts:
    """Names and sentences of a complete evaluation. Raises Conflict while there is no report.

    No version is called live: a file outlives what is live today.
    """
    report, findings = report_of(evaluation), findings_of(evaluation)
    speech = speech_of(evaluation, report, live=None)
    verdict = verdict_of(evaluation, report, speech=speech)
    version, baseline, data = evaluation.model_version, evaluation.baseline_version, evaluation.dataset_version
    completed = evaluation.completed_at or evaluation.created_at
    flips = findings.flips if findings is not None else None
    slices = findings.slices if findings is not None else None
    fairness = findings.fairness if findings is not None else None
    behaviour = findings.behaviour if findings is not None else None
    return Facts(
        evaluation_id=str(evaluation.pk),
        number=evaluation.number,
        problem=str(evaluation.problem),
        problem_version=evaluation.problem_version.number,
        model=str(version),
        model_version_id=str(version.pk),
        model_digest=version.content_digest,
        recipe=version.recipe,
        against=str(baseline) if baseline is not None else "",
        data=str(data),
        data_digest=data.content_digest,
        part="test",
        target=evaluation.problem_version.target,
        candidate=speech.candidate,
        baseline=speech.baseline,
        positive_word=speech.positive_word,
        negative_word=speech.negative_word,
        noun=speech.noun,
        units=speech.units,
        currency=speech.currency,
        words=speech.words.to_json(),
        headline=verdict.sentence,
        more=verdict.more,
        tone=verdict.tone,
        metric=verdict.metric,
        flips=_said(flips_verdict(flips, speech)) if flips is not None else "",
        slices=_said(slices_verdict(slices, speech)) if slices is not None else "",
        fairness=_said(fairness_verdict(fairness)) if fairness is not None else "",
        behaviour=_said(behaviour_verdict(behaviour, speech)) if behaviour is not None and behaviour.tests else "",
        combination=_together(findings, speech),
        team=evaluation.team.name,
        launched_by=evaluation.created_by_label,
        completed_at=completed.astimezone(UTC).isoformat(timespec="seconds"),
        report_digest=evaluation.report_digest,
        findings_digest=evaluation.findings_digest,
        gates=gate_lines(evaluation),
        legal_notes={
            one.segment.name: one.legal_note
            for one in evaluation.segment_versions.select_related("segment").order_by("segment__name")
            if one.legal_note
        },
    )


def _together(findings: Findings | None, speech: Speech) -> str:
    found = findings.combination if findings is not None else None
    if found is None or not found.groups[0].results:
        return ""
    first = found.groups[0].results[0]
    names = [one.name for one in found.members]
    return _said(together_verdict(found, first.rule, first.metric, names, speech))


def _said(verdict: Verdict) -> str:
    return f"{verdict.sentence} {verdict.more}".strip()
