"""What a running evaluation knows so far. It is no evidence: nothing is judged, approved or exported on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analysis.contracts.report import Report, ReportError
from apps.evaluations.models import Evaluation
from apps.jobs import selectors as jobs


@dataclass(frozen=True, slots=True)
class Preliminary:
    """The numbers of everyone and of single segments, and how far the job had come."""

    stage: str
    report: Report

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"stage": self.stage, "report": self.report.to_json()}


def preliminary_of(evaluation: Evaluation) -> Preliminary | None:
    """Of the attempt that goes on; None before it knows anything, and once the evaluation has ended."""
    if evaluation.state != Evaluation.State.RUNNING:
        return None
    told = (jobs.attempt_result(evaluation.job_id) or {}).get("preliminary")
    if not isinstance(told, dict) or not isinstance(told.get("report"), dict):
        return None
    try:
        report = Report.from_json(told["report"])
    except ReportError:
        return None
    if report.task != evaluation.problem_version.task:
        return None
    return Preliminary(str(told.get("stage", ""))[:300], report)
