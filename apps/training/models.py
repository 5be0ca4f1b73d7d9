"""Launches: which recipe was trained on which data for which problem."""

from __future__ import annotations

from django.db import models

from apps.core.models import TeamOwned


class Launch(TeamOwned):
    """One training launched from the product, with what the form said."""

    problem_version = models.ForeignKey("problems.ProblemVersion", on_delete=models.PROTECT, related_name="+")
    dataset_version = models.ForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="+")
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField("experiments.Run", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey("registry.Model", on_delete=models.PROTECT, related_name="+")
    recipe = models.CharField(max_length=60)
    params = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return f"Training of {self.recipe}"


class Reproduction(TeamOwned):
    """A run done again from what it noted of itself, and whether it came out the same."""

    class Verdict(models.TextChoices):
        RUNNING = "RUNNING", "running"
        IDENTICAL = "IDENTICAL", "identical"
        WITHIN = "WITHIN", "within tolerance"
        DIFFERS = "DIFFERS", "differs"
        FAILED = "FAILED", "failed"

    original = models.ForeignKey("experiments.Run", on_delete=models.PROTECT, related_name="+")
    launch = models.OneToOneField(Launch, on_delete=models.PROTECT, related_name="reproduction")
    # Largest relative difference of a measurement that still counts as the same.
    tolerance = models.FloatField()
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.RUNNING)
    # `apps.training.sameness.Sameness` as JSON, with "changed": {"code": [then, now], ...}; or {"cause"}.
    found = models.JSONField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["original"], condition=models.Q(verdict="RUNNING"), name="training_reproduced_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Reproduction of {self.original}"
