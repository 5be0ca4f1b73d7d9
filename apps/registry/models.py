"""Models and their immutable versions."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.core.models import BaseModel, TeamOwned


class Model(TeamOwned):
    """A registered model: the name under which versions are compared, approved and deployed."""

    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    name = models.CharField(max_length=256)
    description = models.TextField(blank=True, default="")
    task = models.CharField(max_length=12, blank=True, default="")
    tags = models.JSONField(default=dict)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # The name of an archived model is free again.
            models.UniqueConstraint(
                "team", Lower("name"), condition=Q(archived_at__isnull=True), name="registry_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(BaseModel):
    """Files, signature and facts; sealed by the database. Candidate, approved and live are derived, never stored."""

    class State(models.TextChoices):
        UPLOADING = "UPLOADING", "uploading"
        SEALED = "SEALED", "sealed"
        QUARANTINED = "QUARANTINED", "quarantined"
        RECALLED = "RECALLED", "recalled"
        ARCHIVED = "ARCHIVED", "archived"

    class Stage(models.TextChoices):
        NONE = "None", "none"
        STAGING = "Staging", "staging"
        ARCHIVED = "Archived", "archived"

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.UPLOADING)
    run = models.ForeignKey("experiments.Run", on_delete=models.PROTECT, null=True, related_name="+")
    # A model that a client logged beside any run or in one; its files are those of the version.
    logged_model = models.ForeignKey("experiments.LoggedModel", on_delete=models.PROTECT, null=True, related_name="+")
    path = models.CharField(max_length=300, blank=True, default="")
    # A label of MLflow's clients. "Production" is never stored: it is derived from what is live.
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NONE)
    run_link = models.CharField(max_length=500, blank=True, default="")
    updated_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=500, blank=True, default="")
    format = models.CharField(max_length=20, blank=True, default="")
    recipe = models.CharField(max_length=60, blank=True, default="")
    # [{"path", "sha256", "size"}] and one digest over them and what a person stated beside them
    manifest = models.JSONField(default=list)
    content_digest = models.CharField(max_length=64)
    signature = models.JSONField(default=dict)
    task = models.CharField(max_length=12, blank=True, default="")
    classes = models.JSONField(null=True)
    threshold = models.FloatField(null=True)
    complexity = models.JSONField(default=dict)
    environment = models.JSONField(default=dict)
    importance = models.JSONField(default=list)
    quarantine_reason = models.TextField(blank=True, default="")
    description = models.TextField(blank=True, default="")
    tags = models.JSONField(default=dict)
    registered_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    registered_by_label = models.CharField(max_length=200, blank=True, default="")
    # Who trained it, for the two-person rule (may differ from who registered it).
    trained_by_id = models.UUIDField(null=True)
    # Of a model made elsewhere there are no files, only its answers: in these columns (workers.contracts.answers) of
    # this data version.
    brought_on = models.ForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, null=True, related_name="+")
    brought_columns = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="registry_version_number_once"),
            models.UniqueConstraint(fields=["model", "content_digest"], name="registry_same_bytes_once"),
            # What was brought as predictions has no file that anything could load.
            models.CheckConstraint(
                condition=Q(brought_on__isnull=True, brought_columns__isnull=True)
                | Q(brought_on__isnull=False, brought_columns__isnull=False, manifest=[]),
                name="registry_brought_without_files",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} version {self.number}"


class ModelAlias(BaseModel):
    """A movable name for a version, such as MLflow's aliases."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="aliases")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint("model", Lower("name"), name="registry_alias_once")]
