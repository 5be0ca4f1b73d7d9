"""What the room tells the rooms below: where bytes lie, its commands and links."""

from __future__ import annotations

from django.urls import reverse

from apps.core.blob_places import places_register
from apps.core.links import link_register
from apps.core.registries import Command, command_register
from apps.stores import selectors
from apps.stores.policies import stores_manage
from apps.stores.services import opening


def register() -> None:
    """Stores of blobs, commands, links of audit entries. The tab of the administration is that of storage."""
    places_register(home_of=opening.home_of, storage_of=opening.storage_of, kept_days=opening.kept_days)
    command_register(Command("Go to storage backends", "store-list", "database", stores_manage))
    command_register(Command("Add a storage backend", "store-create", "database", stores_manage))
    link_register(
        "stores.storagebackend",
        # What was removed has no page.
        lambda ids: {pk: reverse("store-detail", args=[pk]) for pk in selectors.backend_ids(ids)},
        opens=stores_manage,
    )
    link_register(
        "stores.storagemove",
        lambda ids: {pk: reverse("store-move-detail", args=[pk]) for pk in ids},
        opens=stores_manage,
    )
