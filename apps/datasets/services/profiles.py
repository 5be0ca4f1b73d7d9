"""Profiles: queued as a job, taken in when it ends, kept for ever; segments are counted again when they change."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import transaction
from django.urls import reverse

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_exists
from apps.core.errors import Conflict, NotFound
from apps.core.policies import require_verb
from apps.datasets import selectors
from apps.datasets.contracts import MAX_COLUMNS, ColumnType, DataChange, DataChangeKind, FileFault, data_listeners_tell
from apps.datasets.inspection import DELIMITERS, mark_find
from apps.datasets.models import DatasetVersion, SegmentSupport
from apps.datasets.selectors.profiles import segments_digest
from apps.datasets.services.inference import roles_infer, split_default
from apps.datasets.services.locking import version_lock, version_locked
from apps.datasets.storage import bytes_release, lines_around
from apps.jobs.services import job_queue
from apps.problems import selectors as problems

TABLE_OUTPUT = "table.parquet"
SUPPORT = "support"
_State = DatasetVersion.State


def _job_spec(version: DatasetVersion) -> dict[str, Any]:
    problem = version.dataset.problem
    agreed = (problems.version_current(problem) or problems.version_open(problem)) if problem else None
    specs = problems.segment_specs(agreed) if agreed else []
    return {
        "segments": [spec.to_json() for spec in specs],
        "segments_digest": segments_digest(specs),
        "roles": {c["name"]: c["role"] for c in version.schema},
        "target": (agreed.target or None) if agreed else None,
        "positive_label": (agreed.positive_label or None) if agreed else None,
    }


def profile_queue(actor: Actor, version: DatasetVersion, target_id: uuid.UUID | None = None) -> None:
    """Queue the job that reads the whole file, in the caller's transaction; `version.job_id` names it.

    It runs on the compute target that is asked for, else on this machine. Raises Invalid at `target_id`, Conflict for a
    target that takes no job now.
    """
    entry = {"sha256": version.content_digest, "size": version.size}
    job = job_queue(
        actor=actor,
        team_id=version.team_id,
        kind="profile",
        title=f"profile {version}",
        spec={"table": {**entry, "format": version.format}, **_job_spec(version)},
        files=[{**entry, "name": f"table.{version.format}"}],
        problem_id=version.dataset.problem_id,
        subject=version,
        target_id=target_id,
    )
    version.job_id = job.pk
    version.save(update_fields=["job_id"])


@transaction.atomic
def version_support_count(*, actor: Actor, version_id: uuid.UUID, target_id: uuid.UUID | None = None) -> uuid.UUID:
    """Queue a count of the problem's present segments in a sealed version; returns the job's id.

    Raises NotFound, Forbidden, Invalid and Conflict for the compute target, Conflict without segments, or when they are
    counted already.
    """
    version = selectors.dataset_version_get(actor, version_id)
    require_verb(actor, "job.run", version)
    if version.state != _State.SEALED or version.purged_at is not None:
        raise Conflict("Rows are counted in sealed versions whose bytes are here.", code="not_sealed")
    spec = _job_spec(version)
    if not spec["segments"]:
        raise Conflict("The problem has no segments to count.", code="no_segments")
    if SegmentSupport.objects.filter(version=version, segments_digest=spec["segments_digest"]).exists():
        raise Conflict("The present segments are counted already.", code="counted")
    entry = {"sha256": version.table_sha256, "size": version.table_size}
    job = job_queue(
        actor=actor,
        team_id=version.team_id,
        kind="profile",
        title=f"count segments of {version}",
        spec={"purpose": SUPPORT, "table": {**entry, "format": "parquet"}, **spec},
        files=[{**entry, "name": "table.parquet"}],
        problem_id=version.dataset.problem_id,
        subject=version,
        target_id=target_id,
    )
    audit_record(actor=actor, action="dataset.support_counted", thing=version, problem_id=version.dataset.problem_id)
    return job.pk


def profile_finish(job: Any, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any] | None:
    """Called in the transaction that ends the job: check what the child reported and seal the version.

    Raises Conflict, which ends the job as failed, for a profile that does not hold together.
    """
    version = _subject(job)
    made = {"label": str(version), "url": reverse("dataset-version-detail", args=[version.pk])}
    if job.spec.get("purpose") == SUPPORT:
        _support_keep(version, job, result)
        return made
    if version.state not in (_State.PROFILING, _State.FAILED) or version.job_id != job.pk:
        return made
    _profile_check(result)
    table = outputs.get(TABLE_OUTPUT)
    if not table:
        raise Conflict("The job delivered no table.", code="no_table")
    problem = version.dataset.problem
    agreed = (problems.version_current(problem) or problems.version_open(problem)) if problem else None
    version.row_count = result["row_count"]
    version.profile = {key: result.get(key) for key in ("row_count", "columns", "sample")}
    version.schema = roles_infer(
        result["columns"],
        row_count=result["row_count"],
        target=agreed.target if agreed else "",
        specs=problems.segment_specs(agreed) if agreed else [],
    )
    version.split = split_default(version.schema)
    version.table_sha256, version.table_size = table["sha256"], table["size"]
    version.error = None
    version.state = _State.SEALED
    version.row_version += 1
    version.save()
    _support_keep(version, job, result)
    data_listeners_tell(DataChange(DataChangeKind.SEALED, version.team_id, version.pk, "It was read."))
    audit_record(
        actor=Actor.system("profile"),
        action="dataset.version_sealed",
        thing=version,
        problem_id=version.dataset.problem_id,
        after={"rows": version.row_count, "columns": len(version.schema), "table_sha256": version.table_sha256},
    )
    return made


def _subject(job: Any) -> DatasetVersion:
    try:
        return version_locked(job.subject_id)
    except DatasetVersion.DoesNotExist:
        raise NotFound("The dataset version of this job was deleted.") from None


def _support_keep(version: DatasetVersion, job: Any, result: Mapping[str, Any]) -> None:
    digest = job.spec.get("segments_digest")
    if not digest or not job.spec.get("segments"):
        return
    SegmentSupport.objects.update_or_create(
        version=version,
        segments_digest=digest,
        defaults={
            "segments": list(result.get("segments") or []),
            "crossings": list(result.get("crossings") or []),
            "job_id": job.pk,
        },
    )


def _profile_check(result: Mapping[str, Any]) -> None:
    """The child is not trusted: raises Conflict unless the profile has the agreed shape."""
    rows, columns = result.get("row_count"), result.get("columns")
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise Conflict("The profile has no row count.", code="bad_profile")
    if not isinstance(columns, list) or not 1 <= len(columns) <= MAX_COLUMNS:
        raise Conflict("The profile has no columns, or too many.", code="bad_profile")
    names: set[str] = set()
    for column in columns:
        if not isinstance(column, dict) or column.get("type") not in ColumnType.__members__:
            raise Conflict("The profile has a column without a type.", code="bad_profile")
        name = column.get("name")
        if not isinstance(name, str) or not name or name in names:
            raise Conflict("The profile has a column without a name of its own.", code="bad_profile")
        names.add(name)
    if not _finite(result):
        raise Conflict("The profile holds a number that is not finite.", code="bad_profile")


def _finite(value: Any) -> bool:
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, float) and not math.isfinite(current):
            return False
        if isinstance(current, dict):
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)
    return True


def profile_fail(job: Any, cause: str) -> None:
    """Called when the job failed, was cancelled or timed out: the version fails with the cause.

    A file that cannot be read loses its bytes at once; after any other failure they stay, so that the profile can be
    tried again.
    """
    version = _subject(job)
    if job.spec.get("purpose") == SUPPORT or version.state != _State.PROFILING or version.job_id != job.pk:
        return
    attempt = job.attempts.order_by("-number").first()
    told = ((attempt.result or {}) if attempt is not None else {}).get("error")
    if isinstance(told, dict) and told.get("message"):
        version.error = {**_fault(version, told).to_json(), "bytes_kept": False}
        transaction.on_commit(partial(bytes_release, version.content_digest))
    else:
        word = {"CANCELLED": "was cancelled", "TIMED_OUT": "took too long"}.get(job.state, "failed")
        fault = FileFault("PROFILE_FAILED", f"Reading the file {word}: {cause}".strip().rstrip(":"))
        version.error = {**fault.to_json(), "bytes_kept": True}
    version.state = _State.FAILED
    version.row_version += 1
    version.save(update_fields=["state", "error", "row_version"])
    data_listeners_tell(DataChange(DataChangeKind.FAILED, version.team_id, version.pk, version.error["message"]))
    audit_record(
        actor=Actor.system("profile"),
        action="dataset.version_failed",
        thing=version,
        problem_id=version.dataset.problem_id,
        after={"error": version.error["message"], "bytes_kept": version.error["bytes_kept"]},
    )


def _fault(version: DatasetVersion, told: Mapping[str, Any]) -> FileFault:
    line, column = (
        told[key] if isinstance(told.get(key), int) and not isinstance(told.get(key), bool) else None
        for key in ("line", "column")
    )
    shown: list[list[Any]] = []
    if line is not None and version.format in ("csv", "tsv") and blob_exists(version.content_digest):
        shown = lines_around(version.content_digest, line)
    code = str(told.get("code") or "BAD_FILE")[:40]
    lines = tuple((int(n), str(text)) for n, text in shown)
    place = None
    if line is not None and column is not None:
        place = mark_find(
            lines, line, column, "" if code in ("NUL", "ENCODING") else DELIMITERS.get(version.format, "")
        )
    return FileFault(code, str(told["message"])[:500].replace("\x00", "␀"), line, column, lines, place)


def profile_retry(actor: Actor, old: Any, new: Any) -> None:
    """A person retries the job from its page: the version waits again. Raises Conflict when its bytes are gone."""
    version = _subject(new)
    if new.spec.get("purpose") == SUPPORT:
        return
    _again_check(version)
    version.state, version.error, version.job_id = _State.PROFILING, None, new.pk
    version.row_version += 1
    version.save(update_fields=["state", "error", "job_id", "row_version"])


def _again_check(version: DatasetVersion) -> None:
    if version.state != _State.FAILED:
        raise Conflict(f"The version is {version.get_state_display()}.", code="bad_move")
    if not blob_exists(version.content_digest):
        raise Conflict("The bytes of this file were removed. Upload the corrected file.", code="bytes_gone")
    newer = DatasetVersion.objects.filter(dataset=version.dataset, content_digest=version.content_digest)
    if newer.exclude(state=_State.FAILED).exists():
        raise Conflict("The same bytes stand as another version already.", code="same_bytes")


@transaction.atomic
def version_profile_again(*, actor: Actor, version_id: uuid.UUID, target_id: uuid.UUID | None = None) -> DatasetVersion:
    """Read the file of a failed version again, on a compute target or this machine. Raises NotFound, Forbidden,
    Invalid, Conflict.
    """
    version = version_lock(actor, version_id)
    _again_check(version)
    version.state, version.error = _State.PROFILING, None
    version.row_version += 1
    version.save(update_fields=["state", "error", "row_version"])
    profile_queue(actor, version, target_id)
    audit_record(actor=actor, action="dataset.profile_again", thing=version, problem_id=version.dataset.problem_id)
    return version
