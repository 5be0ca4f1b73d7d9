"""Queueing evaluations, asking a failed one again, taking one out of the lists."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.numbers import number_next
from apps.core.policies import require
from apps.datasets import services as dataset_services
from apps.evaluations import policies
from apps.evaluations.models import Evaluation
from apps.evaluations.services.asking import Question, question_make
from apps.evaluations.services.extras import Extras
from apps.evaluations.services.members import Company
from apps.evaluations.services.row_columns import RowColumns
from apps.jobs import services as jobs
from apps.problems import selectors as problems

if TYPE_CHECKING:
    from apps.jobs.models import Job


def evaluation_launch(
    *,
    actor: Actor,
    model_version_id: uuid.UUID,
    dataset_version_id: uuid.UUID | None = None,
    baseline_version_id: uuid.UUID | None = None,
    part: str | None = None,
    extras: Extras | None = None,
    company: Company | None = None,
    row_columns: RowColumns | None = None,
    priority: str = "normal",
    target_id: uuid.UUID | None = None,
) -> Evaluation:
    """Queue an evaluation on the held-out rows, against a baseline on the same rows.

    Left out, the data are those that the version was trained on (its test part) and the baseline is the live
    version, else the problem's trivial baseline. What was brought as predictions is judged on the rows that it answers:
    `part` says whether on "all" of them (left out too) or on the "test" part. `extras` are what is measured beyond the
    usual; `company` are further versions that answer the same rows, alone and together;
    `row_columns` say how much a row counts and, of a ranking, which rows belong together. It runs on the compute target
    that is asked for, else on this machine.
    Raises NotFound, Forbidden, Invalid, Conflict (also for a compute target that takes no job now).
    """
    asked = question_make(
        actor, model_version_id, dataset_version_id, baseline_version_id, part, extras, company, row_columns
    )
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
            priority=priority,
            target_id=target_id,
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
                **(extras or Extras()).spec(),
                **{name: asked.spec[name] for name in ("weight", "query") if name in asked.spec},
                **({"members": [str(one) for one in asked.members]} if asked.members else {}),
            },
        )
    return evaluation


def _evaluation_make(actor: Actor, asked: Question, job: Job) -> Evaluation:
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
    evaluation.member_versions.set(asked.members)
    return evaluation


def evaluation_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried job asks the question as it stands now, for an evaluation of its own: the failed one stays as it is.

    Version, rows and data are those of the failed evaluation, and a baseline that was chosen; problem version,
    segments, costs, threshold and a baseline that was not chosen are those of this moment. Raises as
    `evaluation_launch` when the version cannot be evaluated any more.
    """
    failed = Evaluation.objects.select_related("problem").filter(job_id=old.pk).first()
    if failed is None:
        return
    chosen = failed.baseline_version_id if old.spec.get("baseline_chosen") else None
    agreed = problems.version_current(failed.problem)
    names = [segment.name for segment in problems.segment_specs(agreed)] if agreed is not None else []
    asked = question_make(
        actor,
        failed.model_version_id,
        failed.dataset_version_id,
        chosen,
        old.spec.get("part"),
        Extras.of(old.spec).fitting(names),
        Company.of_spec(old.spec),
        RowColumns.of_spec(old.spec),
    )
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
