"""What the frame of every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.registries import navigation_list


def frame(request: HttpRequest) -> dict[str, Any]:
    """Navigation, team and person; nothing for a stranger."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None or not actor.is_authenticated:
        return {"actor": None, "live_url": ""}
    team = accounts.team_current(request)
    team_id = team.pk if team else None
    return {
        "actor": actor,
        "teams": accounts.teams_of_request(request),
        "team": team,
        "navigation": navigation_list(actor, team_id),
        "live_url": settings.LIVE_URL,
        "live_port": settings.PORTS["live"],
    }
