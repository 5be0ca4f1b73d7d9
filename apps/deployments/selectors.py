"""Reading deployments, traffic and predictions."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Case, Count, F, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, JSONObject
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.core.policies import require, who_can
from apps.deployments import policies
from apps.deployments.models import BatchScore, Deployment, HostReport, PredictionLog, Rollout, TrafficSplit

# The gateway reports every two seconds.
SILENCE = timedelta(seconds=15)

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion


def deployment_get(actor: Actor, pk: uuid.UUID) -> Deployment:
    """Raises NotFound."""
    rows = Deployment.objects.visible_to(actor).select_related("model", "problem", "team")
    found: Deployment | None = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such deployment, or you may not see it.")
    return found


def deployment_list(
    actor: Actor, *, team_id: uuid.UUID | None = None, problem_id: uuid.UUID | None = None
) -> QuerySet[Deployment]:
    """Deployments that the actor sees."""
    rows = Deployment.objects.visible_to(actor).select_related("model", "problem")
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    return rows


def deployment_table(actor: Actor) -> QuerySet[Deployment]:
    """Deployments with the number of the version that answers and since when, and of the one that is loading."""
    live = Rollout.objects.filter(deployment=OuterRef("pk"), state=Rollout.State.LIVE)
    loading = Rollout.objects.filter(deployment=OuterRef("pk"), state=Rollout.State.LOADING)
    return deployment_list(actor).annotate(
        live_number=Subquery(live.values("model_version__number")[:1]),
        live_since=Subquery(live.values("live_at")[:1]),
        loading_number=Subquery(loading.values("model_version__number")[:1]),
    )


@dataclass(frozen=True, slots=True)
class SplitShown:
    """Who answered since when, as a page shows it."""

    effective_from: datetime
    shares: list[dict[str, Any]]
    reason: str
    actor_label: str


@dataclass(frozen=True, slots=True)
class HostShown:
    """What the gateway said last of a version's host."""

    state: str
    rss_bytes: int | None
    error: str
    at: datetime

    @property
    def silent(self) -> bool:
        """Whether the gateway should have said something since."""
        return timezone.now() - self.at > SILENCE


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a rollout rests on: the decision in words, and what is typical of the data it was judged on."""

    person_label: str
    reason: str
    overridden_gates: list[str]
    typical: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeploymentPage:
    """All that the page of a deployment shows at once, read in few statements."""

    deployment: Deployment
    changes: int
    splits: list[SplitShown]
    rollouts: list[Rollout]
    live: Rollout | None
    loading: Rollout | None
    host: HostShown | None
    grounds: Grounds | None

    @property
    def shown(self) -> Rollout | None:
        """The rollout that the page speaks of: what answers, else what is on its way, else the newest."""
        return self.live or self.loading or (self.rollouts[0] if self.rollouts else None)


def deployment_page(actor: Actor, pk: uuid.UUID, *, rollouts: int = 20, splits: int = 10) -> DeploymentPage:
    """Raises NotFound."""
    newest = TrafficSplit.objects.filter(deployment=OuterRef("pk")).order_by("-effective_from", "-id")
    entry = JSONObject(effective_from="effective_from", shares="shares", reason="reason", actor_label="actor_label")
    rows = _changes(Deployment.objects.visible_to(actor).select_related("model", "problem", "team"))
    rows = rows.annotate(
        splits_shown=ArraySubquery(newest.values(entry=entry)[:splits]), grounds_shown=Subquery(_grounds_rows())
    )
    deployment: Any = rows.filter(pk=pk).first()
    if deployment is None:
        raise NotFound("There is no such deployment, or you may not see it.")
    host = JSONObject(state="state", rss_bytes="rss_bytes", error="error", at="at")
    hosts = HostReport.objects.filter(version_id=OuterRef("model_version_id")).values(entry=host)
    found: list[Any] = list(rollout_list(deployment).annotate(host=Subquery(hosts[:1]))[:rollouts])
    live = next((row for row in found if row.state == Rollout.State.LIVE), None)
    loading = next((row for row in found if row.state == Rollout.State.LOADING), None)
    answering, grounds = live or loading, deployment.grounds_shown
    said = answering.host if answering else None
    return DeploymentPage(
        deployment=deployment,
        changes=deployment.changes,
        splits=[SplitShown(**_timed(row, "effective_from")) for row in deployment.splits_shown],
        rollouts=found,
        live=live,
        loading=loading,
        host=HostShown(**_timed(said, "at")) if said else None,
        grounds=Grounds(**{**grounds, "typical": _typical(grounds["typical"] or [])}) if grounds else None,
    )


def _timed(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {**row, name: datetime.fromisoformat(row[name])}


def _grounds_rows() -> QuerySet[Any]:
    """For a subquery: what the rollout that the page speaks of rests on."""
    entry = JSONObject(
        person_label="request__decisions__person_label",
        reason="request__decisions__reason",
        overridden_gates="request__decisions__overridden_gates",
        typical="request__evaluation__dataset_version__profile__columns",
    )
    first = Case(When(state=Rollout.State.LIVE, then=0), When(state=Rollout.State.LOADING, then=1), default=2)
    approved = Rollout.objects.filter(deployment=OuterRef("pk"), request__decisions__vote="APPROVE")
    return approved.order_by(first, "-number").values(entry=entry)[:1]


def _typical(columns: list[dict[str, Any]]) -> dict[str, Any]:
    """{column: median, or commonest value}."""
    row: dict[str, Any] = {}
    for column in columns:
        middle = (column.get("quantiles") or {}).get("0.5")
        top = column.get("top") or []
        if column.get("type") in ("INTEGER", "NUMBER") and middle is not None:
            row[column["name"]] = middle
        elif top:
            row[column["name"]] = top[0][0]
    return row


def _changes(rows: QuerySet[Deployment]) -> QuerySet[Any]:
    """With `changes`: a number that grows with every rollout, split and change of state."""

    def count(rows: QuerySet[Any]) -> Coalesce:
        return Coalesce(Subquery(rows.order_by().values("deployment").annotate(n=Count("pk")).values("n")), 0)

    mine = Rollout.objects.filter(deployment=OuterRef("pk"))
    batches = BatchScore.objects.filter(deployment=OuterRef("pk"))
    return rows.annotate(
        changes=F("row_version")
        + count(TrafficSplit.objects.filter(deployment=OuterRef("pk")))
        + count(mine)
        + count(mine.exclude(state=Rollout.State.LOADING))
        + count(batches)
        + count(batches.exclude(state=BatchScore.State.RUNNING))
    )


def change_count(deployment_id: uuid.UUID) -> int:
    """A number that grows with every rollout, split and change of state; live pages compare it."""
    return _changes(Deployment.objects.filter(pk=deployment_id)).values_list("changes", flat=True).first() or 0


def version_numbers(deployment: Deployment) -> dict[uuid.UUID, int]:
    """{version id: number} of all versions that were ever rolled out here."""
    rows = Rollout.objects.filter(deployment=deployment)
    return dict(rows.values_list("model_version_id", "model_version__number"))


def predictions_newest(deployment: Deployment, *, limit: int = 20) -> list[tuple[PredictionLog, int | None]]:
    """The newest answers and refusals of the last day, each with the number of its version."""
    numbers = version_numbers(deployment)
    rows = prediction_list(deployment).order_by("-at", "-id")[:limit]
    return [(row, numbers.get(row.version_id) if row.version_id else None) for row in rows]


def rollout_list(deployment: Deployment) -> QuerySet[Rollout]:
    """Newest first."""
    return (
        Rollout.objects.filter(deployment=deployment)
        .select_related("model_version__model", "request")
        .defer("request__evidence", "model_version__manifest", "model_version__importance")
        .order_by("-number")
    )


def live_rollout(deployment: Deployment) -> Rollout | None:
    return rollout_list(deployment).filter(state=Rollout.State.LIVE).first()


def loading_rollout(deployment: Deployment) -> Rollout | None:
    return rollout_list(deployment).filter(state=Rollout.State.LOADING).first()


def live_version_ids(model_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The versions of models that answer in production now, by model (told to the registry)."""
    rows = Rollout.objects.filter(
        deployment__model_id__in=model_ids, deployment__environment="production", state=Rollout.State.LIVE
    )
    return dict(rows.values_list("deployment__model_id", "model_version_id"))


def live_versions_of_problem(problem_id: uuid.UUID) -> list[tuple[Deployment, ModelVersion]]:
    """What answers for a problem now."""
    rows = Rollout.objects.filter(deployment__problem_id=problem_id, state=Rollout.State.LIVE).select_related(
        "deployment", "model_version__model"
    )
    return [(row.deployment, row.model_version) for row in rows]


def split_at(deployment: Deployment, moment: datetime) -> TrafficSplit | None:
    """Who answered at that moment (invariant I13: exactly one split)."""
    return (
        TrafficSplit.objects.filter(deployment=deployment, effective_from__lte=moment)
        .order_by("-effective_from", "-id")
        .first()
    )


def host_report(version_id: uuid.UUID) -> HostReport | None:
    return HostReport.objects.filter(version_id=version_id).first()


def prediction_list(deployment: Deployment, *, since: datetime | None = None) -> QuerySet[PredictionLog]:
    """Newest first by the caller's ordering; limited to the last day unless said."""
    since = since or timezone.now() - timedelta(days=1)
    return PredictionLog.objects.filter(deployment_id=deployment.pk, at__gte=since)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Answers of a deployment since a moment; latencies in milliseconds, None without answers.

    Counts and latencies are those of calls; rows that batch scores answered and refused are told beside them.
    """

    since: datetime
    count: int
    refused: int
    failed: int
    batch: int
    batch_refused: int
    p50: float | None
    p95: float | None
    p99: float | None
    buckets: list[dict[str, Any]]


def traffic_of(deployment: Deployment, *, hours: int = 24, buckets: int = 48, now: datetime | None = None) -> Traffic:
    """Volume, errors and latency of the last hours, and the same per bucket of time.

    Buckets begin at whole multiples of their width, so the numbers of a bucket that is over never move; the last
    one is still open. Latencies are those of answers (status 200).
    """
    width = hours * 3600 // buckets
    opened = int((now or timezone.now()).timestamp()) // width * width
    since = datetime.fromtimestamp(opened - (buckets - 1) * width, UTC)
    until = since + timedelta(hours=hours)
    within = "FROM deployments_predictionlog WHERE deployment_id = %s AND at >= %s AND at < %s"
    live = "batch_score_id IS NULL"
    answered = f"FILTER (WHERE status < 400 AND {live})"
    batch = "coalesce(sum(rows) FILTER (WHERE batch_score_id IS NOT NULL AND status {} 400), 0)::bigint"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FILTER (WHERE {live}), count(*) FILTER (WHERE status BETWEEN 400 AND 499 AND {live}), "
            f"count(*) FILTER (WHERE status >= 500 AND {live}), {batch.format('<')}, {batch.format('>=')}, "
            f"percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms) {answered} {within}",
            [deployment.pk, since, until],
        )
        count, refused, failed, batch_rows, batch_refused, quantiles = cursor.fetchone()
        cursor.execute(
            "SELECT floor(extract(epoch FROM at - %s) / %s)::int AS bucket, "  # noqa: S608 - constants
            f"count(*) FILTER (WHERE {live}), count(*) FILTER (WHERE status >= 400 AND {live}), "
            f"percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) {answered}, "
            f"percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) {answered}, {batch.format('<')} "
            f"{within} GROUP BY 1",
            [since, width, deployment.pk, since, until],
        )
        found = {row[0]: row for row in cursor.fetchall()}
    lines = []
    for index in range(buckets):
        row = found.get(index)
        lines.append(
            {
                "at": since + timedelta(seconds=index * width),
                "count": row[1] if row else 0,
                "errors": row[2] if row else 0,
                "p50": row[3] if row else None,
                "p95": row[4] if row else None,
                "batch": row[5] if row else 0,
            }
        )
    p50, p95, p99 = quantiles or (None, None, None)
    return Traffic(since, count, refused, failed, batch_rows, batch_refused, p50, p95, p99, lines)


def deployments_of_rollouts(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The deployments of rollouts, for links."""
    return dict(Rollout.objects.filter(pk__in=pks).values_list("pk", "deployment_id"))


def deployments_of_splits(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The deployments of traffic splits, for links."""
    return dict(TrafficSplit.objects.filter(pk__in=pks).values_list("pk", "deployment_id"))


def split_list(deployment: Deployment, *, limit: int = 20) -> list[TrafficSplit]:
    """Who answered since when, newest first."""
    return list(TrafficSplit.objects.filter(deployment=deployment).order_by("-effective_from", "-id")[:limit])


def rollouts_in_traffic(version_ids: Iterable[uuid.UUID]) -> list[Rollout]:
    """Rollouts of these versions that answer or are being loaded, in any team: what must not lose its ground."""
    rows = Rollout.objects.filter(
        model_version_id__in=list(version_ids), state__in=[Rollout.State.LIVE, Rollout.State.LOADING]
    )
    return list(rows.select_related("deployment", "model_version__model").order_by("deployment__name", "id"))


def batch_list(actor: Actor, deployment_id: uuid.UUID | None = None) -> QuerySet[BatchScore]:
    """Batch scores that the actor sees, of one deployment or of all; without what their jobs were told."""
    rows: QuerySet[BatchScore] = BatchScore.objects.visible_to(actor).select_related(
        "deployment", "model_version__model", "dataset_version__dataset", "job", "rollout__request"
    )
    rows = rows.defer(
        "job__spec",
        "job__files",
        "rollout__request__evidence",
        "model_version__manifest",
        "model_version__importance",
        "dataset_version__profile",
    )
    return rows if deployment_id is None else rows.filter(deployment_id=deployment_id)


def batch_get(actor: Actor, pk: uuid.UUID, *, deployment_id: uuid.UUID | None = None) -> BatchScore:
    """Raises NotFound, also for a batch score of another deployment."""
    found = batch_list(actor, deployment_id).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such batch score, or you may not see it.")
    return found


def batch_of_job(actor: Actor, job_id: uuid.UUID) -> BatchScore | None:
    """The batch score that a job makes."""
    return batch_list(actor).filter(job_id=job_id).first()


def batch_page_id(job_id: uuid.UUID) -> uuid.UUID | None:
    """The id of the batch score that a job makes, for links."""
    return BatchScore.objects.filter(job_id=job_id).values_list("pk", flat=True).first()


def batch_file(actor: Actor, batch: BatchScore, kind: str) -> tuple[str, int]:
    """(hash, bytes) of the Parquet ("parquet") or the CSV file of a batch score that the actor sees.

    Raises Forbidden for who sees counts alone, Conflict while there is no file.
    """
    require(
        policies.batch_rows(actor, batch.deployment),
        f"Single rows are for who works with the team's data: {who_can('job.run', 'problem.edit')} may have the file.",
    )
    if batch.state != BatchScore.State.COMPLETE:
        raise Conflict(f"The batch score is {batch.get_state_display()}; it has no file.", code="not_complete")
    return (batch.csv_sha256, batch.csv_size or 0) if kind == "csv" else (batch.sha256, batch.size or 0)
