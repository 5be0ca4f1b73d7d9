"""Workers and beat: who lives, and which jobs they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import Job, JobAttempt, Pulse, Worker


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker with the jobs that it holds now; `lives` when it said so lately."""

    worker: Worker
    lives: bool
    holds: list[Job]


def worker_list() -> list[WorkerView]:
    """Workers that live, and those that are gone and still hold something or were seen within ten minutes."""
    now = timezone.now()
    recent, lately = now - timedelta(minutes=10), now - timedelta(seconds=3 * settings.JOB_HEARTBEAT_SECONDS)
    held: dict[str, list[Job]] = {}
    for attempt in JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS).select_related("job").order_by("id"):
        held.setdefault(attempt.worker, []).append(attempt.job)
    rows = Worker.objects.filter(Q(seen_at__gte=recent) | Q(name__in=list(held))).order_by("name")
    return [WorkerView(row, row.seen_at >= lately, held.get(row.name, [])) for row in rows]


def beat_at() -> datetime | None:
    """When a task of beat's last ran."""
    return Pulse.objects.filter(name="beat").values_list("at", flat=True).first()
