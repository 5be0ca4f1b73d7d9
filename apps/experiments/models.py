"""Experiments and runs, in MLflow's words."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.core.actors import Actor, ActorKind
from apps.core.models import BaseModel, ScopedQuerySet, TeamOwned


class RunQuerySet(ScopedQuerySet):
    """As every team's rows; a job attempt sees its own run and no other."""

    def visible_to(self, actor: Actor, verb: str = "view") -> Self:
        if actor.kind is ActorKind.RUN:
            return self.filter(pk=actor.run_id)
        return super().visible_to(actor, verb)


class LoggedModelQuerySet(ScopedQuerySet):
    """As every team's rows; a job attempt sees the models of its own run."""

    def visible_to(self, actor: Actor, verb: str = "view") -> Self:
        if actor.kind is ActorKind.RUN:
            return self.filter(source_run_id=actor.run_id)
        return super().visible_to(actor, verb)


class Experiment(TeamOwned):
    """A series of runs towards one question."""

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        CONCLUDED = "CONCLUDED", "concluded"

    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # MLflow clients address experiments by a decimal id.
    number = models.BigIntegerField(unique=True)
    name = models.CharField(max_length=500)
    # The experiment that MLflow clients mean by "0": one for each team, opened at first use.
    is_default = models.BooleanField(default=False)
    hypothesis = models.TextField(blank=True, default="")
    conclusion = models.TextField(blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    tags = models.JSONField(default=dict)
    # When a client or a person last changed it; empty: never since it was opened.
    updated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("team", Lower("name"), name="experiments_name_once"),
            models.UniqueConstraint(
                fields=["team"], condition=Q(is_default=True), name="experiments_one_default_a_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Run(TeamOwned):
    """One attempt to learn something. Sealed when a model version or an evaluation cites it."""

    class Status(models.TextChoices):
        RUNNING = "RUNNING", "running"
        SCHEDULED = "SCHEDULED", "scheduled"
        FINISHED = "FINISHED", "finished"
        FAILED = "FAILED", "failed"
        KILLED = "KILLED", "killed"

    # Three of the indexes below begin with it.
    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="runs", db_index=False)
    name = models.CharField(max_length=250)
    # Whom the client names as its user; who really began the run is `created_by`.
    user_name = models.CharField(max_length=256, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    job_id = models.UUIDField(null=True)
    source = models.CharField(max_length=200, blank=True, default="")
    # {"repository", "commit", "dirty", "version"}
    code = models.JSONField(default=dict)
    # {"python", "lock_digest", "packages": {...}}
    environment = models.JSONField(default=dict)
    seed = models.BigIntegerField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    notes = models.TextField(blank=True, default="")
    # Newest value per metric key: {key: [value, step, timestamp ms]}; the table and the compare page read this.
    metrics_latest = models.JSONField(default=dict)
    params = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)
    # Since when a version cites it although it still runs; such a run is sealed at its end.
    cited_at = models.DateTimeField(null=True)
    sealed_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    # The tombstone of its files: their rows with path, hash and size stay, the bytes are gone.
    purged_at = models.DateTimeField(null=True)
    purge_reason = models.TextField(blank=True, default="")

    objects = RunQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        indexes = [
            models.Index(fields=["experiment", "-id"], name="experiments_runs_newest"),
            # Holds all that the search for a name asks for.
            models.Index(fields=["team", "-id"], include=["name", "deleted_at"], name="experiments_runs_by_team"),
            models.Index(fields=["experiment", "-started_at", "id"], name="experiments_runs_begun"),
            # Holds all that counting asks for, so that 10,000 runs are counted without reading one.
            models.Index(
                fields=["experiment", "team", "status"],
                name="experiments_runs_counted",
                condition=models.Q(deleted_at__isnull=True),
            ),
            # Runs by a param or a tag that few of them have; what waits to be sorted in is read by every search, so
            # little may wait.
            GinIndex(OpClass("params", "jsonb_path_ops"), name="experiments_runs_by_param", gin_pending_list_limit=256),
            GinIndex(OpClass("tags", "jsonb_path_ops"), name="experiments_runs_by_tag", gin_pending_list_limit=256),
        ]

    @property
    def experiment_number(self) -> int:
        """The experiment's name for MLflow's clients."""
        number: int = self.experiment.number
        return number

    def __str__(self) -> str:
        return self.name


class Lesson(TeamOwned):
    """What a run taught, in a person's words: a line of the ledger."""

    class Effect(models.TextChoices):
        HELPED = "HELPED", "helped"
        HARMED = "HARMED", "harmed"
        NO_EFFECT = "NO_EFFECT", "no effect"
        UNCLEAR = "UNCLEAR", "unclear"

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="lesson")
    effect = models.CharField(max_length=10, choices=Effect.choices)
    text = models.TextField()
    # What it had this effect on: a metric key, and the segment when it is about one.
    metric = models.CharField(max_length=250, blank=True, default="")
    segment = models.CharField(max_length=200, blank=True, default="")
    # The run that it is measured against.
    against = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["team", "-updated_at", "-id"], name="experiments_lesson_newest"),
            models.Index(fields=["team", "metric", "effect"], name="experiments_lesson_metric"),
        ]

    def __str__(self) -> str:
        return f"{self.get_effect_display()}: {self.text[:80]}"


class SavedView(TeamOwned):
    """A way to look at the runs of an experiment: what the page's address says of filters, columns, groups, charts."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="+")
    # Empty: the team's.
    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=120)
    query = models.TextField(blank=True, default="")
    # The page opens with it; somebody's own goes before the team's.
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "experiment", "owner", Lower("name"), name="experiments_view_name_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["experiment", "owner"],
                condition=Q(is_default=True),
                name="experiments_view_one_default",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RunInput(BaseModel):
    """A dataset version that a run used, and as what."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="inputs")
    dataset_version = models.ForeignKey(
        "datasets.DatasetVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    role = models.CharField(max_length=40, default="training")
    # For data that a client logged, whether it is known to be the version or not:
    # {"name", "digest", "source_type", "source", "schema", "profile", "tags": {...}}
    external = models.JSONField(null=True)


class RunModel(BaseModel):
    """A logged model that a run read or wrote, at a step."""

    class Direction(models.TextChoices):
        INPUT = "INPUT", "input"
        OUTPUT = "OUTPUT", "output"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="model_links")
    logged_model = models.ForeignKey("experiments.LoggedModel", on_delete=models.CASCADE, related_name="+")
    direction = models.CharField(max_length=6, choices=Direction.choices)
    step = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "logged_model", "direction", "step"], name="experiments_run_model_once"
            )
        ]


class Metric(models.Model):
    """One measurement; append-only."""

    id = models.BigAutoField(primary_key=True)
    # The function that writes it holds its run's row, so the database need not look for it again at each of a
    # million rows; and the constraint below begins with the run.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    key = models.CharField(max_length=250)
    value = models.FloatField()
    step = models.BigIntegerField(default=0)
    timestamp = models.BigIntegerField()
    # The logged model and the data that it measures, where the client says so.
    model_id = models.UUIDField(null=True)
    dataset_name = models.CharField(max_length=500, null=True)
    dataset_digest = models.CharField(max_length=36, null=True)

    class Meta:
        constraints = [
            # A repeated batch changes nothing.
            models.UniqueConstraint(
                fields=["run", "key", "step", "timestamp", "value", "model_id"],
                name="experiments_metric_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(
                fields=["model_id", "key"], condition=Q(model_id__isnull=False), name="experiments_metric_of_model"
            )
        ]


class RunMetric(models.Model):
    """The newest value of a metric of a run, once more beside `Run.metrics_latest`: searches walk its index.

    Derived and written by the function that writes the document, with the run's row held; nothing else writes it.
    """

    pk = models.CompositePrimaryKey("run_id", "key")
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="newest_metrics", db_index=False, db_constraint=False
    )
    # That of the run, which never changes: so the values of one experiment lie beside each other.
    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=250)
    value = models.FloatField()

    class Meta:
        indexes = [models.Index(fields=["experiment", "key", "value"], name="experiments_runmetric_walk")]


class RunParam(models.Model):
    """The beginning of a param of a run, once more beside `Run.params`: tables sorted by a param walk its index.

    Derived: a trigger of `Run` follows the document, whoever writes it (migration 0012). Its key is the walk itself, so
    that a logged param costs one row and one index entry.
    """

    pk = models.CompositePrimaryKey("experiment_id", "key", "value", "run_id")
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="walked_params", db_index=False, db_constraint=False
    )
    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    key = models.CharField(max_length=250)
    # No longer, so that an index takes it.
    value = models.CharField(max_length=250)


class Artifact(BaseModel):
    """A file of a run or of one of its logged models, stored by content."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="artifacts")
    logged_model = models.ForeignKey(
        "experiments.LoggedModel", on_delete=models.CASCADE, null=True, related_name="artifacts"
    )
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "path"], condition=Q(run__isnull=False), name="experiments_file_once"
            ),
            models.UniqueConstraint(
                fields=["logged_model", "path"],
                condition=Q(logged_model__isnull=False),
                name="experiments_modelfile_once",
            ),
            models.CheckConstraint(
                condition=Q(run__isnull=False) ^ Q(logged_model__isnull=False), name="experiments_file_of_one"
            ),
        ]


class LoggedModel(TeamOwned):
    """A model that a run logged, before and beside its registration (MLflow's LoggedModel)."""

    class Status(models.TextChoices):
        PENDING = "LOGGED_MODEL_PENDING", "pending"
        READY = "LOGGED_MODEL_READY", "ready"
        UPLOAD_FAILED = "LOGGED_MODEL_UPLOAD_FAILED", "upload failed"

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="+")
    source_run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="logged_models")
    name = models.CharField(max_length=250)
    model_type = models.CharField(max_length=100, blank=True, default="")
    status = models.CharField(max_length=30, choices=Status.choices, default=Status.PENDING)
    updated_at = models.DateTimeField(null=True)
    # Set when a version cites it: its files and params stay as they are.
    sealed_at = models.DateTimeField(null=True)
    params = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)

    objects = LoggedModelQuerySet.as_manager()  # type: ignore[misc]

    def __str__(self) -> str:
        return self.name


class EvaluationDataset(TeamOwned):
    """Examples that generative models are judged by (MLflow's evaluation dataset); its records may change."""

    name = models.CharField(max_length=255)
    tags = models.JSONField(default=dict)
    # The types of the fields seen so far: {"inputs": {...}, "outputs": ..., "expectations": {...}, "version"}.
    schema = models.JSONField(null=True)
    experiments = models.ManyToManyField(Experiment, related_name="+")
    # When the records last changed, and who changed them.
    updated_at = models.DateTimeField(auto_now_add=True)
    updated_by_label = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["team", "-created_at", "-id"], name="experiments_evaldata_newest")]

    def __str__(self) -> str:
        return self.name


class EvaluationRecord(BaseModel):
    """One example: what is asked, what was answered, and what is expected."""

    dataset = models.ForeignKey(EvaluationDataset, on_delete=models.CASCADE, db_index=False, related_name="records")
    inputs = models.JSONField()
    inputs_sha256 = models.CharField(max_length=64)
    outputs = models.JSONField(null=True)
    expectations = models.JSONField(null=True)
    tags = models.JSONField(default=dict)
    # {"source_type", "source_data": {...}}
    source = models.JSONField(null=True)
    # Characters of its JSON; pages end before they grow too large.
    size = models.PositiveIntegerField()
    updated_at = models.DateTimeField()
    created_by_label = models.CharField(max_length=200)
    updated_by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            # The same inputs again change the record that has them.
            models.UniqueConstraint(fields=["dataset", "inputs_sha256"], name="experiments_evalrecord_once")
        ]
        indexes = [models.Index(fields=["dataset", "id"], name="experiments_evalrecord_walk")]
