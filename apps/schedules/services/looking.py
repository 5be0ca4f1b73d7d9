"""Looking at git branches: which commit each is at, and having a new one fetched.

The remote is asked outside any transaction, in a task of its own, so that a slow one holds up no other schedule. What
was found is written under the schedule's lock; the commit is then fetched as if its owner had asked, and once that is
done the next tick finds it as a change.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.code import services as code
from apps.core.actors import Actor
from apps.core.broker import task_send
from apps.core.errors import FairwayError
from apps.schedules import policies
from apps.schedules.models import Schedule

LOOK_TASK = "apps.schedules.tasks.schedule_look"
LOOK_EVERY = timedelta(minutes=5)
COMMITS_KEPT = 200


def looks_send(now: datetime) -> None:
    """Send a look for each branch whose last one is old enough; each schedule once, whoever calls."""
    due = Q(looked_at__isnull=True) | Q(looked_at__lte=now - LOOK_EVERY)
    rows = Schedule.objects.filter(
        due, state=Schedule.State.ACTIVE, archived_at__isnull=True, trigger=Schedule.Trigger.GIT
    )
    for pk in list(rows.order_by("id").values_list("pk", flat=True)):
        if rows.filter(pk=pk).update(looked_at=now):
            task_send(LOOK_TASK, pk)


def schedule_look(schedule_id: uuid.UUID, *, now: datetime | None = None) -> None:
    """Ask the remote, and have a commit fetched that the branch was not at before. May run twice at a time.

    What the branch was at at the first look is no change. Why nothing was told stands on the schedule's page.
    """
    rows = Schedule.objects.filter(
        pk=schedule_id, state=Schedule.State.ACTIVE, archived_at__isnull=True, trigger=Schedule.Trigger.GIT
    )
    before = rows.first()
    if before is None:
        return
    try:
        commit, problem = code.branch_commit(before.repository, before.branch), ""
    except FairwayError as error:
        commit, problem = "", error.detail
    with transaction.atomic():
        locked = rows.select_for_update(of=("self",)).select_related("owner")
        # It may have been told to look elsewhere meanwhile.
        schedule = locked.filter(repository=before.repository, branch=before.branch).first()
        if schedule is None:
            return
        schedule.looked_at, schedule.look_problem = now or timezone.now(), problem[:500]
        if commit and not schedule.head:
            schedule.head = commit
        elif commit and commit != schedule.head:
            schedule.look_problem = _fetch(schedule, commit)[:500]
            if not schedule.look_problem:
                schedule.head = commit
                known = [one for one in schedule.commits if one != commit]
                schedule.commits = [*known, commit][-COMMITS_KEPT:]
        schedule.save(update_fields=["looked_at", "look_problem", "head", "commits"])


def _fetch(schedule: Schedule, commit: str) -> str:
    """Have the commit fetched in the owner's name with the rights held now; why not, else ""."""
    person = accounts.person_with_roles(schedule.owner_id)
    actor = accounts.actor_of_user(person, just_read=True) if person is not None else Actor.anonymous()
    if not policies.schedule_edit(actor, schedule.team_id):
        return f"{schedule.owner}, in whose name it runs, may not bring code to the team any more."
    try:
        with transaction.atomic():
            code.bundle_fetch(actor=actor, team_id=schedule.team_id, repository=schedule.repository, commit=commit)
    except FairwayError as refusal:
        return f"Commit {commit[:12]} could not be fetched: {refusal.detail}"
    return ""
