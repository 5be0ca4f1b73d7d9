"""Where the job that reads a file runs: what a form offers, and what it sent."""

from __future__ import annotations

import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from apps.compute import selectors as compute
from apps.core.errors import Invalid

FIELD: Final = "target_id"


def targets_context(team_id: uuid.UUID, *, may: bool) -> dict[str, Any]:
    """{"targets": (id, words) of each healthy target, this machine first; "forecast_url"}; nothing where there is no
    choice, or none of theirs.
    """
    targets = compute.target_choices(team_id) if may else []
    if len(targets) < 2:
        return {"targets": [], "forecast_url": ""}
    query = urlencode({"team": team_id, "kind": "profile", "signature": "profile"})
    return {
        "targets": [(one.pk, compute.target_words(one)) for one in targets],
        "forecast_url": f"{reverse('job-forecast')}?{query}",
    }


def target_of(request: HttpRequest) -> uuid.UUID | None:
    """The target that a form chose, None for this machine. Raises Invalid at the field."""
    given = request.POST.get(FIELD, "")
    try:
        return uuid.UUID(given) if given else None
    except ValueError:
        raise Invalid.field(FIELD, "There is no such compute target.") from None
