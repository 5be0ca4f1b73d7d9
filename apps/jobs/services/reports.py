"""What the child process of an attempt reports over HTTP; every write is fenced by the attempt."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

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


def attempt_locked(actor: Actor) -> tuple[Job, JobAttempt]:
    """As `attempt_of`, with both rows locked for a write."""
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
    job, attempt = attempt_of(actor)
    begun = attempt.resumed_from["files"] if attempt.resumed_from else []
    for entry in (*job.files, *begun):
        if entry["sha256"] == sha256:
            return BlobRef(sha256, entry["size"]), entry.get("name") or entry["path"], blob_chunks(sha256)
    raise NotFound("This job may not read that file, or there is none.")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is: the share done (0 to 1; None: unknown), a text, steps done and in all, seconds left."""

    fraction: float | None = None
    text: str = ""
    step: int | None = None
    total: int | None = None
    seconds_left: float | None = None


def progress_report(*, actor: Actor, progress: Progress) -> bool:
    """Note how far the attempt is; True when a person asked to cancel. Raises Invalid for more steps than in all.

    Steps without a share give the share.
    """
    step, total, text = progress.step, progress.total, progress.text[:200].replace("\0", "")
    if step is not None and total is not None and step > total:
        raise Invalid.field("step", f"Step {step} is more than the {total} in all.")
    fraction = progress.fraction
    if fraction is None and step is not None and total:
        fraction = step / total
    with transaction.atomic():
        job, attempt = attempt_locked(actor)
        before = (job.progress, job.progress_text, job.progress_step, job.progress_total)
        if before != (fraction, text, step, total) or progress.seconds_left is not None:
            job.progress, job.progress_text, job.progress_step, job.progress_total = fraction, text, step, total
            left = progress.seconds_left
            job.progress_ends_at = None if left is None else timezone.now() + timedelta(seconds=left)
            more = {"step": step, "total": total, "seconds_left": left}
            data = {"fraction": fraction, "text": text, **{key: one for key, one in more.items() if one is not None}}
            event_append(job, "progress", data, attempt=attempt.number)
            names = ["progress", "progress_text", "progress_step", "progress_total", "progress_ends_at", "seq"]
            job.save(update_fields=names)
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
        _, attempt = attempt_locked(actor)
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
        _, attempt = attempt_locked(actor)
        attempt.result = payload
        attempt.save(update_fields=["result"])
