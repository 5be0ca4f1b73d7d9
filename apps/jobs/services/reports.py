"""What the child process of an attempt reports over HTTP; every write is fenced by the attempt."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction

from apps.core.actors import Actor
from apps.core.blobs import BlobRef, blob_chunks, blob_hold, blob_write
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt
from apps.jobs.policies import is_attempt
from apps.jobs.services.queueing import limits_of
from apps.jobs.services.transitions import event_append, job_lock

_OUTPUT_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")
RESULT_LIMIT = 32 * 1024 * 1024


def _attempt_id(actor: Actor) -> uuid.UUID:
    if not is_attempt(actor) or actor.attempt_id is None:
        raise Forbidden("Only the child of a running job speaks here.")
    return actor.attempt_id


def attempt_of(actor: Actor) -> tuple[Job, JobAttempt]:
    """The attempt that a run token stands for. Raises Forbidden, and Conflict when it is not the newest."""
    attempt = JobAttempt.objects.select_related("job").filter(pk=_attempt_id(actor)).first()
    if attempt is None:
        raise NotFound("There is no such attempt.")
    _check(attempt.job, attempt)
    return attempt.job, attempt


def _check(job: Job, attempt: JobAttempt) -> None:
    if attempt.state not in LIVE_ATTEMPTS or job.attempt_number != attempt.number:
        raise Conflict("This attempt has ended or was replaced by a newer one.", code="attempt_ended")


def _locked(actor: Actor) -> tuple[Job, JobAttempt]:
    attempt_id = _attempt_id(actor)
    job_id = JobAttempt.objects.filter(pk=attempt_id).values_list("job_id", flat=True).first()
    if job_id is None:
        raise NotFound("There is no such attempt.")
    job = job_lock(job_id)
    attempt = JobAttempt.objects.select_for_update(of=("self",), no_key=True).get(pk=attempt_id)
    _check(job, attempt)
    return job, attempt


def file_open(*, actor: Actor, sha256: str) -> tuple[BlobRef, str, Iterator[bytes]]:
    """A file that the job's spec names: hash and size, name, bytes. Raises NotFound for any other hash."""
    job, _ = attempt_of(actor)
    for entry in job.files:
        if entry["sha256"] == sha256:
            return BlobRef(sha256, entry["size"]), entry["name"], blob_chunks(sha256)
    raise NotFound("This job may not read that file, or there is none.")


def progress_report(*, actor: Actor, fraction: float | None, text: str) -> bool:
    """Note how far the attempt is; True when a person asked to cancel."""
    with transaction.atomic():
        job, attempt = _locked(actor)
        if (job.progress, job.progress_text) != (fraction, text[:200]):
            job.progress, job.progress_text = fraction, text[:200]
            event_append(job, "progress", {"fraction": fraction, "text": job.progress_text}, attempt=attempt.number)
            job.save(update_fields=["progress", "progress_text", "seq"])
        return job.cancel_requested_at is not None


def output_store(*, actor: Actor, name: str, chunks: Iterable[bytes], size: int) -> BlobRef:
    """Stream a file of exactly `size` bytes into the store and note it under its name; the last one wins.

    Raises Invalid when fewer bytes came, TooLarge past the job's limit for one file.
    """
    if not _OUTPUT_NAME.match(name):
        raise Invalid.field("name", "A name has letters, digits, dot, dash and underscore, at most 120.")
    job, _ = attempt_of(actor)
    ref = blob_write(_counted(chunks, size), limit=limits_of(job).file_bytes, team_id=job.team_id)
    with transaction.atomic():
        _, attempt = _locked(actor)
        blob_hold(ref.sha256, team_id=job.team_id)
        attempt.outputs[name] = {"sha256": ref.sha256, "size": ref.size}
        attempt.save(update_fields=["outputs"])
    return ref


def _counted(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Pass the bytes on; refuse a body that broke off before its announced length, while nothing is stored yet."""
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        yield chunk
    if seen != size:
        raise Invalid(f"The body broke off after {seen} of {size} bytes.")


def results_store(*, actor: Actor, payload: dict[str, Any]) -> None:
    """Keep the attempt's result; the last one before the attempt ends counts."""
    with transaction.atomic():
        _, attempt = _locked(actor)
        attempt.result = payload
        attempt.save(update_fields=["result"])
