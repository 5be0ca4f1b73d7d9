"""Workers: that they live, how far their clocks are off, and draining one."""

from __future__ import annotations

import os
import platform
import uuid
from datetime import datetime, timedelta
from functools import cache

import psutil
from django.db import connection, transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.build import build
from apps.core.errors import Conflict, NotFound
from apps.jobs.models import Pulse, Worker
from apps.jobs.policies import require_workers_manage

KEPT = timedelta(days=1)
BEAT = "beat"


@cache
def worker_name() -> str:
    """This process, such that another one on the same machine can see whether it still lives: host:pid:started."""
    process = psutil.Process(os.getpid())
    return f"{platform.node()}:{process.pid}:{process.create_time():.2f}"


def worker_seen() -> Worker:
    """This process says that it lives, and how far its clock is from the database's."""
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    after = timezone.now()
    ahead = (before + (after - before) / 2 - there).total_seconds()
    values = {"version": build().version, "seen_at": there, "clock_ahead": round(ahead, 3)}
    worker, _ = Worker.objects.update_or_create(name=worker_name(), defaults=values)
    return worker


def worker_is_drained() -> bool:
    """Is this process asked to take nothing new?"""
    return Worker.objects.filter(name=worker_name(), drained_at__isnull=False).exists()


def worker_drain(*, actor: Actor, worker_id: uuid.UUID) -> Worker:
    """Have a worker finish what it holds and take nothing new. Raises NotFound, Forbidden, Conflict (drained)."""
    with transaction.atomic():
        worker = _locked(actor, worker_id)
        if worker.drained_at is not None:
            raise Conflict(f"Worker {worker} is drained already.", code="drained")
        worker.drained_at, worker.drained_by_label = timezone.now(), actor.label[:200]
        worker.save(update_fields=["drained_at", "drained_by_label"])
        audit_record(actor=actor, action="worker.drain", thing=worker)
    return worker


def worker_resume(*, actor: Actor, worker_id: uuid.UUID) -> Worker:
    """Have a drained worker take jobs again. Raises NotFound, Forbidden, Conflict (not drained)."""
    with transaction.atomic():
        worker = _locked(actor, worker_id)
        if worker.drained_at is None:
            raise Conflict(f"Worker {worker} is not drained.", code="not_drained")
        worker.drained_at, worker.drained_by_label = None, ""
        worker.save(update_fields=["drained_at", "drained_by_label"])
        audit_record(actor=actor, action="worker.resume", thing=worker)
    return worker


def _locked(actor: Actor, worker_id: uuid.UUID) -> Worker:
    require_workers_manage(actor)
    worker: Worker | None = Worker.objects.select_for_update().filter(pk=worker_id).first()
    if worker is None:
        raise NotFound("There is no such worker; one that was restarted is another.")
    return worker


def workers_forget() -> int:
    """Remove the rows of workers that have been gone for a day; returns how many."""
    return Worker.objects.filter(seen_at__lt=timezone.now() - KEPT).delete()[0]


def beat_note() -> None:
    """Beat had a task run, and a worker ran it."""
    Pulse.objects.update_or_create(name=BEAT, defaults={"at": timezone.now()})
