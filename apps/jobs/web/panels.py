"""Cards of the job page that are not about the job's own rows: panels of rooms above, and readings as small lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.jobs import selectors
from apps.jobs.contracts import JobPanel
from apps.jobs.models import Job, JobAttempt


def panels_render(request: HttpRequest, job: Job, panels: Iterable[JobPanel]) -> list[SafeString]:
    """Each registered card drawn with its own context; a card whose context is None is left out."""
    drawn = []
    for panel in panels:
        context = panel.context(request.actor, job)  # type: ignore[attr-defined]
        if context is not None:
            drawn.append(render_to_string(panel.template, {**context, "job": job}, request=request))
    return drawn


def usage_context(job: Job, attempts: list[JobAttempt]) -> dict[str, Any]:
    """Readings of the newest attempt: series for the lines, the latest values, peaks."""
    rows = selectors.usage_recent(job)
    newest = attempts[-1] if attempts else None
    return {
        "cpu_series": [row["cpu"] for row in rows],
        "memory_series": [row["memory"] for row in rows],
        "cpu_now": rows[-1]["cpu"] if rows else None,
        "memory_now": rows[-1]["memory"] if rows else None,
        "memory_peak": newest.rss_peak_bytes if newest else None,
        "cpu_seconds": newest.cpu_seconds if newest else None,
    }
