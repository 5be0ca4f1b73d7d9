"""Data: uploads in parts, immutable versions by content, profiles."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.core.models import BaseModel, TeamOwned


class Dataset(TeamOwned):
    """A named source of rows."""

    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    licence = models.CharField(max_length=120, blank=True, default="")
    source = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint("team", Lower("name"), name="datasets_name_once")]

    def __str__(self) -> str:
        return self.name


class Upload(TeamOwned):
    """Bytes on their way in, in parts; ends as a version or leaves nothing behind."""

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        COMPLETE = "COMPLETE", "complete"
        ABORTED = "ABORTED", "aborted"

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    # [[offset, size, sha256], ...] of the parts that have arrived, in order and without gaps.
    parts = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    expires_at = models.DateTimeField()
    version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="datasets_upload_open", condition=Q(state="OPEN")),
        ]

    def __str__(self) -> str:
        return self.filename


class DatasetVersion(BaseModel):
    """An immutable set of bytes with what is known about it; sealed by the database after profiling."""

    class State(models.TextChoices):
        REGISTERING = "REGISTERING", "registering"
        PROFILING = "PROFILING", "profiling"
        SEALED = "SEALED", "sealed"
        FAILED = "FAILED", "failed"
        QUARANTINED = "QUARANTINED", "quarantined"
        RECALLED = "RECALLED", "recalled"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.REGISTERING)
    filename = models.CharField(max_length=255)
    format = models.CharField(max_length=8)
    content_digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    # [{"path", "sha256", "size"}]: the uploaded bytes; the canonical typed table is table_sha256
    manifest = models.JSONField(default=list)
    table_sha256 = models.CharField(max_length=64, blank=True, default="")
    table_size = models.BigIntegerField(null=True)
    row_count = models.BigIntegerField(null=True)
    # [{"name", "type", "role"}]; roles: TARGET, FEATURE, SEGMENT, ID, TIME, IGNORED
    schema = models.JSONField(default=list)
    profile = models.JSONField(null=True)
    # {"seed", "fractions": {"train", "validation", "test"}, "by"}
    split = models.JSONField(default=dict)
    error = models.JSONField(null=True)
    job_id = models.UUIDField(null=True)
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    # Set when a job first uses the version: from then on roles and split are sealed too, not only the bytes.
    cited_at = models.DateTimeField(null=True)
    # The tombstone of its bytes: hash, schema and profile stay.
    purged_at = models.DateTimeField(null=True)
    purge_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="datasets_version_number_once"),
            # I2: the same bytes in one dataset are the same version.
            models.UniqueConstraint(
                fields=["dataset", "content_digest"], condition=~Q(state="FAILED"), name="datasets_same_bytes_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.number}"


class SegmentSupport(BaseModel):
    """How many rows of a version each group of the problem's segments has; counted anew when segments change."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="supports")
    # SHA-256 over the sorted ids of the segment versions that were counted.
    segments_digest = models.CharField(max_length=64)
    # As the profile reports them: [{"id", "groups": [{"label", "n", ...}], "error"}] and the crossings of two.
    segments = models.JSONField(default=list)
    crossings = models.JSONField(default=list)
    job_id = models.UUIDField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "segments_digest"], name="datasets_support_once")]
