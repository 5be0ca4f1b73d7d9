"""Storage backends: the places where the bytes of files lie, which team uses which, tests and moves."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.core.models import BaseModel


class StorageBackend(BaseModel):
    """A place that keeps files, for the whole installation; a team's new bytes go to the one that it was given."""

    class Kind(models.TextChoices):
        EMBEDDED = "EMBEDDED", "this installation"
        FILE = "FILE", "folder"
        S3 = "S3", "S3-compatible"
        GOOGLE = "GOOGLE", "Google Cloud Storage"
        AZURE = "AZURE", "Azure Blob Storage"

    class State(models.TextChoices):
        UNTESTED = "UNTESTED", "untested"
        HEALTHY = "HEALTHY", "healthy"
        READ_ONLY = "READ_ONLY", "read-only"
        REMOVED = "REMOVED", "removed"

    name = models.CharField(max_length=63)
    description = models.CharField(max_length=1000, blank=True, default="")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # A folder, a bucket or a container, as the kind says.
    location = models.CharField(max_length=500, blank=True, default="")
    # What the names of all files begin with.
    prefix = models.CharField(max_length=200, blank=True, default="")
    # S3: the server, where it is not Amazon's.
    endpoint_url = models.CharField(max_length=500, blank=True, default="")
    region = models.CharField(max_length=63, blank=True, default="")
    # Who asks: the id of an access key (S3), an account (Azure).
    key_id = models.CharField(max_length=200, blank=True, default="")
    # What lets in, encrypted; written and never shown.
    secret = models.TextField(blank=True, default="")
    # Bytes that nothing refers to any more are kept for so many days.
    retention_days = models.PositiveIntegerField(default=1)
    # The one that every installation has: STORAGE_URL.
    builtin = models.BooleanField(default=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.UNTESTED)
    state_reason = models.CharField(max_length=500, blank=True, default="")
    state_since = models.DateTimeField(auto_now_add=True)
    # The newest test that passed with the options and the secret that it has now.
    tested_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    # Checks in a row that failed, and since two of them, why: reads and writes are still tried.
    failures = models.PositiveIntegerField(default=0)
    fault = models.CharField(max_length=500, blank=True, default="")
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=~Q(state="REMOVED"), name="stores_name_once"),
            models.UniqueConstraint(fields=["builtin"], condition=Q(builtin=True), name="stores_one_builtin"),
            models.CheckConstraint(condition=Q(retention_days__gte=1), name="stores_retention_a_day"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamStore(models.Model):
    """The store of a team's new bytes; a team without a row uses the installation's own."""

    team = models.OneToOneField("accounts.Team", on_delete=models.CASCADE, primary_key=True, related_name="+")
    backend = models.ForeignKey(StorageBackend, on_delete=models.PROTECT, related_name="team_stores")

    def __str__(self) -> str:
        return f"{self.team_id} in {self.backend_id}"


class StorageTest(BaseModel):
    """A small file written, read, listed and deleted, step by step."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        PASSED = "PASSED", "passed"
        FAILED = "FAILED", "failed"

    backend = models.ForeignKey(StorageBackend, on_delete=models.CASCADE, related_name="tests")
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    # [{"key", "state", "seconds", "text"}], in the order in which they are taken.
    steps = models.JSONField(default=list)
    # What a person reads first: what failed, and what to do.
    verdict = models.CharField(max_length=1000, blank=True, default="")
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backend"], condition=Q(state="RUNNING"), name="stores_one_test_at_a_time")
        ]
        indexes = [models.Index(fields=["backend", "-id"], name="stores_tests")]

    def __str__(self) -> str:
        return f"Test of {self.backend}"


class StorageMove(BaseModel):
    """A team's bytes on their way from one store to another, file by file."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "queued"
        RUNNING = "RUNNING", "running"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    OPEN = ("QUEUED", "RUNNING")

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(StorageBackend, on_delete=models.PROTECT, related_name="moves_out")
    target = models.ForeignKey(StorageBackend, on_delete=models.PROTECT, related_name="moves_in")
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    # All files up to this hash have been looked at; where a killed worker's work is taken up.
    cursor = models.CharField(max_length=64, blank=True, default="")
    rounds = models.PositiveIntegerField(default=0)
    files_total = models.PositiveIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    # Copied, and left in the old place as well, because another team needs them there.
    files_kept = models.PositiveIntegerField(default=0)
    # [[hash, why]] of files that could not be moved, the first hundred; they stay where they were.
    faults = models.JSONField(default=list)
    files_failed = models.PositiveIntegerField(default=0)
    # Why it waits, while a store is away, and how often it was tried in vain.
    waits = models.CharField(max_length=500, blank=True, default="")
    tries = models.PositiveIntegerField(default=0)
    verdict = models.CharField(max_length=1000, blank=True, default="")
    # The worker that moves now, and when it last said so.
    lease = models.UUIDField(null=True)
    beat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="stores_one_move_of_a_team"
            ),
            models.CheckConstraint(condition=~Q(source=F("target")), name="stores_move_elsewhere"),
        ]

    def __str__(self) -> str:
        return f"{self.team} from {self.source} to {self.target}"


class BackendDay(models.Model):
    """What a store held on a day, for its growth."""

    id = models.BigAutoField(primary_key=True)
    backend = models.ForeignKey(StorageBackend, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    files = models.PositiveIntegerField()
    bytes = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["backend", "day"], name="stores_day_once")]

    def __str__(self) -> str:
        return f"{self.backend} on {self.day}"
