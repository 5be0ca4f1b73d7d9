"""Log lines and resource readings of a running attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.sealing import retention
from apps.core.topics import nudge
from apps.jobs.contracts import FINAL_STATES, Claim
from apps.jobs.logs import levels_of
from apps.jobs.models import Job, JobEvent, LogChunk
from apps.jobs.services.attempts import attempt_lock
from apps.jobs.services.transitions import event_append, job_lock, seq_next
from workers.contracts.jobspec import JobStatus, Line


def job_log_append(*, claim: Claim, lines: Sequence[Line]) -> int:
    """Store a batch of output lines as one chunk; returns the offset to read on from.

    Lines up to the stored offset are left out, so that a repetition changes nothing: no line is lost or doubled,
    whoever repeats. Raises LeaseLost.
    """
    with transaction.atomic():
        job, attempt = attempt_lock(claim)
        fresh = [line for line in lines if line.offset_end > attempt.log_offset]
        if not fresh:
            return attempt.log_offset
        began = (attempt.started_at or attempt.created_at).timestamp()
        timed = [(round(max(0.0, line.at - began), 3), line.text) for line in fresh]
        chunk = LogChunk.objects.create(
            job=job,
            attempt=attempt.number,
            seq=seq_next(job),
            first_line=job.line_count + 1,
            line_count=len(fresh),
            offset_end=fresh[-1].offset_end,
            lines=timed,
            first_at=timed[0][0],
            levels=levels_of(line.text for line in fresh),
        )
        job.line_count += len(fresh)
        job.save(update_fields=["seq", "line_count"])
        attempt.log_offset = chunk.offset_end
        attempt.save(update_fields=["log_offset"])
        nudge(f"job.{job.pk}", chunk.seq)
        return attempt.log_offset


def usage_append(*, claim: Claim, status: JobStatus, cpu_share: float) -> None:
    """Store a reading of processor (1.0 = one core) and memory. Raises LeaseLost."""
    with transaction.atomic():
        job, attempt = attempt_lock(claim)
        attempt.cpu_seconds = status.cpu_seconds
        attempt.rss_bytes = status.rss_bytes
        attempt.rss_peak_bytes = max(status.peak_rss_bytes, attempt.rss_peak_bytes or 0)
        attempt.save(update_fields=["cpu_seconds", "rss_bytes", "rss_peak_bytes"])
        event_append(
            job,
            "usage",
            {
                "cpu": round(cpu_share, 3),
                "memory": status.rss_bytes,
                "cpu_seconds": round(status.cpu_seconds, 2),
            },
        )
        job.save(update_fields=["seq"])


JOBS_AT_ONCE = 200


def logs_retain(*, days: int) -> int:
    """Remove the lines and readings of jobs that ended more than `days` ago (0: none); returns of how many jobs.

    What a job was, its attempts, changes of state and number of lines stay; each removal is audited.
    """
    if days <= 0:
        return 0
    before = timezone.now() - timedelta(days=days)
    old = Job.objects.filter(state__in=FINAL_STATES, ended_at__lt=before, log_removed_at__isnull=True)
    removed = 0
    for job_id in list(old.order_by("ended_at").values_list("pk", flat=True)[:JOBS_AT_ONCE]):
        with transaction.atomic():
            job = job_lock(job_id)
            with retention():
                LogChunk.objects.filter(job=job).delete()
                JobEvent.objects.filter(job=job).exclude(kind="state").delete()
            job.log_removed_at = timezone.now()
            job.save(update_fields=["log_removed_at"])
            audit_record(
                actor=Actor.system("retention"),
                action="job.log_remove",
                thing=job,
                after={"lines": job.line_count, "older_than_days": days},
            )
        removed += 1
    return removed
