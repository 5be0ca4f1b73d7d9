"""Launches: which recipe was trained on which data for which problem."""

from __future__ import annotations

import uuid

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
    # Whether its model becomes a version when it ends well; else the run keeps it, as those of a sweep's trials.
    registers = models.BooleanField(default=True)
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
    # What does it again: one of the two.
    launch = models.OneToOneField(Launch, on_delete=models.PROTECT, null=True, related_name="reproduction")
    code_launch = models.OneToOneField(
        "training.CodeLaunch", on_delete=models.PROTECT, null=True, related_name="reproduction"
    )
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
            ),
            models.CheckConstraint(
                condition=models.Q(launch__isnull=False, code_launch__isnull=True)
                | models.Q(launch__isnull=True, code_launch__isnull=False),
                name="training_reproduced_by_one",
            ),
        ]

    def __str__(self) -> str:
        return f"Reproduction of {self.original}"

    @property
    def again(self) -> Launch | CodeLaunch:
        """The launch that does it again."""
        found = self.launch or self.code_launch
        if found is None:
            raise ValueError("A reproduction has a launch")
        return found

    @property
    def run_id(self) -> uuid.UUID:
        """The run that does it again."""
        return self.again.run_id

    @property
    def job_id(self) -> uuid.UUID:
        """The job that does it again."""
        return self.again.job_id


class CodeLaunch(TeamOwned):
    """One launch of people's own code, with what the form said."""

    bundle = models.ForeignKey("code.Bundle", on_delete=models.PROTECT, related_name="+")
    # The id of the bundle's entry; empty for a command.
    entry = models.CharField(max_length=400, blank=True, default="")
    # The words of a command; empty for an entry.
    command = models.JSONField(default=list)
    params = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    # The folder of the code whose files are kept to go on from; empty: none.
    checkpoint = models.CharField(max_length=200, blank=True, default="", db_default="")
    # Empty: Fairway's own.
    environment = models.ForeignKey("code.Environment", on_delete=models.PROTECT, null=True, related_name="+")
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, related_name="+")
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField("experiments.Run", on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, related_name="+")
    # Where models that the code logs are registered; empty: they are kept with the run.
    model = models.ForeignKey("registry.Model", on_delete=models.PROTECT, null=True, related_name="+")
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, null=True, related_name="+")
    # The caller's own key: the same launch twice is one (invariant I24).
    idempotency_key = models.CharField(max_length=200, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="training_code_key_once"),
        ]

    def __str__(self) -> str:
        return f"Launch of {self.bundle}"


class LaunchTemplate(TeamOwned):
    """A launch to be repeated: code, entry, parameters and target under a name."""

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True, default="")
    bundle = models.ForeignKey("code.Bundle", on_delete=models.PROTECT, related_name="+")
    entry = models.CharField(max_length=400, blank=True, default="")
    command = models.CharField(max_length=4000, blank=True, default="")
    params = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, related_name="+")
    # As `code_launch` takes it: "lock" or "own".
    environment = models.CharField(max_length=10, default="lock")
    checkpoint = models.CharField(max_length=200, blank=True, default="", db_default="")
    # A word of `apps.jobs.contracts.PRIORITIES`.
    priority = models.CharField(max_length=10, default="normal", db_default="normal")
    # Where it runs; null: this machine.
    target = models.ForeignKey("compute.ComputeTarget", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "team",
                models.functions.Lower("name"),
                condition=models.Q(archived_at__isnull=True),
                name="training_template_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name
