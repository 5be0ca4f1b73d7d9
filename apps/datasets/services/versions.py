"""Versions: made from bytes, given roles and a split, cited, withdrawn."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from django.db import DatabaseError, transaction
from django.utils import timezone

from analysis.contracts.segments import PARTS, SplitSpec
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import BlobRef, blob_exists, blob_hold, blob_write
from apps.core.errors import Conflict, Invalid
from apps.core.numbers import number_next
from apps.datasets import selectors
from apps.datasets.contracts import (
    MAX_BYTES,
    ColumnRole,
    DataChange,
    DataChangeKind,
    data_listeners_tell,
    purge_vetoes,
)
from apps.datasets.inspection import HEAD_BYTES, TAIL_BYTES, filename_clean, format_of, head_check, tail_check
from apps.datasets.models import DatasetVersion
from apps.datasets.services.locking import (
    dataset_lock,
    edit_require,
    row_version_check,
    text_clean,
    version_lock,
    version_locked,
)
from apps.datasets.services.profiles import profile_queue
from apps.datasets.storage import bytes_release

_State = DatasetVersion.State
_ONCE = (ColumnRole.TARGET, ColumnRole.ID, ColumnRole.TIME, ColumnRole.WEIGHT, ColumnRole.QUERY)


def dataset_version_create_from_file(
    *,
    actor: Actor,
    dataset_id: uuid.UUID,
    filename: str,
    chunks: Iterable[bytes],
    target_id: uuid.UUID | None = None,
) -> DatasetVersion:
    """Store a whole file as a version and queue its profile; the same bytes give the version that stands.

    Memory stays flat. Raises NotFound, Forbidden, BadFile, TooLarge, Invalid for a compute target, Conflict for an
    archived dataset or a target that takes no job now; nothing is left behind then.
    """
    dataset = selectors.dataset_get(actor, dataset_id)
    edit_require(actor, dataset.team_id)
    name = filename_clean(filename)
    kind = format_of(name)
    watched = _Watched(chunks, kind)
    ref = blob_write(watched, limit=MAX_BYTES, team_id=dataset.team_id)
    try:
        watched.finish()
        version, _ = version_make(
            actor=actor, dataset_id=dataset.pk, filename=name, kind=kind, ref=ref, target_id=target_id
        )
    except Exception:
        with suppress(DatabaseError):
            bytes_release(ref.sha256)
        raise
    return version


class _Watched:
    """Passes bytes on while checking the first and the last of them. Raises BadFile as soon as it is certain."""

    def __init__(self, chunks: Iterable[bytes], kind: str) -> None:
        self._chunks = chunks
        self._kind = kind
        self._head = b""
        self._tail = b""
        self._checked = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if not self._checked:
                self._head += chunk
                if len(self._head) > HEAD_BYTES:
                    head_check(self._head[:HEAD_BYTES], kind=self._kind, whole=False)
                    self._checked, self._head = True, b""
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]
            yield chunk
        if not self._checked:
            head_check(self._head, kind=self._kind, whole=True)

    def finish(self) -> None:
        tail_check(self._tail, kind=self._kind)


@transaction.atomic
def version_make(
    *,
    actor: Actor,
    dataset_id: uuid.UUID,
    filename: str,
    kind: str,
    ref: BlobRef,
    target_id: uuid.UUID | None = None,
) -> tuple[DatasetVersion, bool]:
    """Register stored bytes as the next version and queue its profile; (version, was it there before?).

    The profile is made on the compute target that is asked for, else on this machine. Raises NotFound, Forbidden,
    Invalid for a target, Conflict for an archived dataset or a target that takes no job now.
    """
    dataset = dataset_lock(actor, dataset_id)
    if dataset.archived_at is not None:
        raise Conflict("The dataset is archived; restore it first.", code="archived")
    blob_hold(ref.sha256, team_id=dataset.team_id)
    if not blob_exists(ref.sha256):
        raise Conflict("The stored bytes were removed meanwhile. Upload the file again.", code="bytes_gone")
    versions = DatasetVersion.objects.filter(dataset=dataset)
    same = versions.filter(content_digest=ref.sha256).exclude(state=_State.FAILED).first()
    if same is not None:
        return same, True
    version = DatasetVersion.objects.create(
        dataset=dataset,
        team_id=dataset.team_id,
        number=number_next(dataset, versions),
        state=_State.PROFILING,
        filename=filename,
        format=kind,
        content_digest=ref.sha256,
        size=ref.size,
        manifest=[{"path": filename, "sha256": ref.sha256, "size": ref.size}],
        created_by_id=actor.id if actor.is_person else None,
        created_by_label=actor.label,
    )
    profile_queue(actor, version, target_id)
    audit_record(
        actor=actor,
        action="dataset.version_created",
        thing=version,
        problem_id=dataset.problem_id,
        after={"number": version.number, "filename": filename, "sha256": ref.sha256, "size": ref.size},
    )
    return version, False


def _editable(version: DatasetVersion) -> None:
    if version.state != _State.SEALED:
        raise Conflict(f"The version is {version.get_state_display()}.", code="not_sealed")
    if version.cited_at is not None:
        raise Conflict(
            "A run or an evaluation has used this version, so its roles and split are sealed. "
            "Upload the file to another dataset to use other roles.",
            code="cited",
        )


@transaction.atomic
def version_roles_save(
    *, actor: Actor, version_id: uuid.UUID, roles: Mapping[str, str], row_version: int | None = None
) -> DatasetVersion:
    """Say what columns are for; columns that are not named keep their role.

    Raises NotFound, Forbidden, Invalid (unknown column or role, two targets), Conflict once the version was used.
    """
    version = version_lock(actor, version_id)
    _editable(version)
    row_version_check(row_version, version)
    names = {c["name"] for c in version.schema}
    faults: dict[str, list[str]] = {}
    for name, role in roles.items():
        if name not in names:
            faults[f"roles.{name}"[:200]] = ["There is no such column."]
        elif role not in ColumnRole.__members__:
            faults[f"roles.{name}"] = [f"One of {', '.join(ColumnRole)}."]
    schema = [{**c, "role": str(roles.get(c["name"], c["role"]))} for c in version.schema]
    for once in _ONCE:
        held = [c["name"] for c in schema if c["role"] == once]
        for name in held[1:]:
            faults.setdefault(f"roles.{name}", []).append(f"“{held[0]}” is the {once.lower()} already.")
    if faults:
        raise Invalid("The roles do not fit together. Nothing was saved.", fields=faults)
    before = {c["name"]: c["role"] for c in version.schema if c["role"] != roles.get(c["name"], c["role"])}
    if not before:
        return version
    version.schema = schema
    version.row_version += 1
    version.save(update_fields=["schema", "row_version"])
    audit_record(
        actor=actor,
        action="dataset.roles_saved",
        thing=version,
        problem_id=version.dataset.problem_id,
        before=before,
        after={name: roles[name] for name in before},
    )
    return version


@transaction.atomic
def version_split_save(
    *,
    actor: Actor,
    version_id: uuid.UUID,
    seed: int,
    fractions: Mapping[str, float],
    by: str | None = None,
    row_version: int | None = None,
) -> DatasetVersion:
    """Say how rows are divided into training, validation and test.

    Raises NotFound, Forbidden, Invalid, Conflict once the version was used.
    """
    version = version_lock(actor, version_id)
    _editable(version)
    row_version_check(row_version, version)
    if isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise Invalid.field("seed", "A whole number from 0 up.")
    shares = {part: fractions.get(part, 0.0) for part in PARTS}
    for part, share in shares.items():
        if isinstance(share, bool) or not math.isfinite(share) or not 0 <= share <= 1:
            raise Invalid.field(f"fractions.{part}", "A share between 0 and 1.")
    if by is not None and by not in {c["name"] for c in version.schema}:
        raise Invalid.field("by", "There is no such column.")
    if not shares["train"] or not shares["test"]:
        raise Invalid.field("fractions", "Training and test both need rows.")
    try:
        split = SplitSpec.from_json({"seed": seed, "fractions": shares, "by": by}).to_json()
    except ValueError as error:
        raise Invalid.field("fractions", f"{error}.") from error
    if split == version.split:
        return version
    before = version.split
    version.split = split
    version.row_version += 1
    version.save(update_fields=["split", "row_version"])
    audit_record(
        actor=actor,
        action="dataset.split_saved",
        thing=version,
        problem_id=version.dataset.problem_id,
        before=before,
        after=split,
    )
    return version


@transaction.atomic
def version_cite(*, actor: Actor, version_id: uuid.UUID) -> DatasetVersion:
    """Note that a run or an evaluation uses the version: from now on its roles and split are sealed too.

    The caller has checked its own rights and audits its own deed. Raises NotFound, Conflict unless it is sealed.
    """
    seen = selectors.dataset_version_get(actor, version_id)
    version = version_locked(seen.pk)
    if version.state != _State.SEALED:
        raise Conflict(f"“{version}” is {version.get_state_display()}, not sealed.", code="not_sealed")
    if version.purged_at is not None:
        raise Conflict(f"The bytes of “{version}” were removed.", code="purged")
    if version.cited_at is None:
        version.cited_at = timezone.now()
        version.save(update_fields=["cited_at"])
    return version


def _withdraw(
    actor: Actor, version_id: uuid.UUID, reason: str, *, start: tuple[str, ...], to: str, kind: DataChangeKind
) -> DatasetVersion:
    version = version_lock(actor, version_id)
    why = text_clean(reason, "reason", 2000, needed=True, one_line=False)
    if version.state not in start:
        raise Conflict(f"The version is {version.get_state_display()}.", code="bad_move")
    before = version.state
    version.state = to
    version.row_version += 1
    version.save(update_fields=["state", "row_version"])
    audit_record(
        actor=actor,
        action=f"dataset.version_{kind.lower()}",
        thing=version,
        problem_id=version.dataset.problem_id,
        before={"state": before},
        after={"state": to},
        reason=why,
    )
    data_listeners_tell(DataChange(kind, version.team_id, version.pk, f"“{version}”: {why}"))
    return version


@transaction.atomic
def version_quarantine(*, actor: Actor, version_id: uuid.UUID, reason: str) -> DatasetVersion:
    """Keep a version from new use until it is looked at. Raises NotFound, Forbidden, Invalid, Conflict."""
    return _withdraw(
        actor, version_id, reason, start=(_State.SEALED,), to=_State.QUARANTINED, kind=DataChangeKind.QUARANTINED
    )


@transaction.atomic
def version_release(*, actor: Actor, version_id: uuid.UUID, reason: str) -> DatasetVersion:
    """Let a quarantined version be used again. Raises NotFound, Forbidden, Invalid, Conflict."""
    return _withdraw(
        actor, version_id, reason, start=(_State.QUARANTINED,), to=_State.SEALED, kind=DataChangeKind.RELEASED
    )


@transaction.atomic
def version_recall(*, actor: Actor, version_id: uuid.UUID, reason: str) -> DatasetVersion:
    """Withdraw a version for good; what was made from it is found by its lineage.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    return _withdraw(
        actor,
        version_id,
        reason,
        start=(_State.SEALED, _State.QUARANTINED),
        to=_State.RECALLED,
        kind=DataChangeKind.RECALLED,
    )


@transaction.atomic
def version_purge(*, actor: Actor, version_id: uuid.UUID, reason: str, confirm: str) -> DatasetVersion:
    """Remove the bytes of a version; the row stays as a tombstone with its hash, schema and profile.

    `confirm` repeats the version's name ("Toronto arrests 1"). Raises NotFound, Forbidden, Invalid, Conflict
    when a live model or an open request needs the bytes.
    """
    version = version_lock(actor, version_id)
    why = text_clean(reason, "reason", 2000, needed=True, one_line=False)
    if confirm.strip() != str(version):
        raise Invalid.field("confirm", f"Type “{version}” to confirm.")
    if version.state in (_State.REGISTERING, _State.PROFILING):
        raise Conflict("The version is being profiled. Cancel the job first.", code="profiling")
    if version.purged_at is not None:
        return version
    vetoes = purge_vetoes(version.pk)
    if vetoes:
        raise Conflict("The bytes are needed.", code="needed", items=vetoes)
    version.purged_at = timezone.now()
    version.purge_reason = why
    version.row_version += 1
    version.save(update_fields=["purged_at", "purge_reason", "row_version"])
    audit_record(
        actor=actor,
        action="dataset.version_purged",
        thing=version,
        problem_id=version.dataset.problem_id,
        after={"bytes": version.size + (version.table_size or 0), "sha256": version.content_digest},
        reason=why,
    )
    data_listeners_tell(DataChange(DataChangeKind.PURGED, version.team_id, version.pk, f"“{version}”: {why}"))
    for sha256 in {version.content_digest, version.table_sha256}:
        transaction.on_commit(partial(bytes_release, sha256))
    return version
