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
