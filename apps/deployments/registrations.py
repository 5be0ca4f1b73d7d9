"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.formats import num
from apps.core.links import link_register, page_of, pages_of_owner
from apps.core.registries import (
    Hit,
    HomeItem,
    NavEntry,
    Station,
    navigation_register,
    search_register,
    station_register,
    waiting_register,
)
from apps.core.topics import Topic, topic_register
from apps.deployments import blob_sources, selectors, services
from apps.jobs.contracts import Fact, JobKind, Surroundings, job_kind_register

if TYPE_CHECKING:
    from apps.jobs.models import Job


def station_live(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The buoy Live: what answers, since when, and what is on its way."""
    rows = selectors.deployment_table(actor).filter(problem_id=problem_id).exclude(state="RETIRED")
    told = rows.select_related(None).only("name", "state", "state_reason")
    deployment: Any = told.order_by("created_at").first()
    if deployment is None:
        return Station(key="live", name="Live", state="nothing live", wait="follows an approval")
    common: dict[str, Any] = {
        "key": "live",
        "name": "Live",
        "object_label": deployment.name,
        "object_url": reverse("deployment-detail", args=[deployment.pk]),
        "ahead": False,
    }
    if deployment.state == "PAUSED":
        return Station(**common, state="paused", tone="warn", wait=deployment.state_reason[:80], live=True)
    number, loading = deployment.live_number, deployment.loading_number
    if number is None:
        return Station(**common, state="loading", tone="info", wait="the gateway loads the version", here=True)
    wait = f"v{number} since {deployment.live_since:%-d %b}"
    if loading is not None:
        wait = f"v{loading} is loading beside v{number}"
    word, tone = ("degraded", "warn") if deployment.state == "DEGRADED" else ("healthy", "good")
    return Station(**common, state=word, tone=tone, wait=wait, live=True, ships=((f"v{number} live", "live"),))


def search_deployments(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Deployments by name."""
    for deployment in selectors.deployment_list(actor).filter(name__icontains=text).order_by("name", "id")[:limit]:
        yield Hit(
            kind="Deployment",
            label=deployment.name,
            detail=f"{deployment.get_state_display()} in {deployment.environment}",
            url=reverse("deployment-detail", args=[deployment.pk]),
            icon="rocket",
        )


def waiting_deployments(actor: Actor, team_id: uuid.UUID | None) -> Iterable[HomeItem]:
    """Deployments that are not well, for those who can do something about it."""
    rows = selectors.deployment_list(actor, team_id=team_id).filter(state__in=["DEGRADED", "PAUSED"])
    for deployment in rows.order_by("name", "id")[:20]:
        if actor.can("deploy.stop", deployment.team_id):
            yield HomeItem(
                title=f"{deployment.name} is {deployment.get_state_display()}",
                url=reverse("deployment-detail", args=[deployment.pk]),
                text=deployment.state_reason,
                tone="warn",
                meta=(deployment.environment,),
                action_label="Look at it",
            )


def _may_follow(actor: Actor, key: str) -> bool:
    try:
        return selectors.deployment_list(actor).filter(pk=uuid.UUID(key)).exists()
    except ValueError:
        return False


def _replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    """How many changes the deployment has seen: a page that was drawn with another number asks for its parts again."""
    changes = selectors.change_count(uuid.UUID(key))
    # The clock gives what has no sequence of its own one that always rises.
    seq = max(int(time.time() * 1000), after + 1)
    return seq, [{"seq": seq, "kind": "changed", "data": {"changes": changes}}]


def _page(pk: Any) -> str:
    return reverse("deployment-detail", args=[uuid.UUID(str(pk))])


def _batch_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    batch = services.batch_score_finish(job, result, outputs)
    return {"label": str(batch), "url": reverse("batch-detail", args=[batch.pk])}


def _batch_surroundings(job: Job) -> Surroundings:
    services.batch_score_begins(job)
    return Surroundings()


def _batch_url(job: Job) -> str:
    found = selectors.batch_page_id(job.pk)
    return reverse("batch-detail", args=[found]) if found else ""


def _batch_facts(actor: Actor, job: Job) -> list[Fact]:
    batch = selectors.batch_of_job(actor, job.pk)
    if batch is None:
        return []
    version, data = batch.model_version, batch.dataset_version
    return [
        Fact("Batch score", str(batch), reverse("batch-detail", args=[batch.pk])),
        Fact("Deployment", batch.deployment.name, _page(batch.deployment_id)),
        Fact("Version", str(version), reverse("version-detail", args=[version.pk])),
        Fact("Data", str(data), reverse("dataset-version-detail", args=[data.pk])),
        Fact("Threshold", num(batch.threshold) if batch.threshold is not None else "none", mono=True),
    ]


def register() -> None:
    """Navigation, station, search, inbox, topic, links, the kind of job, and the stored bytes."""
    blob_sources.register()
    job_kind_register(
        JobKind(
            "score",
            title="Batch score",
            on_finish=_batch_finish,
            on_fail=services.batch_score_fail,
            on_retry=services.batch_score_retry,
            retry_note="A retry scores the same table with the same version, if the deployment still answers with it.",
            subject_url=_batch_url,
            facts=_batch_facts,
            surroundings=_batch_surroundings,
        )
    )
    navigation_register(
        NavEntry(
            key="deployments",
            label="Deployments",
            icon="rocket",
            url_name="deployment-list",
            order=80,
            shortcut="l",
        )
    )
    station_register("live", station_live)
    search_register("deployments", search_deployments)
    waiting_register("deployments", waiting_deployments)
    topic_register(Topic("deployment", may_follow=_may_follow, replay=_replay, snapshot=True))
    route = "deployment-detail"
    link_register("deployments.deployment", page_of(route), word="deployment")
    link_register("deployments.rollout", pages_of_owner(route, selectors.deployments_of_rollouts))
    link_register("deployments.batchscore", page_of("batch-detail"), word="batch score")
    link_register("deployments.trafficsplit", pages_of_owner(route, selectors.deployments_of_splits), word="traffic")
