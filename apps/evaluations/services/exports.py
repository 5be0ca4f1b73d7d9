"""Exports of evaluations: asked for once, made by a job, kept with their evaluation."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.staticfiles import finders
from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import CHUNK, blob_hold, blob_open, blob_write
from apps.core.errors import Conflict, Invalid, NotFound, Unavailable
from apps.core.policies import require, who_can
from apps.evaluations import policies
from apps.evaluations.models import Evaluation, Export
from apps.evaluations.selectors import evaluation_get, export_facts, report_of
from apps.jobs import services as jobs
from apps.lineage.services import edge_add
from workers.contracts.exports import CHARTS, FORMATS, HTML, RENDERER

if TYPE_CHECKING:
    from apps.jobs.models import Job

KIND = "export"
LIBRARY = "vendor/plotly/plotly-strict.min.js"


def export_make(*, actor: Actor, evaluation_id: uuid.UUID, format: str) -> tuple[Export, bool]:
    """Ask for an evaluation as a file; (the export, whether it is new).

    What is made already, or being made, from the same evidence is given again. Raises NotFound, Forbidden, Invalid for
    an unknown format, Conflict while there is no report.
    """
    evaluation = evaluation_get(actor, evaluation_id)
    require(
        policies.export_make(actor, evaluation.team_id),
        f"Exporting takes a role in the team: {who_can(*policies.TAKING_PART)} may.",
    )
    if format not in FORMATS:
        raise Invalid.field("format", f"The formats are {', '.join(FORMATS)}.")
    report_of(evaluation)
    with transaction.atomic():
        _lock(evaluation)
        standing = _standing(evaluation, format)
        if standing is not None:
            return standing, False
        spec, files = _asked(evaluation, format)
        job = jobs.job_queue(
            actor=actor,
            team_id=evaluation.team_id,
            kind=KIND,
            title=_title(evaluation, format),
            spec=spec,
            files=files,
            problem_id=evaluation.problem_id,
            subject=evaluation,
        )
        export = _export_make(actor, evaluation, format, job)
        audit_record(
            actor=actor,
            action="export.make",
            thing=export,
            problem_id=evaluation.problem_id,
            after={"format": format, "report_digest": export.report_digest, "job": job.number},
        )
    return export, True


def _lock(evaluation: Evaluation) -> None:
    """Whoever asks for the same at the same time waits and gets the same."""
    Evaluation.objects.select_for_update(of=("self",)).only("pk").get(pk=evaluation.pk)


def _standing(evaluation: Evaluation, format: str) -> Export | None:
    """The export of the same evidence that is ready or being made."""
    found: Export | None = (
        Export.objects.filter(
            evaluation=evaluation,
            format=format,
            report_digest=evaluation.report_digest,
            findings_digest=evaluation.findings_digest,
            renderer=RENDERER,
        )
        .exclude(state=Export.State.FAILED)
        .first()
    )
    return found


def _title(evaluation: Evaluation, format: str) -> str:
    return f"export evaluation {evaluation.number} as {FORMATS[format].label}"


def _asked(evaluation: Evaluation, format: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the child is told, and the files that it may read: report, findings and, for HTML, the chart library."""
    report = _stored(evaluation, evaluation.report, "report.json")
    findings = _stored(evaluation, evaluation.findings, "findings.json") if evaluation.findings is not None else None
    charts = _library() if format == HTML else None
    spec = {
        "format": format,
        "renderer": RENDERER,
        "facts": export_facts(evaluation).to_json(),
        "report": report,
        "findings": findings,
        "charts": charts,
    }
    return spec, [file for file in (report, findings, charts) if file is not None]


def _stored(evaluation: Evaluation, document: Any, name: str) -> dict[str, Any]:
    content = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    ref = blob_write([content], team_id=evaluation.team_id)
    return {"sha256": ref.sha256, "size": ref.size, "name": name}


def _library() -> dict[str, Any]:
    """The chart library that pages draw with; the child of a job sees no front-end file."""
    path = finders.find(LIBRARY)
    if path is None:
        raise Unavailable("The chart library is not there. The set-up brings it.")
    with Path(str(path)).open("rb") as handle:
        ref = blob_write(iter(lambda: handle.read(CHUNK), b""))
    return {"sha256": ref.sha256, "size": ref.size, "name": CHARTS}


def _export_make(actor: Actor, evaluation: Evaluation, format: str, job: Job) -> Export:
    made: Export = Export.objects.create(
        team_id=evaluation.team_id,
        evaluation=evaluation,
        format=format,
        report_digest=evaluation.report_digest,
        findings_digest=evaluation.findings_digest,
        renderer=RENDERER,
        job=job,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    return made


def export_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried job makes the same format of the same evaluation, as names and words are now.

    Raises Conflict when that is there, or being made, by now.
    """
    failed = Export.objects.filter(job_id=old.pk).first()
    if failed is None:
        return
    evaluation = evaluation_get(actor, failed.evaluation_id)
    _lock(evaluation)
    if _standing(evaluation, failed.format) is not None:
        raise Conflict("The same file was asked for again meanwhile; look at the evaluation.", code="export_stands")
    new.spec, new.files = _asked(evaluation, failed.format)
    again = _export_make(actor, evaluation, failed.format, new)
    audit_record(
        actor=actor,
        action="export.retry",
        thing=again,
        problem_id=evaluation.problem_id,
        after={"format": again.format, "report_digest": again.report_digest, "job": new.number},
    )


def export_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> Export:
    """Called in the transaction that ends the job: keep the file.

    Raises Conflict when there is none, or one of another kind; the job then ends failed with that sentence.
    """
    export = _of_job(job)
    kind = FORMATS[export.format]
    file = outputs.get(kind.output)
    if file is None:
        raise Conflict("The job ended without a file.", code="no_file")
    with blob_open(file["sha256"]) as handle:
        if not handle.read(len(kind.begins)).startswith(kind.begins):
            raise Conflict(f"The file is not {kind.label}.", code="bad_file")
    blob_hold(file["sha256"])
    export.sha256, export.size = file["sha256"], file["size"]
    export.state = Export.State.READY
    export.completed_at = timezone.now()
    export.save()
    edge_add(subject=export, relation="DERIVED_FROM", thing=export.evaluation, team_id=export.team_id)
    audit_record(
        actor=Actor.system("export"),
        action="export.complete",
        thing=export,
        problem_id=export.evaluation.problem_id,
        after={"format": export.format, "sha256": export.sha256, "size": export.size},
    )
    return export


def export_fail(job: Job, cause: str) -> None:
    """Called when the job ends in any other way."""
    export = _of_job(job)
    export.state = Export.State.FAILED
    export.cause = cause
    export.completed_at = timezone.now()
    export.save()
    audit_record(
        actor=Actor.system("export"),
        action="export.fail",
        thing=export,
        problem_id=export.evaluation.problem_id,
        reason=cause[:2000],
    )


def _of_job(job: Job) -> Export:
    rows = Export.objects.select_for_update(of=("self",)).select_related("evaluation__problem")
    found: Export | None = rows.defer("evaluation__report", "evaluation__findings").filter(job_id=job.pk).first()
    if found is None:
        raise NotFound("The job belongs to no export.")
    return found
