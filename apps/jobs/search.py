"""Jobs in the search over all objects, and pages of what audit entries name."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Collection, Iterator

from django.db.models import Q
from django.urls import reverse

from apps.core.actors import Actor
from apps.core.registries import Hit
from apps.jobs.selectors import job_list, teams_of_quotas


def jobs_find(actor: Actor, text: str, limit: int) -> Iterator[Hit]:
    """By number ("214", "job 214"), by title, or by id."""
    words = text.strip()
    wanted = Q(title__icontains=words)
    number = words.lower().removeprefix("job").strip().lstrip("#")
    if number.isdigit() and len(number) < 18:
        wanted |= Q(number=int(number))
    with contextlib.suppress(ValueError):
        wanted |= Q(pk=uuid.UUID(words))
    for job in job_list(actor).filter(wanted).only("number", "title", "state").order_by("-id")[:limit]:
        yield Hit(
            "job",
            f"Job {job.number}: {job.title}",
            job.get_state_display(),
            reverse("job-detail", args=[job.pk]),
            "cpu",
        )


def quota_pages(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The page of each of these quotas, which is its team's."""
    return {pk: reverse("quota-edit", args=[team_id]) for pk, team_id in teams_of_quotas(ids).items()}
