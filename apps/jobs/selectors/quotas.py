"""What teams may use, and what they have used of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.accounts.selectors import team_list
from apps.core import formats
from apps.core.actors import Actor
from apps.core.blob_references import team_totals
from apps.core.errors import NotFound
from apps.core.policies import who_can
from apps.jobs.contracts import LIVE_ATTEMPTS
from apps.jobs.models import JobAttempt, TeamQuota, UseDay
from apps.jobs.policies import QUOTA

DAYS = 30
RAISE = f"{who_can(QUOTA).capitalize()} of the site can raise it under Admin, Quotas."


@dataclass(frozen=True, slots=True)
class Used:
    """What a team uses: jobs that run now, hours of the last 30 days, bytes it keeps (None: not asked for)."""

    jobs: int = 0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    storage_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """A team with its quota, a row that is not stored for one without, and what it uses."""

    team_id: uuid.UUID
    team: str
    quota: TeamQuota
    used: Used


def quotas_of(team_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, TeamQuota]:
    """Those that are stored."""
    return {row.team_id: row for row in TeamQuota.objects.filter(team_id__in=team_ids)}


def teams_of_quotas(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """{quota: team} of those that are stored."""
    return dict(TeamQuota.objects.filter(pk__in=ids).values_list("pk", "team_id"))


def running_of(team_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many jobs of each team hold a place now, over all targets."""
    counts = dict.fromkeys(team_ids, 0)
    live = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS, job__team_id__in=team_ids)
    for team_id in live.values_list("job__team_id", flat=True):
        counts[team_id] += 1
    return counts


def used_of(team_ids: Collection[uuid.UUID], *, storage: bool) -> dict[uuid.UUID, Used]:
    """What each of these teams uses; running attempts count with what they have used until now."""
    since = (timezone.now() - timedelta(days=DAYS)).date()
    days = UseDay.objects.filter(team_id__in=team_ids, day__gt=since).values("team_id").order_by()
    ended = {row["team_id"]: row for row in days.annotate(cpu=Sum("cpu_seconds"), gpu=Sum("gpu_seconds"))}
    live = JobAttempt.objects.filter(state__in=LIVE_ATTEMPTS, job__team_id__in=team_ids).order_by()
    now_cpu = dict(live.values_list("job__team_id").annotate(cpu=Sum(Coalesce(F("cpu_seconds"), 0.0))))
    running = running_of(team_ids)
    kept = team_totals(frozenset(team_ids)) if storage and team_ids else {}
    return {
        pk: Used(
            running[pk],
            (ended.get(pk, {}).get("cpu", 0.0) + now_cpu.get(pk, 0.0)) / 3600,
            ended.get(pk, {}).get("gpu", 0.0) / 3600,
            kept.get(pk, 0) if storage else None,
        )
        for pk in team_ids
    }


def quota_list(actor: Actor) -> list[QuotaRow]:
    """Of all teams for who manages quotas, else of the actor's own teams, by name."""
    teams = dict(team_list(actor).values_list("pk", "name"))
    quotas, used = quotas_of(teams), used_of(teams, storage=True)
    return [QuotaRow(pk, name, quotas.get(pk) or TeamQuota(team_id=pk), used[pk]) for pk, name in teams.items()]


def quota_get(actor: Actor, team_id: uuid.UUID) -> QuotaRow:
    """Of one team. Raises NotFound."""
    name = team_list(actor).filter(pk=team_id).values_list("name", flat=True).first()
    if name is None:
        raise NotFound("There is no such team, or you may not see it.")
    quota = quotas_of([team_id]).get(team_id) or TeamQuota(team_id=team_id)
    return QuotaRow(team_id, name, quota, used_of([team_id], storage=True)[team_id])


def over_quota(team_id: uuid.UUID, team: str) -> str:
    """Why a team may launch nothing now, as a sentence that says who can do what; empty when it may."""
    quota = quotas_of([team_id]).get(team_id)
    if quota is None or (quota.cpu_hours, quota.gpu_hours, quota.storage_bytes) == (None, None, None):
        return ""
    used = used_of([team_id], storage=quota.storage_bytes is not None)[team_id]
    for what, has, most in (
        ("CPU hours", used.cpu_hours, quota.cpu_hours),
        ("GPU hours", used.gpu_hours, quota.gpu_hours),
    ):
        # A quota of nothing refuses from the first job on; of GPU hours only what asks for a GPU is refused elsewhere.
        if most is not None and has >= most and (has > 0 or (most == 0 and what == "CPU hours")):
            return (
                f"Team {team} has used {formats.fixed(has, 1)} of its {formats.num(most)} {what} of the last "
                f"{DAYS} days. They come back day by day. {RAISE}"
            )
    if quota.storage_bytes is not None and (used.storage_bytes or 0) >= quota.storage_bytes:
        return (
            f"Team {team} keeps {formats.size(used.storage_bytes)} of its {formats.size(quota.storage_bytes)}. Purge "
            f"what is not needed. {RAISE}"
        )
    return ""
