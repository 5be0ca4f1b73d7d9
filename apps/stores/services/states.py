"""The one place where a store changes its state, and what people do to it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core import formats
from apps.core.actors import Actor
from apps.core.blob_places import place_lock
from apps.core.blob_use import PlaceUse, place_references, place_use
from apps.core.errors import Conflict
from apps.notices.services import notice_send
from apps.stores.models import StorageBackend, StorageMove
from apps.stores.policies import require_stores_manage
from apps.stores.selectors import backend_get, teams_of
from apps.stores.services.opening import storage_forget

State = StorageBackend.State

MOVES: dict[str, frozenset[str]] = {
    State.UNTESTED: frozenset({State.HEALTHY, State.REMOVED}),
    State.HEALTHY: frozenset({State.READ_ONLY, State.UNTESTED}),
    State.READ_ONLY: frozenset({State.HEALTHY, State.UNTESTED, State.REMOVED}),
    State.REMOVED: frozenset(),
}


def backend_lock(backend_id: uuid.UUID) -> StorageBackend:
    """The store's row, locked until the transaction ends."""
    found: StorageBackend = StorageBackend.objects.select_for_update(no_key=True).get(pk=backend_id)
    return found


def backend_transition(*, actor: Actor, backend: StorageBackend, to: str, reason: str = "") -> StorageBackend:
    """Move a store that the caller has locked, with its audit entry. Saves the whole row.

    Raises Conflict when the table of moves does not have this one.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("A store moves only inside the transaction that holds its lock.")
    if to not in MOVES[backend.state]:
        raise Conflict(
            f"A storage backend that is {backend.get_state_display()} cannot become {State(to).label}.",
            code="store_state",
        )
    before = backend.state
    backend.state, backend.state_reason, backend.state_since = to, reason[:500], timezone.now()
    backend.row_version += 1
    backend.save()
    storage_forget(backend.pk)
    audit_record(
        actor=actor,
        action=f"store.{to.lower()}",
        thing=backend,
        before={"state": before},
        after={"state": to},
        reason=reason,
    )
    return backend


def _locked(actor: Actor, backend_id: uuid.UUID) -> StorageBackend:
    require_stores_manage(actor)
    backend_get(actor, backend_id)
    # Whoever is about to note a write to it is over, or sees what becomes of it.
    place_lock(backend_id, alone=True)
    return backend_lock(backend_id)


def backend_close(*, actor: Actor, backend_id: uuid.UUID, reason: str = "") -> StorageBackend:
    """Make a store read-only: it keeps what it has and takes no new bytes.

    Raises NotFound, Forbidden, Conflict (not healthy; the installation's own, which always takes bytes).
    """
    with transaction.atomic():
        backend = _locked(actor, backend_id)
        if backend.builtin:
            raise Conflict(
                "This installation's own store always takes bytes: what belongs to no team, and teams without a store "
                "of their own, have no other place.",
                code="builtin",
            )
        return backend_transition(actor=actor, backend=backend, to=State.READ_ONLY, reason=reason.strip())


def backend_reopen(*, actor: Actor, backend_id: uuid.UUID) -> StorageBackend:
    """Take new bytes again: at once where a test has passed, else untested. Raises NotFound, Forbidden, Conflict."""
    with transaction.atomic():
        backend = _locked(actor, backend_id)
        if backend.state != State.READ_ONLY:
            raise Conflict(
                f"Storage backend {backend.name} is not read-only: it is {backend.get_state_display()}.",
                code="store_state",
            )
        to = State.HEALTHY if backend.tested_at is not None else State.UNTESTED
        return backend_transition(actor=actor, backend=backend, to=to)


def backend_remove(*, actor: Actor, backend_id: uuid.UUID) -> StorageBackend:
    """Forget a store for good, its secret too; never while it holds bytes that anything needs.

    Raises NotFound, Forbidden, and Conflict for the installation's own, for one that takes bytes, and while it is in
    use: `items` lists what needs it, with bytes.
    """
    with transaction.atomic():
        backend = _locked(actor, backend_id)
        if backend.builtin:
            raise Conflict("This installation's own store cannot be removed.", code="builtin")
        if backend.state == State.HEALTHY:
            raise Conflict(
                f"Storage backend {backend.name} takes bytes: make it read-only first, then remove it.",
                code="not_read_only",
            )
        _unused_require(backend)
        backend.secret, backend.fault = "", ""
        return backend_transition(actor=actor, backend=backend, to=State.REMOVED)


def _unused_require(backend: StorageBackend) -> None:
    teams = [row.team.name for row in teams_of(backend)]
    if teams:
        raise Conflict(
            f"New files of {', '.join(teams)} go to {backend.name}: give them another store first.",
            code="in_use",
            items=[{"team": name} for name in teams],
        )
    if StorageMove.objects.filter(Q(source=backend) | Q(target=backend), state__in=StorageMove.OPEN).exists():
        raise Conflict(f"Files are moved from or to {backend.name} now: let that end or cancel it.", code="in_use")
    held = place_use().get(backend.pk, PlaceUse())
    if not held.files:
        return
    needed = place_references(backend.pk)
    amount = f"{formats.counted(held.files, 'file')} ({formats.size(held.bytes)})"
    if not needed:
        raise Conflict(
            f"{backend.name} still holds {amount} that nothing refers to any more. They are removed "
            f"{formats.counted(backend.retention_days, 'day')} after they were last written; then it can go.",
            code="in_use",
            items=[{"files": held.files, "bytes": held.bytes}],
        )
    named = ", ".join(f"{one.label} ({one.kind}, {formats.size(size)})" for one, size in needed[:5])
    more = " and more" if len(needed) > 5 else ""
    raise Conflict(
        f"{backend.name} holds {amount}, needed by {named}{more}. Move the teams' files to another store, then "
        "remove it.",
        code="in_use",
        items=[
            {"kind": one.kind, "label": one.label, "url": one.url, "team_id": str(one.team_id), "bytes": size}
            for one, size in needed
        ],
    )


def people_tell(backend: StorageBackend, *, title: str, text: str, event: str) -> None:
    """Tell who manages stores once of an event; an installation without a team has nobody to tell."""
    team = accounts.team_list(Actor.system("stores")).first()
    if team is None:
        return
    notice_send(
        users=accounts.site_people_with_verb("target.manage"),
        team_id=team.pk,
        kind="store",
        title=title,
        text=text,
        url=reverse("store-detail", args=[backend.pk]),
        dedupe=f"store:{backend.pk}:{event}",
    )
