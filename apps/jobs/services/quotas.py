"""Setting what a team may use, holding launches to it, and noting what was used."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.selectors import team_get
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.topics import nudge
from apps.jobs.contracts import job_kind_find, quota_refusals
from apps.jobs.models import Job, JobAttempt, TeamQuota
from apps.jobs.policies import require_quotas_manage
from apps.jobs.selectors.quotas import RAISE, over_quota, quotas_of
from workers.contracts.jobspec import JobLimits

LIMITS = ("jobs_at_once", "cpu_hours", "gpu_hours", "storage_bytes")
_MOST = {"jobs_at_once": 2**31 - 1, "cpu_hours": 2**31 - 1, "gpu_hours": 2**31 - 1, "storage_bytes": 2**63 - 1}
_NOTE = """
INSERT INTO jobs_useday AS held (team_id, day, cpu_seconds, gpu_seconds) VALUES (%s, %s, %s, %s)
ON CONFLICT (team_id, day) DO UPDATE SET
  cpu_seconds = held.cpu_seconds + excluded.cpu_seconds, gpu_seconds = held.gpu_seconds + excluded.gpu_seconds
"""


def quota_set(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    row_version: int | None = None,
    weight: int = 1,
    jobs_at_once: int | None = None,
    cpu_hours: int | None = None,
    gpu_hours: int | None = None,
    storage_bytes: int | None = None,
) -> TeamQuota:
    """Set all that a team may use; None is no limit. What runs goes on; the next launch and claim see it.

    Raises NotFound, Forbidden (also for the author of an open request who would give the team more, invariant I10),
    Invalid, Conflict when somebody else changed it since `row_version`.
    """
    wanted: dict[str, Any] = {
        "weight": weight,
        "jobs_at_once": jobs_at_once,
        "cpu_hours": cpu_hours,
        "gpu_hours": gpu_hours,
        "storage_bytes": storage_bytes,
    }
    with transaction.atomic():
        team = team_get(actor, team_id)
        require_quotas_manage(actor)
        _check(wanted)
        TeamQuota.objects.get_or_create(team_id=team.pk)
        quota: TeamQuota = TeamQuota.objects.select_for_update().get(team_id=team.pk)
        if row_version is not None and quota.row_version != row_version:
            raise Conflict(
                "Somebody else changed this quota while you were editing it. Nothing was saved.", code="stale"
            )
        before = {name: getattr(quota, name) for name in wanted}
        if before == wanted:
            return quota
        if _gives_more(before, wanted):
            refusals = quota_refusals(actor, team.pk)
            if refusals:
                raise Forbidden(" ".join(refusals), code="second_person")
        for name, value in wanted.items():
            setattr(quota, name, value)
        quota.row_version += 1
        quota.changed_by_label = actor.label[:200]
        quota.save()
        audit_record(
            actor=actor,
            action="quota.set",
            thing=quota,
            object_label=f"quota of {team.name}"[:200],
            team_id=team.pk,
            before=before,
            after=wanted,
        )
        nudge(f"team.{team.pk}")
    return quota


def _check(wanted: dict[str, Any]) -> None:
    if not 1 <= wanted["weight"] <= 100:
        raise Invalid.field("weight", "A whole number from 1 to 100.")
    for name in LIMITS:
        value = wanted[name]
        least = 1 if name == "jobs_at_once" else 0
        if value is not None and not least <= value <= _MOST[name]:
            raise Invalid.field(name, f"A whole number from {least} to {_MOST[name]}, or nothing for no limit.")


def _gives_more(before: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Does any limit rise, or end, or the weight rise?"""
    rises = (wanted[n] is None or wanted[n] > before[n] for n in LIMITS if before[n] is not None)
    return wanted["weight"] > before["weight"] or any(rises)


def quota_hold(job: Job, team: str, limits: JobLimits) -> None:
    """Refuse a launch of a team that is over its quota. Raises Conflict, which says who can raise it."""
    kind = job_kind_find(job.kind)
    if kind is not None and not kind.within_quota:
        return
    told = over_quota(job.team_id, team)
    if not told and limits.gpus:
        quota = quotas_of([job.team_id]).get(job.team_id)
        if quota is not None and quota.gpu_hours == 0:
            told = f"Team {team} has no GPU hours. {RAISE}"
    if told:
        raise Conflict(told, code="over_quota")


def use_note(job: Job, attempt: JobAttempt, limits: JobLimits) -> None:
    """In the transaction that ends an attempt: what it used counts for its team on this day."""
    now = timezone.now()
    start = attempt.started_at or now
    gpu = limits.gpus * max(0.0, (now - start).total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [job.team_id, now.date(), attempt.cpu_seconds or 0.0, gpu])
