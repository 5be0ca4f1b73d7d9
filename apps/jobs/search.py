"""Jobs in the search over all objects."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse

from apps.core.actors import Actor
from apps.core.registries import Hit
from apps.jobs.selectors import job_list


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
