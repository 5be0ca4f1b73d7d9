"""Evaluations: metrics by segment, with intervals, against a baseline on the same rows."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import TeamOwned
from workers.contracts.exports import FORMATS


class Evaluation(TeamOwned):
    """One judgement of a model version on one set of rows; sealed by the database when complete."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        COMPLETE = "COMPLETE", "complete"
        FAILED = "FAILED", "failed"

    number = models.PositiveIntegerField()
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, related_name="+")
    problem_version = models.ForeignKey("problems.ProblemVersion", on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    baseline_version = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Further versions that answered the same rows; their order stands in the job's spec and in `findings`.
    member_versions = models.ManyToManyField("registry.ModelVersion", related_name="+")
    dataset_version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="+")
    segment_versions = models.ManyToManyField("problems.SegmentVersion", related_name="+")
    # The behaviour tests that were in force when it was asked; what they found stands in `findings`.
    behaviour_versions = models.ManyToManyField("problems.BehaviourVersion", related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    threshold = models.FloatField(null=True)
    row_count = models.BigIntegerField(null=True)
    row_digest = models.CharField(max_length=64, blank=True, default="")
    # The report (analysis.contracts.report) and its digest; the sufficient statistics and predictions are blobs.
    report = models.JSONField(null=True)
    report_digest = models.CharField(max_length=64, blank=True, default="")
    # What was found beyond the report (analysis.contracts.findings) and its digest; null for evaluations made before.
    findings = models.JSONField(null=True)
    findings_digest = models.CharField(max_length=64, blank=True, default="")
    statistics_sha256 = models.CharField(max_length=64, blank=True, default="")
    predictions_sha256 = models.CharField(max_length=64, blank=True, default="")
    # The rows that flipped; told only to who may see rows.
    flips_sha256 = models.CharField(max_length=64, blank=True, default="")
    # The verdict in one sentence, as it stood when the evaluation completed; lists and mails need no report for it.
    headline = models.TextField(blank=True, default="")
    tone = models.CharField(max_length=8, blank=True, default="")
    cause = models.TextField(blank=True, default="")
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["problem", "number"], name="evaluations_number_once")]
        indexes = [models.Index(fields=["model_version", "-id"], name="evaluations_by_version")]

    def __str__(self) -> str:
        return f"Evaluation {self.number} of {self.problem}"


class Export(TeamOwned):
    """A sealed report as a file of one format, made by a job; sealed by the database once that has ended.

    The same evidence is there once for each format and version of the renderer, but for exports that failed.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        READY = "READY", "ready"
        FAILED = "FAILED", "failed"

    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="exports")
    format = models.CharField(max_length=12, choices=[(code, kind.label) for code, kind in FORMATS.items()])
    report_digest = models.CharField(max_length=64)
    findings_digest = models.CharField(max_length=64, blank=True, default="")
    renderer = models.PositiveIntegerField()
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(null=True)
    cause = models.TextField(blank=True, default="")
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "format", "report_digest", "findings_digest", "renderer"],
                condition=~Q(state="FAILED"),
                name="evaluations_export_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_format_display()} of {self.evaluation}"

    @property
    def filename(self) -> str:
        """Under which it is downloaded."""
        return f"evaluation-{self.evaluation.number}-{FORMATS[self.format].output}"


class ThresholdProposal(TeamOwned):
    """A threshold that somebody found on an evaluation's page, with what speaks for it; sealed as it is written."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="proposals")
    threshold = models.FloatField()
    reason = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["evaluation", "threshold"],
                condition=Q(archived_at__isnull=True),
                name="evaluations_proposed_once",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0) & Q(threshold__lte=1), name="evaluations_proposal_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"Threshold {self.threshold:.3f} for {self.evaluation}"


class TableJudgement(TeamOwned):
    """An evaluation table of an MLflow run that somebody asked to be judged by segment.

    It waits until the table has been read as a version of a dataset; then the evaluation is asked for by itself, or
    refused with the reason.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        JUDGED = "JUDGED", "judged"
        REFUSED = "REFUSED", "refused"

    run = models.ForeignKey("experiments.Run", on_delete=models.PROTECT, related_name="+")
    path = models.TextField()
    dataset_version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.CASCADE, related_name="+")
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, related_name="+")
    # {"name", "column", "score_prefix", "threshold", "weight", "query"}: what was said of the answers.
    said = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    cause = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["run", "-id"], name="evaluations_tables_of_run")]

    def __str__(self) -> str:
        return f"“{self.path}” of {self.run}"
