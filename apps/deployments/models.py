"""What answers predictions, since when, and by whose decision."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel, TeamOwned
from workers.contracts.scoring import CSV, PARQUET


class Deployment(TeamOwned):
    """A model's place in an environment; its name is the model name of the inference protocol."""

    class State(models.TextChoices):
        PROVISIONING = "PROVISIONING", "provisioning"
        READY = "READY", "ready"
        DEGRADED = "DEGRADED", "degraded"
        PAUSED = "PAUSED", "paused"
        RETIRED = "RETIRED", "retired"

    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey("registry.Model", on_delete=models.PROTECT, related_name="+")
    name = models.SlugField(max_length=80, unique=True)
    environment = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROVISIONING)
    state_reason = models.TextField(blank=True, default="")
    # Inputs that are masked before anything is stored.
    mask = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["model", "environment"], condition=~Q(state="RETIRED"), name="deployments_one_per_environment"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Rollout(BaseModel):
    """The way of one approved version into traffic."""

    class State(models.TextChoices):
        LOADING = "LOADING", "loading"
        LIVE = "LIVE", "live"
        RETIRED = "RETIRED", "retired"
        FAILED = "FAILED", "failed"
        WITHDRAWN = "WITHDRAWN", "withdrawn"

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="rollouts")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey("reviews.ApprovalRequest", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.LOADING)
    reason = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    # Taken out of traffic by a person (rollback, kill switch): never put back by itself.
    stopped = models.BooleanField(default=False)
    live_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="deployments_rollout_number_once"),
            models.UniqueConstraint(fields=["deployment"], condition=Q(state="LIVE"), name="deployments_one_live"),
            models.UniqueConstraint(
                fields=["deployment"], condition=Q(state="LOADING"), name="deployments_one_loading"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment} rollout {self.number}"


class TrafficSplit(BaseModel):
    """Who answers from when on; append-only, shares in basis points that sum to 10,000."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="splits")
    effective_from = models.DateTimeField()
    # [{"version_id", "number", "basis_points"}]; empty while paused or before the first version
    shares = models.JSONField()
    reason = models.TextField(blank=True, default="")
    actor_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["deployment", "-effective_from"], name="deployments_split_newest")]

    def __str__(self) -> str:
        share = self.shares[0] if self.shares else None
        return f"Traffic of {self.deployment}: {'version ' + str(share['number']) if share else 'nobody'}"


class RoutesState(models.Model):
    """One row: what the gateway's routes document said last, so that its serial moves only when the content does."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    digest = models.CharField(max_length=64, blank=True, default="")
    serial = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="deployments_one_routes_state")]


class BatchScore(TeamOwned):
    """A table that the version which answers scored by a job; sealed by the database once that has ended."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        COMPLETE = "COMPLETE", "complete"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="batch_scores")
    number = models.PositiveIntegerField()
    # Whose approval it rests on: the rollout that answered when it was asked for.
    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    dataset_version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    threshold = models.FloatField(null=True)
    row_count = models.BigIntegerField(null=True)
    scored = models.BigIntegerField(null=True)
    refused = models.BigIntegerField(null=True)
    # The first refused rows with why, and the distribution of the answers (workers.contracts.scoring.ScoreResult).
    result = models.JSONField(null=True)
    seconds = models.FloatField(null=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(null=True)
    csv_sha256 = models.CharField(max_length=64, blank=True, default="")
    csv_size = models.BigIntegerField(null=True)
    cause = models.TextField(blank=True, default="")
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["deployment", "number"], name="deployments_batch_number_once")]

    def __str__(self) -> str:
        return f"Batch score {self.number} of {self.deployment}"

    def filename(self, kind: str) -> str:
        """Under which the Parquet ("parquet") or the CSV file is downloaded."""
        return f"{self.deployment.name}-batch-{self.number}-{CSV if kind == 'csv' else PARQUET}"


class HostReport(models.Model):
    """What the gateway says of one version's host process; newest only."""

    version_id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=20)
    pid = models.IntegerField(null=True)
    rss_bytes = models.BigIntegerField(null=True)
    error = models.TextField(blank=True, default="")
    serial = models.BigIntegerField(default=0)
    at = models.DateTimeField()


class PredictionBatch(models.Model):
    """A spooled batch that was taken in: a repetition is answered and not stored again."""

    batch_id = models.UUIDField(primary_key=True)
    rows = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)


class PredictionLog(models.Model):
    """One answered (or refused) prediction. Partitioned by day in the database; append-only."""

    pk = models.CompositePrimaryKey("at", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    deployment_id = models.UUIDField()
    version_id = models.UUIDField(null=True)
    status = models.PositiveSmallIntegerField()
    inputs = models.JSONField(null=True)
    output = models.JSONField(null=True)
    score = models.FloatField(null=True)
    latency_ms = models.FloatField()
    row_digest = models.CharField(max_length=64, blank=True, default="")
    token_hint = models.CharField(max_length=12, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    # More than one for a batch score, which is logged whole: what it answered, and what it refused.
    rows = models.PositiveBigIntegerField(default=1)
    batch_score_id = models.UUIDField(null=True)

    class Meta:
        managed = False
        db_table = "deployments_predictionlog"
