"""People's own code, kept by its bytes, and the environments that it runs in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TeamOwned


class Bundle(TeamOwned):
    """A script, folder, wheel, notebook or git commit as it was sent; sealed by the database once it is ready."""

    class Kind(models.TextChoices):
        SCRIPT = "SCRIPT", "script"
        ARCHIVE = "ARCHIVE", "folder"
        WHEEL = "WHEEL", "wheel"
        NOTEBOOK = "NOTEBOOK", "notebook"
        GIT = "GIT", "git commit"

    class State(models.TextChoices):
        FETCHING = "FETCHING", "being fetched"
        READY = "READY", "ready"
        FAILED = "FAILED", "failed"

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.READY)
    filename = models.CharField(max_length=255)
    # Of the bytes as they were sent; of a commit, of the archive that its job made.
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(default=0)
    # [{"path", "size"}]
    files = models.JSONField(default=list)
    # The folder that all files lie in; paths of entries begin below it.
    root = models.CharField(max_length=400, blank=True, default="")
    # [`apps.code.contracts.Entry` as JSON]
    entries = models.JSONField(default=list)
    # Sentences on what could not be read.
    notes = models.JSONField(default=list)
    requires_python = models.CharField(max_length=100, blank=True, default="")
    lock_path = models.CharField(max_length=400, blank=True, default="")
    lock_text = models.TextField(blank=True, default="")
    repository = models.CharField(max_length=500, blank=True, default="")
    commit = models.CharField(max_length=64, blank=True, default="")
    job_id = models.UUIDField(null=True)
    # Why a commit could not be fetched.
    cause = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "sha256"], condition=~Q(sha256=""), name="code_same_bytes_once"),
            models.UniqueConstraint(
                fields=["team", "repository", "commit"],
                condition=Q(kind="GIT") & ~Q(state="FAILED"),
                name="code_same_commit_once",
            ),
        ]
        indexes = [models.Index(fields=["team", "-id"], name="code_bundles_newest")]

    @property
    def digest(self) -> str:
        """The short name of its bytes."""
        return self.sha256[:12]

    def __str__(self) -> str:
        return f"{self.name} {self.digest}" if self.sha256 else f"{self.name} {self.commit[:12]}"


class Environment(TeamOwned):
    """The packages of a lockfile for one Python on one platform, built once by a job."""

    class State(models.TextChoices):
        BUILDING = "BUILDING", "building"
        READY = "READY", "ready"
        FAILED = "FAILED", "failed"
        REMOVED = "REMOVED", "removed"

    # Over lock, Python and platform.
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=120, blank=True, default="")
    # The lock in its canonical form, which the digest is over.
    lock = models.TextField()
    # [[name, version], ...]
    packages = models.JSONField(default=list)
    python = models.CharField(max_length=20)
    platform = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=State.choices, default=State.BUILDING)
    archive_sha256 = models.CharField(max_length=64, blank=True, default="")
    archive_size = models.BigIntegerField(null=True)
    # Unpacked, in bytes.
    size = models.BigIntegerField(null=True)
    job_id = models.UUIDField(null=True)
    cause = models.TextField(blank=True, default="")
    built_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="code_environment_once")]

    def __str__(self) -> str:
        return f"environment {self.digest[:12]}"
