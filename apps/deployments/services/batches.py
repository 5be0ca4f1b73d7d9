"""Scoring a table with the version that answers: by the same approval, and judged again when it begins and ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_hold, blob_open
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next, parent_lock
from apps.core.policies import require, who_can
from apps.core.topics import nudge
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.deployments import policies, selectors
from apps.deployments.models import BatchScore, Deployment, Rollout
from apps.deployments.services.predictions import batch_log
from apps.deployments.services.routes import route_version
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from apps.registry import selectors as registry
from apps.reviews import selectors as reviews
from workers.contracts.scoring import CSV, PARQUET, ScoreError, ScoreResult, columns_fault
from workers.contracts.signature import Signature, SignatureError

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.jobs.models import Job

KIND = "score"
_BEGINS = b"PAR1"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a batch score takes, as everything stands at this moment."""

    rollout: Rollout
    data: DatasetVersion
    title: str
    spec: dict[str, Any]
    files: list[dict[str, Any]]


def batch_score_launch(
    *,
    actor: Actor,
    deployment_id: uuid.UUID,
    dataset_version_id: uuid.UUID,
    model_version_id: uuid.UUID | None = None,
    priority: str = "normal",
    target_id: uuid.UUID | None = None,
    idempotency_key: str = "",
) -> BatchScore:
    """Queue a job that scores a table of the team with the version that the deployment answers with now.

    `model_version_id` says which version is expected to answer: another one is refused. The same `idempotency_key`
    again is the same batch score. Raises NotFound, Forbidden, Invalid at the field (also for a table that the model
    cannot read), and Conflict when nothing answers, or not by a standing approval.
    """
    deployment = selectors.deployment_get(actor, deployment_id)
    require(
        policies.batch_score(actor, deployment),
        f"Scoring a table takes the right “job.run” in the team: {who_can('job.run')} has it.",
    )
    if len(idempotency_key) > 200:
        raise Invalid.field("idempotency_key", "At most 200 characters.")
    with transaction.atomic():
        rollout = _answering(actor, deployment, model_version_id)
        asked = _asked(actor, deployment, rollout, dataset_version_id)
        job = jobs.job_queue(
            actor=actor,
            team_id=deployment.team_id,
            kind=KIND,
            title=asked.title,
            spec=asked.spec,
            files=asked.files,
            problem_id=deployment.problem_id,
            subject=deployment,
            priority=priority,
            target_id=target_id,
            idempotency_key=idempotency_key,
        )
        same: BatchScore | None = BatchScore.objects.filter(job_id=job.pk).select_related("deployment").first()
        if same is not None:
            return same
        if job.kind != KIND:
            raise Conflict("This idempotency key was used for another launch.", code="idempotency_key_reused")
        batch = _batch_make(actor, deployment, asked, job)
        audit_record(
            actor=actor,
            action="batch_score.launch",
            thing=batch,
            problem_id=deployment.problem_id,
            after={"version": rollout.model_version.number, "dataset": str(asked.data), "job": job.number},
        )
        nudge(f"deployment.{deployment.pk}")
    return batch


def _answering(actor: Actor, deployment: Deployment, expected: uuid.UUID | None) -> Rollout:
    """The rollout that answers now, by an approval that stands. Raises Conflict that says who can do what."""
    approve, start = who_can("approval.decide"), who_can("deploy.start", "deploy.stop")
    if deployment.state == Deployment.State.RETIRED:
        raise Conflict("The deployment is retired: nothing answers here any more.", code="retired")
    if deployment.state == Deployment.State.PAUSED:
        detail = (
            f"The deployment is paused: nothing answers, so nothing scores. {who_can('deploy.stop')} can resume it."
        )
        raise Conflict(detail, code="paused")
    live = (
        Rollout.objects.filter(deployment=deployment, state=Rollout.State.LIVE)
        .select_related("model_version__model", "request__evaluation__problem_version")
        .defer("request__evidence", "request__evaluation__report", "request__evaluation__findings")
        .first()
    )
    if live is None:
        detail = f"No version answers here. It takes an approval ({approve}), which puts a version live by itself."
        raise Conflict(detail, code="nothing_live")
    if expected is not None and expected != live.model_version_id:
        version = registry.model_version_get(actor, expected)
        detail = (
            f"{version} does not answer here; version {live.model_version.number} does. Only a version that answers "
            f"scores tables: {approve} approves one, {start} puts an approved one live again."
        )
        raise Conflict(detail, code="not_answering")
    obstacle = _obstacle(deployment, live)
    if obstacle:
        raise Conflict(f"{obstacle} It takes {approve} to approve it again.", code="not_approved")
    return live


def _obstacle(deployment: Deployment, rollout: Rollout) -> str:
    """Why a version that answered may answer no more; empty when it may. A newer version beside it is no reason."""
    number = rollout.model_version.number
    if deployment.state in (Deployment.State.PAUSED, Deployment.State.RETIRED):
        return f"The deployment is {deployment.get_state_display()}: {deployment.state_reason or 'nothing answers'}"
    if reviews.approval_standing(rollout.model_version_id, deployment.environment) is None:
        return f"The approval of version {number} does not stand."
    rows = Rollout.objects.filter(deployment=deployment, model_version_id=rollout.model_version_id)
    newest = rows.only("state", "stopped").order_by("-number").first()
    if newest is not None and newest.stopped:
        return f"Version {number} was taken out of traffic by a person."
    return ""


def _asked(actor: Actor, deployment: Deployment, rollout: Rollout, dataset_version_id: uuid.UUID) -> _Asked:
    data = datasets.dataset_version_get(actor, dataset_version_id)
    if data.team_id != deployment.team_id:
        raise NotFound("There is no such dataset version in this team.")
    facts = datasets.training_facts(data)
    version = rollout.model_version
    try:
        signature = Signature.from_json(version.signature)
    except SignatureError as error:
        raise Conflict(f"The version's signature cannot be read: {error}", code="bad_signature") from error
    columns = (data.profile or {}).get("columns", [])
    empty = {str(one["name"]) for one in columns if one.get("distinct") == 0}
    fault = columns_fault(signature, {str(one["name"]): str(one["type"]) for one in data.schema}, empty)
    if fault:
        raise Invalid.field("dataset_version_id", fault)
    # What is never stored of a call is not stored of a table.
    identity = None if facts["id_column"] in deployment.mask else facts["id_column"]
    told = route_version(rollout)
    spec = {"deployment": deployment.name, "version": told, "table": facts["table"], "id_column": identity}
    files = [{**facts["table"], "name": "table.parquet"}]
    files += [{"sha256": row["sha256"], "size": row["size"], "name": row["path"]} for row in told["files"]]
    return _Asked(
        rollout=rollout,
        data=data,
        title=f"score {data} with {deployment.name}, version {version.number}",
        spec=spec,
        files=list({file["sha256"]: file for file in files}.values()),
    )


def _batch_make(actor: Actor, deployment: Deployment, asked: _Asked, job: Job) -> BatchScore:
    version = asked.rollout.model_version
    dataset_services.version_cite(actor=actor, version_id=asked.data.pk)
    threshold = 0.5 if version.threshold is None and version.task == "BINARY" else version.threshold
    made: BatchScore = BatchScore.objects.create(
        team_id=deployment.team_id,
        deployment=deployment,
        number=number_next(deployment, BatchScore.objects.filter(deployment=deployment)),
        rollout=asked.rollout,
        model_version=version,
        dataset_version=asked.data,
        job=job,
        threshold=threshold,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    return made


def batch_score_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried job scores the same table with the same version, as a batch score of its own.

    Raises Conflict when that version does not answer any more, and as `batch_score_launch`.
    """
    failed = BatchScore.objects.filter(job_id=old.pk).first()
    if failed is None:
        return
    deployment = selectors.deployment_get(actor, failed.deployment_id)
    rollout = _answering(actor, deployment, failed.model_version_id)
    asked = _asked(actor, deployment, rollout, failed.dataset_version_id)
    new.title, new.spec, new.files = asked.title[:200], asked.spec, asked.files
    again = _batch_make(actor, deployment, asked, new)
    audit_record(
        actor=actor,
        action="batch_score.retry",
        thing=again,
        problem_id=deployment.problem_id,
        after={"version": rollout.model_version.number, "retry_of": failed.number, "job": new.number},
    )


def batch_score_begins(job: Job) -> None:
    """Called before each attempt. Raises Conflict when the version may not answer any more."""
    batch = _of_job(job)
    _still(batch)


def batch_score_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> BatchScore:
    """Called in the transaction that ends the job: keep the file, log it, seal the record.

    The deployment is locked, so a kill switch is before it, and then nothing is kept, or after it. Raises Conflict for
    that, and for a result or a file that is none; the job then ends failed with that sentence.
    """
    batch = _of_job(job, lock=True)
    if batch.state != BatchScore.State.RUNNING:
        return batch
    parent_lock(batch.deployment)
    batch.deployment.refresh_from_db(fields=["state", "state_reason"])
    _still(batch)
    try:
        told = ScoreResult.from_json(result.get("score"))
    except ScoreError as error:
        raise Conflict(f"The job ended without a result that can be kept: {error}.", code="bad_result") from error
    rows = batch.dataset_version.row_count
    if rows is not None and told.scored + told.refused != rows:
        raise Conflict(f"The job told of {told.scored + told.refused} rows; the table has {rows}.", code="bad_result")
    table, shown = outputs.get(PARQUET), outputs.get(CSV)
    if table is None or shown is None:
        raise Conflict("The job ended without its files.", code="no_file")
    with blob_open(table["sha256"]) as handle:
        if handle.read(len(_BEGINS)) != _BEGINS:
            raise Conflict("The file is no Parquet file.", code="bad_file")
    for file in (table, shown):
        blob_hold(file["sha256"])
    batch.row_count, batch.scored, batch.refused = told.scored + told.refused, told.scored, told.refused
    batch.result, batch.seconds = told.to_json(), told.seconds
    batch.sha256, batch.size = table["sha256"], table["size"]
    batch.csv_sha256, batch.csv_size = shown["sha256"], shown["size"]
    _end(batch, BatchScore.State.COMPLETE)
    for thing in (batch.model_version, batch.dataset_version):
        edge_add(subject=batch, relation="USED", thing=thing, team_id=batch.team_id)
    decision = reviews.decision_of(batch.rollout.request)
    if decision is not None:
        edge_add(subject=batch, relation="AUTHORISED_BY", thing=decision, team_id=batch.team_id)
    batch_log(batch)
    audit_record(
        actor=Actor.system("batch score"),
        action="batch_score.complete",
        thing=batch,
        problem_id=batch.deployment.problem_id,
        after={
            "version": batch.model_version.number,
            "scored": batch.scored,
            "refused": batch.refused,
            "sha256": batch.sha256,
            "threshold": batch.threshold,
        },
    )
    return batch


def batch_score_fail(job: Job, cause: str) -> None:
    """Called when the job ends in any other way: nothing of it is kept."""
    batch = _of_job(job, lock=True)
    if batch.state != BatchScore.State.RUNNING:
        return
    batch.cause = cause
    cancelled = job.state == "CANCELLED"
    _end(batch, BatchScore.State.CANCELLED if cancelled else BatchScore.State.FAILED)
    audit_record(
        actor=Actor.system("batch score"),
        action="batch_score.cancel" if cancelled else "batch_score.fail",
        thing=batch,
        problem_id=batch.deployment.problem_id,
        reason=cause[:2000],
    )


def _still(batch: BatchScore) -> None:
    obstacle = _obstacle(batch.deployment, batch.rollout)
    if obstacle:
        raise Conflict(f"{obstacle.rstrip('.')}. Its answers are not kept.", code="not_approved")


def _end(batch: BatchScore, state: str) -> None:
    batch.state = state
    batch.completed_at = timezone.now()
    batch.save()
    nudge(f"deployment.{batch.deployment_id}")


def _of_job(job: Job, *, lock: bool = False) -> BatchScore:
    rows = BatchScore.objects.select_related(
        "deployment", "rollout__model_version", "rollout__request", "model_version__model", "dataset_version__dataset"
    ).defer("rollout__request__evidence", "model_version__importance")
    if lock:
        rows = rows.select_for_update(of=("self",))
    found: BatchScore | None = rows.filter(job_id=job.pk).first()
    if found is None:
        raise NotFound("The job belongs to no batch score.")
    return found
