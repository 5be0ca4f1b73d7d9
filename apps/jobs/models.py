"""Jobs: what runs outside the web process, attempt by attempt, with its log."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel, TeamOwned


class Job(TeamOwned):
    """A piece of work. Ends in exactly one final state (invariant I23)."""

    class State(models.TextChoices):
        PENDING = "PENDING", "pending"
        QUEUED = "QUEUED", "queued"
        STARTING = "STARTING", "starting"
        RUNNING = "RUNNING", "running"
        SUCCEEDED = "SUCCEEDED", "succeeded"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"
        TIMED_OUT = "TIMED_OUT", "timed out"

    class Priority(models.IntegerChoices):
        LOW = 0, "low"
        NORMAL = 1, "normal"
        HIGH = 2, "high"

    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    spec = models.JSONField(default=dict)
    # [{"sha256", "size", "name"}]: all that the child may download
    files = models.JSONField(default=list)
    problem_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    # What the job works for, by type and id (a label for the page): rooms above know what it means.
    subject_type = models.CharField(max_length=60, blank=True, default="")
    subject_id = models.UUIDField(null=True)
    # Where it runs; null: before there were targets, on this machine. `executor` is the target's kind.
    target = models.ForeignKey("compute.ComputeTarget", on_delete=models.PROTECT, null=True, related_name="+")
    executor = models.CharField(max_length=40, default="local")
    # Its class among the queued jobs of its target; see apps/jobs/order.py.
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    # Declared at launch: ended at any time and begun again from the start, it does no harm. See services/preempting.py.
    restartable = models.BooleanField(default=False, db_default=False)
    preemptions = models.PositiveSmallIntegerField(default=0, db_default=0)
    limits = models.JSONField(default=dict)
    # Jobs of one signature do the same to other data ("recipe:ridge"): what is forecast is learnt from them.
    signature = models.CharField(max_length=200, blank=True, default="", db_default="")
    input_bytes = models.BigIntegerField(default=0, db_default=0)
    # How busy the target was at launch (`forecasting.band_of`), and what was expected then (`Forecast.to_json`).
    busy = models.PositiveSmallIntegerField(null=True)
    forecast = models.JSONField(null=True)
    attempt_number = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    retry_of = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, null=True, related_name="+")
    # It stays PENDING until that one has succeeded, and fails when that one does.
    waits_for = models.ForeignKey("jobs.Job", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    # The caller's own key: the same call twice gives the same job (invariant I24).
    idempotency_key = models.CharField(max_length=200, null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=300, blank=True, default="")
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    progress = models.FloatField(null=True)
    progress_text = models.CharField(max_length=200, blank=True, default="")
    # Of how many steps, and when the attempt expects its end, where it says so (`services.Progress`).
    progress_step = models.BigIntegerField(null=True)
    progress_total = models.BigIntegerField(null=True)
    progress_ends_at = models.DateTimeField(null=True)
    cause = models.TextField(blank=True, default="")
    # Highest seq given to a log line or event; taken under the row lock, so number order is commit order.
    seq = models.BigIntegerField(default=0)
    line_count = models.BigIntegerField(default=0)
    # When the lines were removed by the rule of retention; their number stays.
    log_removed_at = models.DateTimeField(null=True)
    result = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "number"], name="jobs_number_once"),
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="jobs_key_once"),
        ]
        indexes = [
            models.Index(fields=["waits_for"], name="jobs_waiting", condition=Q(state="PENDING")),
            models.Index(fields=["team", "-id"], name="jobs_by_team"),
            models.Index(fields=["problem_id", "-id"], name="jobs_by_problem"),
            models.Index(
                fields=["state", "queued_at"],
                name="jobs_open",
                condition=Q(state__in=["QUEUED", "STARTING", "RUNNING"]),
            ),
            models.Index(
                fields=["target", "state"],
                name="jobs_open_by_target",
                condition=Q(state__in=["QUEUED", "STARTING", "RUNNING"]),
            ),
            models.Index(
                fields=["team", "signature", "target", "-id"], name="jobs_alike", condition=Q(state="SUCCEEDED")
            ),
            models.Index(fields=["target", "-id"], name="jobs_succeeded", condition=Q(state="SUCCEEDED")),
            models.Index(
                fields=["target", "priority", "busy", "-id"], name="jobs_waits", condition=Q(started_at__isnull=False)
            ),
            models.Index(
                fields=["target", "team", "priority", "queued_at", "id"],
                name="jobs_queue",
                condition=Q(state="QUEUED"),
            ),
        ]

    def __str__(self) -> str:
        return f"Job {self.number}: {self.title}"

    @property
    def attempts_most(self) -> int:
        """Attempts that it may have: those that gave up their place do not count."""
        return int(self.max_attempts + self.preemptions)

    def progress_forget(self) -> None:
        """How far it is belongs to an attempt: the next begins without; the caller saves."""
        self.progress, self.progress_text = None, ""
        self.progress_step = self.progress_total = self.progress_ends_at = None


class JobAttempt(BaseModel):
    """One try, fenced by its number: a write of an older attempt is refused."""

    class State(models.TextChoices):
        LEASED = "LEASED", "leased"
        RUNNING = "RUNNING", "running"
        ENDED = "ENDED", "ended"
        LOST = "LOST", "lost"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.LEASED)
    worker = models.CharField(max_length=200, blank=True, default="")
    handle = models.CharField(max_length=500, blank=True, default="")
    # Who watches the child now; a restarted worker takes over by compare-and-set on this value.
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    log_offset = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    signal = models.IntegerField(null=True)
    cause = models.TextField(blank=True, default="")
    # When it was asked to give up its place, and why.
    preempt_at = models.DateTimeField(null=True)
    preempt_text = models.CharField(max_length=300, blank=True, default="", db_default="")
    cpu_seconds = models.FloatField(null=True)
    rss_bytes = models.BigIntegerField(null=True)
    rss_peak_bytes = models.BigIntegerField(null=True)
    # Reported by the child, read by the kind's on_finish once the exit code is 0.
    result = models.JSONField(null=True)
    # {name: {"sha256", "size"}}
    outputs = models.JSONField(default=dict)
    # What it kept to go on from, and what it went on from itself; see services/checkpoints.py.
    checkpoint = models.JSONField(null=True)
    resumed_from = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="jobs_attempt_number_once"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(state__in=["LEASED", "RUNNING"]), name="jobs_one_live_attempt"
            ),
        ]
        indexes = [
            models.Index(
                fields=["heartbeat_at"], name="jobs_live_attempts", condition=Q(state__in=["LEASED", "RUNNING"])
            )
        ]


class TargetUse(models.Model):
    """What a team has used of a target, in CPU-seconds of ended attempts that fade with time; as it stood at `at`."""

    target = models.ForeignKey("compute.ComputeTarget", on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+", db_index=False)
    seconds = models.FloatField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "team"], name="jobs_use_once")]


class TeamQuota(BaseModel):
    """What a team may use, and its weight in the order of work; null: no limit. Without a row: weight 1, no limits."""

    team = models.OneToOneField("accounts.Team", on_delete=models.CASCADE, related_name="+")
    weight = models.PositiveSmallIntegerField(default=1)
    jobs_at_once = models.PositiveIntegerField(null=True)
    # Of the last 30 days.
    cpu_hours = models.PositiveIntegerField(null=True)
    gpu_hours = models.PositiveIntegerField(null=True)
    storage_bytes = models.PositiveBigIntegerField(null=True)
    changed_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(weight__gte=1, weight__lte=100), name="jobs_quota_weight")]


class UseDay(models.Model):
    """What attempts of a team that ended on a day had used, over all targets."""

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    cpu_seconds = models.FloatField(default=0.0)
    gpu_seconds = models.FloatField(default=0.0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "day"], name="jobs_use_of_day_once")]


class Worker(BaseModel):
    """A process that starts and watches attempts, as long as it says that it lives; a restarted one is another."""

    # As in JobAttempt.worker: host:pid:started.
    name = models.CharField(max_length=200, unique=True)
    version = models.CharField(max_length=40)
    seen_at = models.DateTimeField()
    # Seconds that its clock is ahead of the database's.
    clock_ahead = models.FloatField(default=0.0)
    # It finishes what it holds and takes nothing new.
    drained_at = models.DateTimeField(null=True)
    drained_by_label = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return self.name.rpartition(":")[0]


class Pulse(models.Model):
    """When something that has to happen again and again last happened: "beat" has its tasks run."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()


class JobEvent(models.Model):
    """A state change, a progress step or a resource reading, in the job's one sequence."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    seq = models.BigIntegerField()
    attempt = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="jobs_event_seq_once")]


class LogChunk(models.Model):
    """A batch of log lines. `offset_end` makes appending idempotent: the same bytes are stored once."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    attempt = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    first_line = models.BigIntegerField()
    line_count = models.PositiveIntegerField()
    offset_end = models.BigIntegerField()
    # [[seconds since the attempt began, text], ...]
    lines = models.JSONField()
    # Of the first line, in seconds since the attempt began; None in chunks from before this was kept.
    first_at = models.FloatField(null=True)
    # Which levels the lines have, as bits (`apps.jobs.logs`), so that a filter passes over the rest; None as above.
    levels = models.PositiveSmallIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "seq"], name="jobs_chunk_seq_once"),
            models.UniqueConstraint(fields=["job", "attempt", "offset_end"], name="jobs_chunk_offset_once"),
        ]
