"""Keeping what the child of an evaluation found, and how it ended otherwise."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.utils import timezone

from analysis.contracts.findings import FLIP_ROWS, Findings, FindingsError
from analysis.contracts.report import Report, ReportError
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.evaluations.contracts import evaluation_finished
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors import verdict_of
from apps.experiments import services as experiments
from apps.lineage.services import edge_add


def report_digest(report: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a report, or of findings."""
    return hashlib.sha256(json.dumps(report, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def evaluation_finish(job: Any, result: dict[str, Any], outputs: dict[str, Any]) -> Evaluation:
    """Called in the transaction that ends the job: check the child's report, seal it, tell the rooms above.

    Raises Conflict for a missing or malformed report; the job then ends failed with that sentence.
    """
    evaluation: Evaluation = (
        Evaluation.objects.select_for_update(of=("self",))
        .select_related("problem", "problem_version", "model_version__model", "baseline_version__model")
        .get(job_id=job.pk)
    )
    if evaluation.state != Evaluation.State.RUNNING:
        return evaluation
    body = result.get("report")
    if not isinstance(body, dict):
        raise Conflict("The job ended without a report.", code="no_report")
    try:
        report = Report.from_json(body)
    except ReportError as error:
        raise Conflict(f"The report is not one: {error}", code="bad_report") from error
    if report.task != evaluation.problem_version.task:
        raise Conflict("The report is of another task than the problem.", code="bad_report")
    findings = _findings_read(result)
    _members_check(evaluation, report, findings)
    evaluation.report = report.to_json()
    evaluation.report_digest = report_digest(evaluation.report)
    if findings is not None:
        evaluation.findings = findings.to_json()
        evaluation.findings_digest = report_digest(evaluation.findings)
        evaluation.flips_sha256 = (outputs.get(FLIP_ROWS) or {}).get("sha256", "")
    evaluation.row_count = report.n
    evaluation.row_digest = report.row_digest
    evaluation.threshold = report.threshold
    evaluation.statistics_sha256 = (outputs.get("statistics.npz") or {}).get("sha256", "")
    evaluation.predictions_sha256 = (outputs.get("predictions.parquet") or {}).get("sha256", "")
    verdict = verdict_of(evaluation, report)
    evaluation.headline, evaluation.tone = verdict.sentence, verdict.tone
    evaluation.state = Evaluation.State.COMPLETE
    evaluation.completed_at = timezone.now()
    evaluation.save()
    team_id = evaluation.team_id
    edge_add(subject=evaluation, relation="USED", thing=evaluation.model_version, team_id=team_id)
    edge_add(subject=evaluation, relation="USED", thing=evaluation.dataset_version, team_id=team_id)
    if evaluation.baseline_version is not None:
        edge_add(subject=evaluation, relation="USED", thing=evaluation.baseline_version, team_id=team_id)
    for member in evaluation.member_versions.select_related("model"):
        edge_add(subject=evaluation, relation="USED", thing=member, team_id=team_id)
    if evaluation.model_version.run_id:
        experiments.run_seal(run_id=evaluation.model_version.run_id)
    audit_record(
        actor=Actor.system("evaluation"),
        action="evaluation.complete",
        thing=evaluation,
        problem_id=evaluation.problem_id,
        after={
            "report_digest": evaluation.report_digest,
            "findings_digest": evaluation.findings_digest,
            "rows": report.n,
            "row_digest": report.row_digest,
        },
    )
    evaluation_finished(evaluation)
    return evaluation


def _findings_read(result: dict[str, Any]) -> Findings | None:
    """The document beside the report; None when the child sent none. Raises Conflict for one that is malformed."""
    body = result.get("findings")
    if body is None:
        return None
    try:
        return Findings.from_json(body)
    except FindingsError as error:
        raise Conflict(f"The findings are not ones: {error}", code="bad_findings") from error


def _members_check(evaluation: Evaluation, report: Report, findings: Findings | None) -> None:
    """What is combined is what was asked, on the rows of the report. Raises Conflict."""
    found = findings.combination if findings is not None else None
    if found is None:
        return
    asked = {str(evaluation.model_version_id), *map(str, evaluation.member_versions.values_list("pk", flat=True))}
    if {one.id for one in found.members} != asked:
        raise Conflict("The combination is of other versions than were asked for.", code="bad_findings")
    if found.row_digest != report.row_digest:
        raise Conflict("The members answered other rows than those of the report.", code="bad_findings")


def evaluation_fail(job: Any, cause: str) -> None:
    """Called when the job ends in any other way."""
    evaluation = Evaluation.objects.select_for_update(of=("self",)).filter(job_id=job.pk).first()
    if evaluation is None or evaluation.state != Evaluation.State.RUNNING:
        return
    evaluation.state = Evaluation.State.FAILED
    evaluation.cause = cause
    evaluation.completed_at = timezone.now()
    evaluation.save()
    audit_record(
        actor=Actor.system("evaluation"),
        action="evaluation.fail",
        thing=evaluation,
        problem_id=evaluation.problem_id,
        reason=cause[:2000],
    )
