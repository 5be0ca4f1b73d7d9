"""Reading bundles."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db.models import QuerySet

from apps.code.contracts import Entry
from apps.code.models import Bundle
from apps.code.reading.lockfiles import lock_read
from apps.code.reading.notebooks import NEEDED, unpinned
from apps.core.actors import Actor
from apps.core.blobs import blob_chunks
from apps.core.errors import NotFound

CHOICES = 100


def bundle_list(actor: Actor, *, team_id: uuid.UUID | None = None, archived: bool = False) -> QuerySet[Bundle]:
    """Bundles without what is read from their files; the caller sorts."""
    rows = Bundle.objects.visible_to(actor).filter(archived_at__isnull=not archived)
    rows = rows.defer("files", "lock_text")
    return rows if team_id is None else rows.filter(team_id=team_id)


def bundle_get(actor: Actor, pk: uuid.UUID) -> Bundle:
    """One bundle. Raises NotFound."""
    found: Bundle | None = Bundle.objects.visible_to(actor).select_related("team").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such code, or you may not see it.")
    return found


def bundle_choices(actor: Actor, team_id: uuid.UUID) -> list[Bundle]:
    """Bundles of a team that can be launched, newest first."""
    rows = bundle_list(actor, team_id=team_id).filter(state=Bundle.State.READY)
    return list(rows.order_by("-id")[:CHOICES])


def entries_of(bundle: Bundle) -> list[Entry]:
    """The ways into a bundle."""
    return [Entry.from_json(one) for one in bundle.entries]


def entry_find(bundle: Bundle, entry_id: str) -> Entry | None:
    """The entry of that id; the first for an empty one."""
    found = entries_of(bundle)
    return next((one for one in found if one.id == entry_id), None) if entry_id else (found[0] if found else None)


def notebook_problems(bundle: Bundle, entry: Entry) -> list[str]:
    """What keeps a notebook of a bundle from running as a job, in sentences; an empty list when nothing does."""
    if not bundle.lock_path:
        return [f"It runs with {' and '.join(NEEDED)}, which a lockfile beside it must pin: zip both together."]
    packages = [name for name, _ in lock_read(bundle.lock_text, bundle.lock_path).packages]
    missing = [name for name in NEEDED if name not in packages]
    needs = [f"It runs with {' and '.join(missing)}: add it to {bundle.lock_path}."] if missing else []
    cut = len(bundle.root) + 1 if bundle.root else 0
    paths = [str(one["path"])[cut:] for one in bundle.files]
    return [*entry.blocks, *needs, *unpinned(entry.imports, packages, paths)]


def bundle_bytes(actor: Actor, pk: uuid.UUID) -> tuple[Bundle, Iterator[bytes]]:
    """A bundle with its bytes in pieces. Raises NotFound."""
    bundle = bundle_get(actor, pk)
    if not bundle.sha256:
        raise NotFound(f"{bundle} has no bytes yet: it is {bundle.get_state_display()}.")
    return bundle, blob_chunks(bundle.sha256)


def bundle_search(actor: Actor, text: str, limit: int) -> QuerySet[Bundle]:
    """Bundles whose name, commit or digest has the text."""
    rows = bundle_list(actor)
    found = rows.filter(name__icontains=text) | rows.filter(sha256__startswith=text.lower())
    return found.order_by("-id")[:limit]
