"""Reading evaluations."""

from __future__ import annotations

import contextlib
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from analysis.contracts.findings import Findings
from analysis.contracts.report import Report
from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.evaluations.models import Evaluation
from apps.problems import selectors as problems

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

_RELATED = (
    "problem",
    "problem_version",
    "model_version__model",
    "model_version__run",
    "baseline_version__model",
    "dataset_version__dataset",
    "job",
    "team",
)
# What no page or judgement of an evaluation as a whole reads.
_LARGE = (
    *("report", "findings", "job__spec", "job__files", "dataset_version__profile", "dataset_version__schema"),
    *(f"{version}__{name}" for version in ("model_version", "baseline_version") for name in ("manifest", "importance")),
    *(f"model_version__run__{name}" for name in ("environment", "notes", "params", "tags", "metrics_latest")),
)


def evaluation_get(actor: Actor, pk: uuid.UUID) -> Evaluation:
    """Without what is large: report, the job's specification, the data's profile. Raises NotFound."""
    rows = Evaluation.objects.visible_to(actor).select_related(*_RELATED).defer(*_LARGE)
    found: Evaluation | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such evaluation, or you may not see it.")
    return found


def evaluation_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    model_version_id: uuid.UUID | None = None,
    archived: bool = False,
) -> QuerySet[Evaluation]:
    """Without the reports, which are large."""
    rows = (
        Evaluation.objects.visible_to(actor)
        .select_related("problem", "model_version__model", "baseline_version__model", "dataset_version__dataset")
        .filter(archived_at__isnull=not archived)
        .defer("report", "findings")
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    if model_version_id:
        rows = rows.filter(model_version_id=model_version_id)
    return rows


_REPORTS: OrderedDict[str, Report] = OrderedDict()
_REPORTS_KEPT = 8


def report_of(evaluation: Evaluation) -> Report:
    """The stored report. Raises Conflict while there is none.

    A report of sixty groups is half a megabyte of JSON and never changes, so the last few are kept by their digest.
    """
    digest = evaluation.report_digest
    kept = _REPORTS.get(digest) if digest else None
    if kept is not None:
        return kept
    if evaluation.report is None:
        raise Conflict(f"The evaluation is {evaluation.get_state_display()}; it has no report.", code="no_report")
    report = Report.from_json(evaluation.report)
    if digest:
        _REPORTS[digest] = report
        while len(_REPORTS) > _REPORTS_KEPT:
            _REPORTS.popitem(last=False)
    return report


_FINDINGS: OrderedDict[str, Findings] = OrderedDict()


def findings_of(evaluation: Evaluation) -> Findings | None:
    """What was found beyond the report; None for an evaluation that was made before there were findings.

    Kept by their digest like reports. Raises Conflict while the evaluation is not complete.
    """
    if evaluation.state != Evaluation.State.COMPLETE:
        raise Conflict(f"The evaluation is {evaluation.get_state_display()}; it has no findings.", code="no_findings")
    digest = evaluation.findings_digest
    if not digest:
        return None
    kept = _FINDINGS.get(digest)
    if kept is None:
        kept = _FINDINGS[digest] = Findings.from_json(evaluation.findings or {})
        while len(_FINDINGS) > _REPORTS_KEPT:
            _FINDINGS.popitem(last=False)
    return kept


def behaviour_unasked(evaluation: Evaluation) -> list[str]:
    """Names of the problem's behaviour tests that were written or changed since the evaluation was asked for."""
    return problems.behaviour_unasked(evaluation.problem_id, evaluation.behaviour_versions.values("pk"))


def latest_for(version: ModelVersion) -> Evaluation | None:
    """The newest complete evaluation of a version, which it shares with the caller."""
    rows = Evaluation.objects.filter(model_version=version, state="COMPLETE", archived_at__isnull=True)
    others = [name for name in _RELATED if not name.startswith("model_version")]
    large = [name for name in _LARGE if not name.startswith("model_version")]
    found = rows.select_related(*others).defer(*large).order_by("-completed_at", "-id").first()
    if found is not None:
        found.model_version = version
    return found


def latest_id_for(version: ModelVersion) -> uuid.UUID | None:
    """Which evaluation `latest_for` gives, without loading it."""
    return (
        Evaluation.objects.filter(model_version=version, state="COMPLETE", archived_at__isnull=True)
        .order_by("-completed_at", "-id")
        .values_list("pk", flat=True)
        .first()
    )


def newest_of_problem(actor: Actor, problem_id: uuid.UUID) -> QuerySet[Evaluation]:
    """The evaluations of a problem's models that are not archived, newest first: number, state and the version's
    number. Predictions made elsewhere are on no way to being live.
    """
    rows = evaluation_list(actor, problem_id=problem_id).filter(model_version__brought_on__isnull=True)
    rows = rows.select_related(None).select_related("model_version")
    return rows.only("number", "state", "model_version__number").order_by("-id")


def evaluation_search(actor: Actor, text: str, limit: int) -> QuerySet[Evaluation]:
    """By number ("3", "evaluation 3"), by the model's or the problem's name, or by id."""
    words = text.strip()
    wanted = Q(model_version__model__name__icontains=words) | Q(problem__name__icontains=words)
    number = words.lower().removeprefix("evaluation").strip().lstrip("#")
    if number.isdigit() and len(number) < 10:
        wanted |= Q(number=int(number))
    with contextlib.suppress(ValueError):
        wanted |= Q(pk=uuid.UUID(words))
    rows = evaluation_list(actor).filter(wanted).select_related(None).select_related("model_version__model")
    told = rows.only("number", "headline", "state", "model_version__number", "model_version__model__name")
    return told.order_by("-id")[:limit]


def unrequested_list(actor: Actor, team_id: uuid.UUID | None = None) -> QuerySet[Evaluation]:
    """Complete evaluations of models that this person launched, newest first; rooms above know which were asked for."""
    return (
        evaluation_list(actor, team_id=team_id)
        .filter(created_by_id=actor.person_id, state=Evaluation.State.COMPLETE)
        .filter(model_version__state="SEALED", model_version__brought_on__isnull=True)
        .order_by("-completed_at", "-id")
    )
