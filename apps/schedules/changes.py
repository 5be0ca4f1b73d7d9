"""What a schedule that waits for a change looks at."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.urls import reverse

from apps.code import selectors as code
from apps.core.actors import Actor
from apps.datasets import selectors as datasets
from apps.problems import selectors as problems
from apps.schedules.models import Schedule

MOST = 500
"""So many of the newest are looked at."""


@dataclass(frozen=True, slots=True)
class Change:
    """A version that is there: its id, how a sentence names it, and its page."""

    id: uuid.UUID
    words: str
    url: str


def changes_of(actor: Actor, schedule: Schedule) -> list[Change]:
    """All that is there of what a schedule waits for, oldest first; empty for one that goes by the clock."""
    if schedule.trigger == Schedule.Trigger.DATA and schedule.dataset is not None:
        rows = datasets.dataset_version_list(actor, schedule.dataset).filter(state="SEALED", purged_at__isnull=True)
        found = [
            Change(
                one.pk, f"version {one.number} of {schedule.dataset}", reverse("dataset-version-detail", args=[one.pk])
            )
            for one in rows.defer("profile", "manifest", "schema")[:MOST]
        ]
        return found[::-1]
    if schedule.trigger == Schedule.Trigger.CODE:
        bundles = code.bundle_list(actor, team_id=schedule.team_id).filter(name=schedule.bundle_name, state="READY")
        rows_code = bundles.order_by("-id")[:MOST]
        return [Change(one.pk, f"code {one}", reverse("code-detail", args=[one.pk])) for one in rows_code][::-1]
    if schedule.trigger == Schedule.Trigger.GIT:
        fetched = code.bundle_list(actor, team_id=schedule.team_id).filter(
            repository=schedule.repository, commit__in=schedule.commits, state="READY"
        )
        place = {commit: number for number, commit in enumerate(schedule.commits)}
        return [
            Change(
                one.pk,
                f"commit {one.commit[:12]} of {schedule.branch}",
                reverse("code-detail", args=[one.pk]),
            )
            for one in sorted(fetched, key=lambda one: place[one.commit])
        ]
    if schedule.trigger == Schedule.Trigger.PROBLEM and schedule.problem is not None:
        versions = problems.version_list(schedule.problem).filter(state="SEALED").order_by("-number")[:MOST]
        url = reverse("problem-detail", args=[schedule.problem_id])
        return [Change(one.pk, f"version {one.number} of the problem {schedule.problem}", url) for one in versions][
            ::-1
        ]
    return []
