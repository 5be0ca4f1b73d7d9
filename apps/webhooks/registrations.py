"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from django.urls import reverse

from apps.core.links import link_register
from apps.core.registries import AdminTab, Command, admin_tab_register, command_register
from apps.webhooks import selectors
from apps.webhooks.policies import webhooks_open


def register() -> None:
    """A tab of the administration, commands, links of audit entries."""
    admin_tab_register(AdminTab("webhooks", "Webhooks", "webhook-list", 50, webhooks_open))
    command_register(Command("Go to webhooks", "webhook-list", "send", webhooks_open))
    command_register(Command("Create a webhook", "webhook-create", "send", webhooks_open))
    link_register(
        "webhooks.webhook",
        # What was removed has no page.
        lambda ids: {pk: reverse("webhook-detail", args=[pk]) for pk in selectors.webhook_ids(ids)},
        opens=webhooks_open,
    )
