"""Checkpoints: what an attempt keeps while it runs, for the attempt or the job that goes on from it.

Files are stored as outputs of the attempt, named by their hashes; a checkpoint is the list of them, written at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.blobs import blob_exists, blob_hold
from apps.core.errors import Conflict, Invalid
from apps.jobs.contracts import FINAL_STATES
from apps.jobs.models import Job, JobAttempt
from apps.jobs.services.reports import attempt_locked
from apps.jobs.services.transitions import event_append
from workers.contracts.checkpoints import MAX_FILES, path_of

OUTPUT = "checkpoint-"
"""Before the hash in the name of an output that belongs to a checkpoint."""
FILE = "checkpoint:"
"""Before the path in the name of a file that a job goes on from; no path of an input has a colon there."""


def checkpoint_keep(*, actor: Actor, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make these files the attempt's checkpoint, in place of the one before; returns it.

    Each of `files` has `path` and `sha256`; its bytes were sent before as the output “checkpoint-<sha256>”, or belong
    to the checkpoint that the attempt began with. Raises Invalid at `files`, Forbidden, Conflict for an older attempt.
    """
    if not 0 < len(files) <= MAX_FILES:
        raise Invalid.field("files", f"A checkpoint has 1 to {MAX_FILES} files.")
    with transaction.atomic():
        job, attempt = attempt_locked(actor)
        if not job.spec.get("checkpoint"):
            raise Invalid.field("files", "This job declared no checkpoint folder.")
        began_with = attempt.resumed_from["files"] if attempt.resumed_from else []
        known = {one["sha256"]: one["size"] for one in began_with}
        known |= {one["sha256"]: one["size"] for name, one in attempt.outputs.items() if name == OUTPUT + one["sha256"]}
        kept: dict[str, dict[str, Any]] = {}
        for one in files:
            try:
                path = path_of(str(one["path"]))
            except ValueError as error:
                raise Invalid.field("files", str(error)) from error
            sha256 = str(one["sha256"])
            if sha256 not in known:
                raise Invalid.field("files", f"The bytes of “{path}” have not been sent, or are others: send them.")
            kept[path] = {"path": path, "sha256": sha256, "size": known[sha256]}
        if len(kept) != len(files):
            raise Invalid.field("files", "Each path of a checkpoint is named once.")
        used = {OUTPUT + one["sha256"] for one in kept.values()}
        attempt.outputs = {
            name: one for name, one in attempt.outputs.items() if not name.startswith(OUTPUT) or name in used
        }
        rows = sorted(kept.values(), key=lambda one: str(one["path"]))
        attempt.checkpoint = {
            "files": rows,
            "bytes": sum(one["size"] for one in rows),
            "number": (attempt.checkpoint or {}).get("number", 0) + 1,
            "at": timezone.now().isoformat(timespec="seconds"),
        }
        attempt.save(update_fields=["outputs", "checkpoint"])
        told = {name: attempt.checkpoint[name] for name in ("number", "bytes")}
        event_append(job, "checkpoint", {**told, "files": len(rows)}, attempt=attempt.number)
        job.save(update_fields=["seq"])
        return attempt.checkpoint


def checkpoint_of(job: Job) -> dict[str, Any] | None:
    """What the job's next attempt would go on from: {"files", "bytes", "job", "attempt", "at"}; None without one.

    The newest checkpoint of its attempts, else the one that the job itself began with.
    """
    if not job.spec.get("checkpoint"):
        return None
    rows = JobAttempt.objects.filter(job_id=job.pk, checkpoint__isnull=False).order_by("-number")
    found = rows.values_list("number", "checkpoint").first()
    if found is None:
        begun: dict[str, Any] | None = job.spec.get("resume")
        return begun
    number, kept = found[0], found[1] or {}
    return {
        "files": kept["files"],
        "bytes": kept["bytes"],
        "at": kept["at"],
        "job": str(job.pk),
        "job_number": job.number,
        "attempt": number,
    }


def attempt_resumed(job: Job) -> bool:
    """Did any attempt of the job begin with a checkpoint?"""
    return JobAttempt.objects.filter(job_id=job.pk, resumed_from__isnull=False).exists()


def resumable(job: Job) -> dict[str, Any] | None:
    """The checkpoint that an ended job can be resumed from, while its bytes are kept; None otherwise."""
    if job.state not in FINAL_STATES - {"SUCCEEDED"}:
        return None
    found = checkpoint_of(job)
    # All of it is held by one run: where one file is, the others are; resuming looks at each.
    return found if found is not None and blob_exists(found["files"][0]["sha256"]) else None


def resumed_fields(old: Job, *, resume: bool) -> dict[str, Any]:
    """`spec` and `files` of a job that is begun again like `old`: from its checkpoint, or from the beginning.

    In the transaction that queues it. Raises Conflict when there is no checkpoint, or bytes of it are gone.
    """
    spec = {name: one for name, one in old.spec.items() if name != "resume"}
    files = [one for one in old.files if not one["name"].startswith(FILE)]
    if not resume:
        return {"spec": spec, "files": files}
    found = checkpoint_of(old)
    if found is None:
        raise Conflict(f"Job {old.number} kept no checkpoint. Retry begins it from the start.", code="no_checkpoint")
    for one in found["files"]:
        if not blob_exists(one["sha256"]):
            raise Conflict(
                f"“{one['path']}” of the checkpoint of job {old.number} was removed with its run. Retry begins from "
                "the start.",
                code="no_checkpoint",
            )
        blob_hold(one["sha256"])
        files.append({"sha256": one["sha256"], "size": one["size"], "name": FILE + one["path"]})
    return {"spec": {**spec, "resume": found}, "files": files}
