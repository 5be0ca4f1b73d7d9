"""Evaluating a model version on held-out rows, and keeping what the child found."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from analysis.contracts.findings import FLIP_ROWS, Findings, FindingsError
from analysis.contracts.report import Report, ReportError
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.evaluations import policies
from apps.evaluations.contracts import evaluation_finished
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors import criteria_limits_of, margins_of, verdict_of
from apps.evaluations.selectors.reading import TRIVIAL_RECIPES
from apps.experiments import services as experiments
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from apps.problems import selectors as problems
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.jobs.models import Job
    from apps.problems.models import BehaviourVersion, Problem, ProblemVersion
    from apps.registry.models import ModelVersion

BASELINE_RECIPES = TRIVIAL_RECIPES


def report_digest(report: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a report, or of findings."""
    return hashlib.sha256(json.dumps(report, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _usable(version: ModelVersion, field: str) -> None:
    if version.state != "SEALED":
        raise Conflict(
            f"{version} is {version.get_state_display()}"
            + (f": {version.quarantine_reason}" if version.quarantine_reason else "")
            + ". Only a sealed version is loaded.",
            code=f"{field}_not_sealed",
        )
    gap = registry.signature_missing(version)
    if gap:
        raise Conflict(f"{version} cannot be evaluated. {gap}", code=f"{field}_without_signature")


def baseline_for(actor: Actor, version: ModelVersion, live: ModelVersion | None) -> ModelVersion | None:
    """What a candidate is compared with: the `live` version, else the newest trivial baseline, else nothing."""
    if live is not None and live.pk != version.pk:
        return live
    return (
        registry.version_list(actor, model_id=version.model_id)
        .filter(state="SEALED", recipe__in=BASELINE_RECIPES)
        .exclude(pk=version.pk)
        .order_by("-number")
        .first()
    )


def evaluation_launch(
    *,
    actor: Actor,
    model_version_id: uuid.UUID,
    dataset_version_id: uuid.UUID | None = None,
    baseline_version_id: uuid.UUID | None = None,
) -> Evaluation:
    """Queue an evaluation on the held-out rows, against a baseline on the same rows.

    Left out, the data are those that the version was trained on (its test part) and the baseline is the live
    version, else the problem's trivial baseline. Raises NotFound, Forbidden, Invalid, Conflict.
    """
    asked = _question(actor, model_version_id, dataset_version_id, baseline_version_id)
    version, problem = asked.version, asked.problem
    with transaction.atomic():
        job = jobs.job_queue(
            actor=actor,
            team_id=version.team_id,
            kind="evaluate",
            title=asked.title,
            spec=asked.spec,
            files=asked.files,
            problem_id=problem.pk,
            subject=version,
        )
        evaluation = _evaluation_make(actor, asked, job)
        audit_record(
            actor=actor,
            action="evaluation.launch",
            thing=evaluation,
            problem_id=problem.pk,
            after={
                "version": version.number,
                "baseline": asked.baseline.number if asked.baseline else None,
                "dataset": str(asked.data),
                "job": job.number,
            },
        )
    return evaluation


@dataclass(frozen=True, slots=True)
class _Question:
    """What an evaluation asks, as everything stands at this moment, and the job that finds out."""

    version: ModelVersion
    baseline: ModelVersion | None
    problem: Problem
    agreed: ProblemVersion
    data: DatasetVersion
    tests: list[BehaviourVersion]
    title: str
    spec: dict[str, Any]
    files: list[dict[str, Any]]


def _question(
    actor: Actor,
    model_version_id: uuid.UUID,
    dataset_version_id: uuid.UUID | None,
    baseline_version_id: uuid.UUID | None,
) -> _Question:
    """Check that the evaluation can be made now, and say what it takes. Raises as `evaluation_launch`."""
    version = registry.model_version_get(actor, model_version_id)
    require(
        policies.evaluation_launch(actor, version.team_id),
        "Launching an evaluation takes a data scientist's or operator's role in the team.",
    )
    _usable(version, "version")
    problem = version.model.problem
    if problem is None:
        raise Conflict("The model belongs to no problem yet: attach it to one first.", code="no_problem")
    agreed = problems.version_current(problem)
    if agreed is None:
        raise Conflict("The problem is not accepted yet, so nothing says what to measure.", code="problem_not_accepted")
    data = _dataset(actor, version, dataset_version_id)
    if baseline_version_id is not None:
        baseline: ModelVersion | None = registry.model_version_get(actor, baseline_version_id)
    else:
        baseline = baseline_for(actor, version, registry.live_version_of(version.model))
    if baseline is not None:
        if baseline.pk == version.pk:
            raise Invalid.field("baseline_version_id", "A version is not compared with itself.")
        if baseline.team_id != version.team_id or baseline.task != version.task:
            raise Invalid.field("baseline_version_id", "The baseline answers another question.")
        _usable(baseline, "baseline")
    facts = datasets.training_facts(data)
    if facts["target"] != agreed.target:
        raise Conflict(f"The data has no column “{agreed.target}” in the role of the target.", code="target_missing")
    specs, objectives = problems.segment_specs(agreed), list(problems.objective_list(agreed))
    tests, training = problems.behaviour_in_force(problem.pk), _training(actor, version, agreed)
    candidate_ref = registry.model_ref(version)
    baseline_ref = registry.model_ref(baseline) if baseline else None
    files = [{**facts["table"], "name": "table.parquet"}]
    files += [{**training["table"], "name": "training.parquet"}] if training else []
    for ref in filter(None, (candidate_ref, baseline_ref)):
        files += [{"sha256": row["sha256"], "size": row["size"], "name": row["path"]} for row in ref["files"]]
    against = f" against {baseline.model.name} {baseline.number}" if baseline else ""
    spec = {
        **{key: facts[key] for key in ("target", "features", "id_column", "table", "split")},
        "part": "test",
        "candidate": candidate_ref,
        "baseline": baseline_ref,
        "task": agreed.task,
        "positive_label": agreed.positive_label or None,
        "segments": [segment.to_json() for segment in specs],
        "costs": problems.costs_of(agreed),
        "least_support": agreed.least_support or None,
        "margins": margins_of(objectives),
        "criteria_limits": criteria_limits_of(objectives),
        "behaviour": problems.behaviour_asked(tests),
        "training": training,
        # A baseline that a person chose is kept by a retry; one that was found is looked for again.
        "baseline_chosen": baseline_version_id is not None,
    }
    return _Question(
        version=version,
        baseline=baseline,
        problem=problem,
        agreed=agreed,
        data=data,
        tests=tests,
        title=f"evaluate {version.model.name} {version.number}{against}",
        spec=spec,
        files=list({file["sha256"]: file for file in files}.values()),
    )


def _evaluation_make(actor: Actor, asked: _Question, job: Job) -> Evaluation:
    """The numbered evaluation that waits for the job."""
    dataset_services.version_cite(actor=actor, version_id=asked.data.pk)
    evaluation: Evaluation = Evaluation.objects.create(
        team_id=asked.version.team_id,
        number=number_next(asked.problem, Evaluation.objects.filter(problem=asked.problem)),
        problem=asked.problem,
        problem_version=asked.agreed,
        model_version=asked.version,
        baseline_version=asked.baseline,
        dataset_version=asked.data,
        job=job,
        threshold=asked.version.threshold,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    evaluation.segment_versions.set(problems.segments_of(asked.agreed))
    evaluation.behaviour_versions.set(asked.tests)
    return evaluation


def _trained_on(version: ModelVersion) -> uuid.UUID | None:
    """Which dataset version a model version says it was trained on."""
    used = version.run.inputs.filter(dataset_version__isnull=False).first() if version.run else None
    return used.dataset_version_id if used is not None else None


def _training(actor: Actor, version: ModelVersion, agreed: ProblemVersion) -> dict[str, Any] | None:
    """Table and split of the rows that the version was trained on; None where that is not known any more."""
    used = _trained_on(version)
    if used is None:
        return None
    try:
        facts = datasets.training_facts(datasets.dataset_version_get(actor, used))
    except (NotFound, Conflict):
        return None
    known = facts["split"] and facts["target"] == agreed.target
    return {"table": facts["table"], "split": facts["split"]} if known else None


def _dataset(actor: Actor, version: ModelVersion, dataset_version_id: uuid.UUID | None) -> Any:
    if dataset_version_id is not None:
        data = datasets.dataset_version_get(actor, dataset_version_id)
        if data.team_id != version.team_id:
            raise NotFound("There is no such dataset version in this team.")
        return data
    used = _trained_on(version)
    if used is None:
        raise Invalid.field(
            "dataset_version_id", "Say on which data: the version does not tell what it was trained on."
        )
    return datasets.dataset_version_get(actor, used)


def evaluation_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried job asks the question as it stands now, for an evaluation of its own: the failed one stays as it is.

    Version and data are those of the failed evaluation, and a baseline that was chosen; problem version, segments,
    costs, threshold and a baseline that was not chosen are those of this moment. Raises as `evaluation_launch` when the
    version cannot be evaluated any more.
    """
    failed = Evaluation.objects.select_related("problem").filter(job_id=old.pk).first()
    if failed is None:
        return
    chosen = failed.baseline_version_id if old.spec.get("baseline_chosen") else None
    asked = _question(actor, failed.model_version_id, failed.dataset_version_id, chosen)
    new.title, new.spec, new.files = asked.title, asked.spec, asked.files
    again = _evaluation_make(actor, asked, new)
    audit_record(
        actor=actor,
        action="evaluation.retry",
        thing=again,
        problem_id=again.problem_id,
        before={"problem_version": str(failed.problem_version_id), "baseline": _text(failed.baseline_version_id)},
        after={
            "version": asked.version.number,
            "retry_of": failed.number,
            "job": new.number,
            "problem_version": str(again.problem_version_id),
            "baseline": _text(again.baseline_version_id),
        },
    )


def _text(pk: uuid.UUID | None) -> str | None:
    return str(pk) if pk else None


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


def evaluation_archive(*, actor: Actor, evaluation_id: uuid.UUID, archived: bool = True) -> Evaluation:
    """Take an evaluation out of the lists, or put it back."""
    with transaction.atomic():
        evaluation: Evaluation | None = (
            Evaluation.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=evaluation_id).first()
        )
        if evaluation is None:
            raise NotFound("There is no such evaluation, or you may not see it.")
        require(
            policies.evaluation_launch(actor, evaluation.team_id),
            "Archiving an evaluation takes a data scientist's or operator's role in the team.",
        )
        if (evaluation.archived_at is not None) != archived:
            evaluation.archived_at = timezone.now() if archived else None
            evaluation.save(update_fields=["archived_at"])
            verb = "evaluation.archive" if archived else "evaluation.restore"
            audit_record(actor=actor, action=verb, thing=evaluation, problem_id=evaluation.problem_id)
    return evaluation
