"""Uploads: bytes arrive in parts, may be sent again after a break, and end as a version or leave nothing."""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import blob_write
from apps.core.errors import Conflict, Invalid, TooLarge
from apps.datasets import selectors
from apps.datasets.contracts import MAX_BYTES, MAX_PART_BYTES, MIN_PART_BYTES
from apps.datasets.inspection import (
    HEAD_BYTES,
    TAIL_BYTES,
    BadFile,
    filename_clean,
    format_of,
    head_check,
    tail_check,
)
from apps.datasets.models import DatasetVersion, Upload
from apps.datasets.services.locking import dataset_lock, edit_require
from apps.datasets.services.versions import version_make
from apps.datasets.storage import bytes_release, part_write, parts_chunks, parts_delete

LIFETIME = timedelta(hours=24)
MAX_OPEN = 20


@dataclass(frozen=True, slots=True)
class UploadResult:
    """What a finished upload became; `same` when the very bytes were there before."""

    version: DatasetVersion
    same: bool


@transaction.atomic
def upload_begin(*, actor: Actor, dataset_id: uuid.UUID, filename: str, size: int) -> Upload:
    """Announce a file of `size` bytes. Raises NotFound, Forbidden, BadFile for the name, TooLarge, Conflict."""
    dataset = dataset_lock(actor, dataset_id)
    if dataset.archived_at is not None:
        raise Conflict("The dataset is archived; restore it first.", code="archived")
    name = filename_clean(filename)
    format_of(name)
    if size < 1:
        raise Invalid("The file is empty. Nothing was stored.", fields={"size": ["The file is empty."]})
    if size > MAX_BYTES:
        raise TooLarge(
            "The file is larger than 2 GiB, which is the most that is taken.", fields={"size": ["Too large."]}
        )
    if (
        Upload.objects.filter(dataset=dataset, state=Upload.State.OPEN, expires_at__gt=timezone.now()).count()
        >= MAX_OPEN
    ):
        raise Conflict(
            f"{MAX_OPEN} uploads of this dataset are open. End or cancel one first.", code="too_many_uploads"
        )
    upload = Upload.objects.create(
        dataset=dataset,
        team_id=dataset.team_id,
        filename=name,
        size=size,
        expires_at=timezone.now() + LIFETIME,
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    audit_record(
        actor=actor,
        action="dataset.upload_begun",
        thing=upload,
        problem_id=dataset.problem_id,
        after={"filename": name, "size": size},
    )
    return upload


def _upload_lock(actor: Actor, upload_id: uuid.UUID) -> Upload:
    seen = selectors.upload_get(actor, upload_id)
    edit_require(actor, seen.team_id)
    rows = Upload.objects.select_for_update(of=("self",)).select_related("dataset", "version")
    locked: Upload = rows.get(pk=seen.pk)
    return locked


def _open_check(upload: Upload) -> None:
    if upload.state == Upload.State.ABORTED or upload.expires_at <= timezone.now():
        raise Conflict("This upload has ended. Begin it again.", code="upload_ended")
    if upload.state == Upload.State.COMPLETE:
        raise Conflict("This upload is complete.", code="upload_complete")


def upload_part(*, actor: Actor, upload_id: uuid.UUID, offset: int, data: bytes) -> Upload:
    """Take the bytes from `offset` on. A part that has arrived may be sent again; `received` says where to go on.

    Raises NotFound, Forbidden, Conflict (a gap, other bytes at a taken place, ended), Invalid, TooLarge, and BadFile
    when the first bytes show that the file cannot be used: the upload has ended then and nothing is left.
    """
    try:
        with transaction.atomic():
            return _part_take(actor, upload_id, offset, data)
    except BadFile:
        upload_abort(actor=actor, upload_id=upload_id)
        raise


def _part_take(actor: Actor, upload_id: uuid.UUID, offset: int, data: bytes) -> Upload:
    upload = _upload_lock(actor, upload_id)
    _open_check(upload)
    if not data:
        raise Invalid("The part is empty.", fields={"offset": ["Send at least one byte."]})
    if len(data) > MAX_PART_BYTES:
        raise TooLarge(f"A part has at most {MAX_PART_BYTES} bytes.")
    if offset + len(data) > upload.size:
        raise Invalid(
            f"The part ends at byte {offset + len(data)}, but the file was announced with {upload.size} bytes.",
            fields={"offset": ["More bytes than were announced."]},
        )
    digest = hashlib.sha256(data).hexdigest()
    if offset < upload.received:
        if [offset, len(data), digest] in upload.parts:
            return upload
        raise Conflict(
            "Other bytes were stored at this place. Continue where the upload stands.",
            code="offset",
            items=[{"received": upload.received}],
        )
    if offset > upload.received:
        raise Conflict(
            f"There is a gap: the upload stands at byte {upload.received}.",
            code="offset",
            items=[{"received": upload.received}],
        )
    last = offset + len(data) == upload.size
    if not last and len(data) < MIN_PART_BYTES:
        raise Invalid(
            f"All parts but the last have at least {MIN_PART_BYTES} bytes.",
            fields={"offset": ["The part is too small."]},
        )
    kind = format_of(upload.filename)
    if offset == 0:
        head_check(data[:HEAD_BYTES], kind=kind, whole=last and len(data) <= HEAD_BYTES)
    if last and (offset == 0 or len(data) >= TAIL_BYTES):
        tail_check(data[-TAIL_BYTES:], kind=kind)
    part_write(upload.pk, offset, data)
    upload.parts = [*upload.parts, [offset, len(data), digest]]
    upload.received = offset + len(data)
    upload.save(update_fields=["parts", "received"])
    return upload


def upload_complete(*, actor: Actor, upload_id: uuid.UUID, target_id: uuid.UUID | None = None) -> UploadResult:
    """Turn a fully received upload into a version; calling it again gives the same answer.

    The compute target reads the file, this machine when none is asked for; the upload stands when that one is refused.
    Raises NotFound, Forbidden, Invalid for a target, Conflict for one that takes no job now, while bytes are missing or
    after the upload has ended.
    """
    seen = selectors.upload_get(actor, upload_id)
    edit_require(actor, seen.team_id)
    if seen.state == Upload.State.COMPLETE and seen.version is not None:
        return UploadResult(seen.version, True)
    _open_check(seen)
    if seen.received != seen.size:
        raise Conflict(
            f"{seen.size - seen.received} bytes have not arrived yet.",
            code="incomplete",
            items=[{"received": seen.received, "size": seen.size}],
        )
    offsets = [part[0] for part in seen.parts]
    # Hashing gigabytes takes seconds: it happens before the row is locked, on parts that no longer change.
    ref = blob_write(parts_chunks(seen.pk, offsets), limit=MAX_BYTES, team_id=seen.team_id)
    try:
        with transaction.atomic():
            upload = _upload_lock(actor, upload_id)
            if upload.state == Upload.State.COMPLETE and upload.version is not None:
                return UploadResult(upload.version, True)
            _open_check(upload)
            version, same = version_make(
                actor=actor,
                dataset_id=upload.dataset_id,
                filename=upload.filename,
                kind=format_of(upload.filename),
                ref=ref,
                target_id=target_id,
            )
            upload.state, upload.version = Upload.State.COMPLETE, version
            upload.save(update_fields=["state", "version"])
            audit_record(
                actor=actor,
                action="dataset.upload_completed",
                thing=upload,
                problem_id=upload.dataset.problem_id,
                after={"version": version.number, "same_bytes": same},
            )
            transaction.on_commit(partial(parts_delete, upload.pk, offsets))
    except Exception:
        with suppress(DatabaseError):
            bytes_release(ref.sha256)
        raise
    return UploadResult(version, same)


def upload_abort(*, actor: Actor, upload_id: uuid.UUID) -> None:
    """End an upload and remove its bytes; ending it twice changes nothing. Raises NotFound, Forbidden, Conflict."""
    with transaction.atomic():
        upload = _upload_lock(actor, upload_id)
        if upload.state == Upload.State.COMPLETE:
            raise Conflict("This upload is complete.", code="upload_complete")
        if upload.state == Upload.State.ABORTED:
            return
        _abort(actor, upload)


def _abort(actor: Actor, upload: Upload) -> None:
    offsets = [part[0] for part in upload.parts]
    upload.state, upload.parts = Upload.State.ABORTED, []
    upload.save(update_fields=["state", "parts"])
    audit_record(actor=actor, action="dataset.upload_aborted", thing=upload, problem_id=upload.dataset.problem_id)
    transaction.on_commit(partial(parts_delete, upload.pk, offsets))


def uploads_expire() -> int:
    """End uploads that nobody went on with for a day (beat); returns how many."""
    actor = Actor.system("upload clean-up")
    ended = 0
    stale = Upload.objects.filter(state=Upload.State.OPEN, expires_at__lte=timezone.now()).values_list("pk", flat=True)
    for pk in list(stale[:200]):
        with transaction.atomic():
            upload = Upload.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=pk)
            if upload.state == Upload.State.OPEN:
                _abort(actor, upload)
                ended += 1
    return ended
