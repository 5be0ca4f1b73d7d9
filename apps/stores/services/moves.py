"""Moving a team's bytes from one store to another: file by file, each hashed, taken up again where it broke off."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core import formats
from apps.core.actors import Actor
from apps.core.blob_moves import NotWhole, blob_copy, blob_let_go
from apps.core.blob_places import OWN
from apps.core.blob_use import team_copies, team_copies_total, teams_needing
from apps.core.broker import task_send, task_send_now
from apps.core.errors import Conflict, FairwayError, Invalid, NotFound, Unavailable
from apps.stores import selectors
from apps.stores.models import StorageBackend, StorageMove
from apps.stores.policies import require_stores_manage
from apps.stores.services.backends import team_store_put
from apps.stores.services.checks import SILENT
from apps.stores.services.opening import homes, takes_require

State = StorageMove.State
TASK = "apps.stores.tasks.store_move_run"
SLICE_SECONDS = 45.0
"""So long one task moves before it lets others of its queue pass."""
BATCH = 50
TRIES = 240
"""So often a store is found away, half a minute apart, before a move is given up."""
ROUNDS = 3
"""So often the old place is looked through, for what came to it while the move began."""
FAULTS_SHOWN = 100


class _Lost(Exception):
    """The move is another worker's by now, or is over."""


def move_begin(*, actor: Actor, team_id: uuid.UUID, source_id: uuid.UUID, target_id: uuid.UUID) -> StorageMove:
    """Move what a team has in one store into another; from now on its new bytes go there too.

    Raises NotFound, Forbidden, Invalid (the same store), Conflict (a target that takes no bytes, a move of the team
    that is not over).
    """
    require_stores_manage(actor)
    selectors.backend_get(actor, source_id)
    selectors.backend_get(actor, target_id)
    if source_id == target_id:
        raise Invalid.field("target_id", "Choose another store than the one that the files are in.")
    try:
        team = accounts.team_get(actor, team_id)
    except NotFound as error:
        raise Invalid.field("team_id", "There is no such team.") from error
    with transaction.atomic():
        target = team_store_put(actor=actor, team_id=team.pk, backend_id=target_id)
        total = team_copies_total(team.pk, source_id)
        try:
            with transaction.atomic():
                move: StorageMove = StorageMove.objects.create(
                    team=team,
                    source_id=source_id,
                    target=target,
                    files_total=total.files,
                    bytes_total=total.bytes,
                    created_by_label=actor.label[:200],
                )
        except IntegrityError as error:
            raise Conflict(
                f"Files of {team.name} are being moved already. Let that end, or cancel it.", code="move_runs"
            ) from error
        audit_record(
            actor=actor,
            action="store.move",
            thing=move,
            team_id=team.pk,
            after={"from": move.source.name, "to": target.name, "files": total.files, "bytes": total.bytes},
        )
        task_send(TASK, move.pk)
    return move


def move_cancel(*, actor: Actor, move_id: uuid.UUID) -> StorageMove:
    """Stop after the file that is under way; what was moved stays in the new place.

    Raises NotFound, Forbidden, Conflict (it is over).
    """
    require_stores_manage(actor)
    selectors.move_get(actor, move_id)
    with transaction.atomic():
        move = _lock(move_id)
        if move.state not in StorageMove.OPEN:
            raise Conflict(f"This move is over: it is {move.get_state_display()}.", code="move_over")
        move.cancel_requested_at = move.cancel_requested_at or timezone.now()
        audit_record(actor=actor, action="store.move_cancel", thing=move, team_id=move.team_id)
        if move.lease is None or (move.beat_at and move.beat_at < timezone.now() - SILENT):
            _end(move, State.CANCELLED)
        else:
            move.save(update_fields=["cancel_requested_at"])
    return move


def move_run(*, move_id: uuid.UUID, seconds: float = SLICE_SECONDS) -> StorageMove:
    """Go on with a move for a while. One worker at a time has it; the next slice is a task of its own."""
    lease = uuid.uuid4()
    with transaction.atomic():
        move = _lock(move_id)
        held = move.lease is not None and move.beat_at is not None and move.beat_at > timezone.now() - SILENT
        if move.state not in StorageMove.OPEN or held:
            return move
        move.state, move.lease, move.beat_at = State.RUNNING, lease, timezone.now()
        move.save()
    try:
        ended = _slice(move, lease, time.monotonic() + seconds)
    except _Lost:
        move.refresh_from_db()
        return move
    except Unavailable as error:
        _wait(move, lease, error.detail)
        return move
    except FairwayError as error:
        # The target was closed meanwhile, or something else that waiting does not mend.
        _close(move, lease, State.FAILED, error.detail)
        return move
    if not ended:
        _note(move, lease, keep=False)
        task_send_now(TASK, move.pk)
    return move


def _slice(move: StorageMove, lease: uuid.UUID, until: float) -> bool:
    """Move files until the time is over; True once the move has ended."""
    needed = partial(_needed_elsewhere, move)
    takes = partial(_target_takes, move.target_id)
    while True:
        batch = team_copies(move.team_id, move.source_id, after=move.cursor, limit=BATCH)
        if not batch:
            if _round_over(move, lease):
                return True
            continue
        for sha256, size in batch:
            _one(move, sha256, size, takes, needed)
            move.cursor, move.waits, move.tries = sha256, "", 0
            _note(move, lease)
            if move.cancel_requested_at is not None:
                _close(move, lease, State.CANCELLED)
                return True
            if time.monotonic() > until:
                return False


def _one(move: StorageMove, sha256: str, size: int, takes: Callable[[], None], needed: Callable[[str], bool]) -> None:
    try:
        if not blob_copy(sha256, source=move.source_id, target=move.target_id, takes=takes):
            return  # nothing needed it any more, and it was collected
    except NotWhole as error:
        move.files_failed += 1
        if len(move.faults) < FAULTS_SHOWN:
            move.faults.append([sha256, str(error)])
        return
    if blob_let_go(sha256, source=move.source_id, target=move.target_id, needed=needed):
        move.files_done += 1
        move.bytes_done += size
    else:
        move.files_kept += 1


def _needed_elsewhere(move: StorageMove, sha256: str) -> bool:
    """Does a team need these bytes whose store is not the new one?"""
    where = homes()
    return any(where.get(team, OWN) != move.target_id for team in teams_needing(sha256) - {move.team_id})


def _target_takes(target_id: uuid.UUID) -> None:
    takes_require(StorageBackend.objects.get(pk=target_id))


def _round_over(move: StorageMove, lease: uuid.UUID) -> bool:
    """All was looked at: end, or once more for what came meanwhile."""
    left = team_copies_total(move.team_id, move.source_id).files
    move.rounds += 1
    if left > move.files_kept + move.files_failed and move.rounds < ROUNDS:
        move.cursor, move.files_kept, move.files_failed, move.faults = "", 0, 0, []
        _note(move, lease)
        return False
    _close(move, lease, State.FAILED if move.files_failed else State.DONE)
    return True


def _lock(move_id: uuid.UUID) -> StorageMove:
    rows = StorageMove.objects.select_for_update(of=("self",)).select_related("team", "source", "target")
    found: StorageMove = rows.get(pk=move_id)
    return found


_PROGRESS = ("cursor", "rounds", "files_done", "bytes_done", "files_kept", "files_failed", "faults", "waits", "tries")


def _note(move: StorageMove, lease: uuid.UUID, *, keep: bool = True) -> None:
    """Write down how far it is, as long as the move is still this worker's. Raises _Lost."""
    values = {name: getattr(move, name) for name in _PROGRESS}
    now = timezone.now()
    mine = StorageMove.objects.filter(pk=move.pk, lease=lease, state=State.RUNNING)
    if not mine.update(**values, beat_at=now, updated_at=now, lease=lease if keep else None):
        raise _Lost
    move.cancel_requested_at = StorageMove.objects.values_list("cancel_requested_at", flat=True).get(pk=move.pk)


def _wait(move: StorageMove, lease: uuid.UUID, why: str) -> None:
    """A store is away: beat has the move taken up again, until it was tried too often."""
    move.waits, move.tries = why[:500], move.tries + 1
    if move.tries >= TRIES:
        _close(move, lease, State.FAILED, why)
        return
    try:
        _note(move, lease, keep=False)
    except _Lost:
        move.refresh_from_db()


def _close(move: StorageMove, lease: uuid.UUID, state: str, why: str = "") -> None:
    with transaction.atomic():
        locked = _lock(move.pk)
        if locked.lease != lease or locked.state != State.RUNNING:
            return
        for name in _PROGRESS:
            setattr(locked, name, getattr(move, name))
        _end(locked, state, why)
    move.refresh_from_db()


def _end(move: StorageMove, state: str, why: str = "") -> None:
    """Close a move that is locked, with what a person reads first."""
    move.state, move.ended_at, move.lease, move.waits = state, timezone.now(), None, ""
    move.verdict = _verdict(move, state, why)[:1000]
    move.row_version += 1
    move.save()
    audit_record(
        actor=Actor.system("stores"),
        action=f"store.move_{state.lower()}",
        thing=move,
        team_id=move.team_id,
        after={
            "files": move.files_done,
            "bytes": move.bytes_done,
            "kept": move.files_kept,
            "failed": move.files_failed,
        },
    )


def _verdict(move: StorageMove, state: str, why: str) -> str:
    moved = f"{formats.counted(move.files_done, 'file')} ({formats.size(move.bytes_done)})"
    kept = ""
    if move.files_kept:
        files = formats.counted(move.files_kept, "further file")
        kept = f" {files} copied, and left in the old place as well: another team needs them there."
    if state == State.DONE and not (move.files_done or move.files_kept):
        return f"There was nothing to move. New files of {move.team.name} go to {move.target.name}."
    if state == State.DONE:
        return f"{moved} moved, each hashed after it was copied.{kept}"
    if state == State.CANCELLED:
        return (
            f"Cancelled after {moved}. What was moved stays in the new place, the rest in the old one; both are read."
        )
    if why:
        return f"Given up after {moved}: {why} What was not moved stays where it was; begin the move again."
    failed = formats.counted(move.files_failed, "file")
    return f"{moved} moved; {failed} could not be and stay where they were.{kept}"
