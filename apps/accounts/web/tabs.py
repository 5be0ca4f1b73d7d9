"""The tabs of the administration and of one's own account."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.core.actors import Actor


def admin_tabs(actor: Actor, current: str) -> list[dict[str, Any]]:
    """People, teams, invitations, who can do this."""
    entries = (
        ("people", "People", "person-list"),
        ("teams", "Teams", "team-list"),
        ("invitations", "Invitations", "invitation-list"),
        ("roles", "Who can do this?", "roles-matrix"),
    )
    return [{"label": label, "url": reverse(name), "current": key == current} for key, label, name in entries]
