"""Who uses the environments that people's own code runs in: asked by `apps.code` before one is removed."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from django.db.models import Count
from django.urls import reverse

from apps.code.contracts import EnvironmentUse, EnvironmentUses
from apps.core.actors import Actor
from apps.jobs.contracts import OPEN_STATES
from apps.registry import selectors as registry
from apps.training.models import CodeLaunch

_NEWEST = 10
_SYSTEM = Actor.system("training")


def environment_uses(pks: Collection[uuid.UUID]) -> Mapping[uuid.UUID, EnvironmentUses]:
    """Runs of environments; open jobs and model versions that are kept hold them.

    A version's environment is the one that its bytes were made in: it is kept as long as the version is.
    """
    launches = CodeLaunch.objects.filter(environment_id__in=pks)
    counts = dict(
        launches.order_by().values("environment_id").annotate(n=Count("pk")).values_list("environment_id", "n")
    )
    found: dict[uuid.UUID, EnvironmentUses] = {}
    for pk in counts:
        rows = list(launches.filter(environment_id=pk).select_related("run", "job").order_by("-id")[:_NEWEST])
        newest = tuple(EnvironmentUse(one.run.name, reverse("run-detail", args=[one.run_id])) for one in rows)
        found[pk] = EnvironmentUses(counts[pk], newest, _keepers(pk))
    return found


def _keepers(pk: uuid.UUID) -> tuple[EnvironmentUse, ...]:
    rows = CodeLaunch.objects.filter(environment_id=pk)
    jobs = rows.filter(job__state__in=OPEN_STATES).values_list("job_id", "job__number")[:_NEWEST]
    made = registry.versions_of_runs(_SYSTEM, rows.values_list("run_id", flat=True))
    kept = [one for one in made if one.state not in (one.State.ARCHIVED, one.State.RECALLED)][:_NEWEST]
    return (
        *(EnvironmentUse(f"job {number}", reverse("job-detail", args=[job])) for job, number in jobs),
        *(EnvironmentUse(str(one), reverse("version-detail", args=[one.pk])) for one in kept),
    )
