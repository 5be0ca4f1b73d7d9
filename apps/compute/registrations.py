"""What the room tells the rooms below: its pages, commands and links."""

from __future__ import annotations

from django.urls import reverse

from apps.compute import selectors
from apps.compute.policies import targets_manage
from apps.core.links import link_register
from apps.core.registries import AdminTab, Command, admin_tab_register, command_register


def register() -> None:
    """A tab of the administration, commands, links of audit entries."""
    admin_tab_register(AdminTab("compute", "Compute", "compute-list", 45, targets_manage))
    command_register(Command("Go to compute targets", "compute-list", "server", targets_manage))
    command_register(Command("Add a compute target", "compute-create", "server", targets_manage))
    link_register(
        "compute.computetarget",
        # What was removed has no page.
        lambda ids: {pk: reverse("compute-detail", args=[pk]) for pk in selectors.target_ids(ids)},
        opens=targets_manage,
    )
