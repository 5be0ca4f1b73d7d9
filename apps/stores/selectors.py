"""Reading stores: who manages them sees all, others that there are some is not told."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.blob_places import OWN
from apps.core.blob_use import KeptPreview, PlaceUse, TeamCopies, kept_preview, place_use, place_use_by_team
from apps.core.errors import Invalid, NotFound
from apps.stores.models import BackendDay, StorageBackend, StorageMove, StorageTest, TeamStore
from apps.stores.policies import stores_manage

State = StorageBackend.State
GROWTH_DAYS = 30
DAYS_MOST = 3650


@dataclass(frozen=True, slots=True)
class Growth:
    """What a store holds, and what it held 30 days ago; None where nobody measured that long ago."""

    now: PlaceUse
    then: PlaceUse | None
    measured_since: date | None

    @property
    def grown(self) -> int | None:
        """Bytes more than 30 days ago."""
        return None if self.then is None else self.now.bytes - self.then.bytes


def backend_list(actor: Actor) -> QuerySet[StorageBackend]:
    """Stores that were not removed; the caller sorts. None for who does not manage them."""
    rows = StorageBackend.objects.exclude(state=State.REMOVED)
    return rows if stores_manage(actor) else rows.none()


def backend_get(actor: Actor, pk: uuid.UUID) -> StorageBackend:
    """One store. Raises NotFound, also for who does not manage stores."""
    found: StorageBackend | None = StorageBackend.objects.exclude(state=State.REMOVED).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such storage backend, or you may not see it.")
    return found


def backend_own() -> StorageBackend:
    """The installation's own store; made where it is missing."""
    made, _ = StorageBackend.objects.get_or_create(
        pk=OWN,
        defaults={
            "name": "this-installation",
            "kind": StorageBackend.Kind.EMBEDDED,
            "builtin": True,
            "state": State.HEALTHY,
            "description": "Where this installation keeps files by itself (STORAGE_URL).",
        },
    )
    return made


def backend_ids(pks: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Those of these that were not removed."""
    return list(StorageBackend.objects.filter(pk__in=pks).exclude(state=State.REMOVED).values_list("pk", flat=True))


def team_backend(team_id: uuid.UUID) -> StorageBackend:
    """The store of a team's new bytes, whether it takes some now or not."""
    row = TeamStore.objects.select_related("backend").filter(team_id=team_id).first()
    return row.backend if row else backend_own()


def teams_of(backend: StorageBackend) -> list[TeamStore]:
    """Teams whose new bytes go to a store, by name; for the own one nobody is listed, since it is everybody's else."""
    return list(backend.team_stores.select_related("team").order_by("team__name", "team_id"))


def test_get(actor: Actor, pk: uuid.UUID) -> StorageTest:
    """One test. Raises NotFound."""
    found: StorageTest | None = StorageTest.objects.select_related("backend").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such test, or you may not see it.")
    return found


def test_latest(backend: StorageBackend) -> StorageTest | None:
    """The newest test of a store."""
    newest: StorageTest | None = backend.tests.order_by("-id").first()
    return newest


def move_list(actor: Actor) -> QuerySet[StorageMove]:
    """Every move; the caller sorts. None for who does not manage stores."""
    rows = StorageMove.objects.select_related("team", "source", "target")
    return rows if stores_manage(actor) else rows.none()


def move_get(actor: Actor, pk: uuid.UUID) -> StorageMove:
    """One move. Raises NotFound."""
    found = StorageMove.objects.select_related("team", "source", "target").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such move, or you may not see it.")
    return found


def use_by_team(backend: StorageBackend) -> list[TeamCopies]:
    """Who needs what of a store."""
    return place_use_by_team(backend.pk)


def growth_of(backends: Collection[StorageBackend]) -> dict[uuid.UUID, Growth]:
    """What each holds now and held 30 days ago."""
    now, day = place_use(), timezone.localdate() - timedelta(days=GROWTH_DAYS)
    ids = [backend.pk for backend in backends]
    # The day itself, or the last before it that was measured.
    rows = BackendDay.objects.filter(backend_id__in=ids, day__lte=day).order_by("backend_id", "-day")
    then = {row.backend_id: PlaceUse(row.files, row.bytes) for row in rows.distinct("backend_id")}
    first = dict(
        BackendDay.objects.filter(backend_id__in=ids)
        .order_by("backend_id", "day")
        .distinct("backend_id")
        .values_list("backend_id", "day")
    )
    return {pk: Growth(now.get(pk, PlaceUse()), then.get(pk), first.get(pk)) for pk in ids}


def retention_preview(backend: StorageBackend, days: int) -> KeptPreview:
    """What keeping unneeded bytes for `days` would remove at the next round. Raises Invalid."""
    if isinstance(days, bool) or not 1 <= days <= DAYS_MOST:
        raise Invalid.field("days", f"A whole number from 1 to {DAYS_MOST}.")
    return kept_preview(backend.pk, days=days)


def faulty() -> list[StorageBackend]:
    """Stores that do not answer as they should, by name."""
    return list(StorageBackend.objects.exclude(state=State.REMOVED).exclude(fault="").order_by("name"))


def moves_of(backend: StorageBackend) -> list[StorageMove]:
    """Moves from or to a store, the newest first."""
    rows = StorageMove.objects.filter(Q(source=backend) | Q(target=backend))
    return list(rows.select_related("team", "source", "target").order_by("-id")[:10])


def teams_elsewhere() -> list[uuid.UUID]:
    """Teams whose new files go to another store than the installation's own."""
    return list(TeamStore.objects.exclude(backend_id=OWN).values_list("team_id", flat=True))
