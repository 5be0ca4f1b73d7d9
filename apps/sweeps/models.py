"""Sweeps: the same training with many values of its parameters, trial by trial."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel, ScopedQuerySet, TeamOwned


class Sweep(TeamOwned):
    """A search over parameters. All that it does next follows from its row and those of its trials."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        FINISHED = "FINISHED", "finished"
        STOPPED = "STOPPED", "stopped at a limit"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    class Method(models.TextChoices):
        GRID = "GRID", "grid"
        RANDOM = "RANDOM", "random"
        TPE = "TPE", "TPE"

    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    method = models.CharField(max_length=6, choices=Method.choices)
    # What a trial launches: a recipe on data for a problem, or an entry of a bundle.
    recipe = models.CharField(max_length=60, blank=True, default="")
    dataset_version = models.ForeignKey(
        "datasets.DatasetVersion", on_delete=models.PROTECT, null=True, related_name="+"
    )
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, related_name="+")
    bundle = models.ForeignKey("code.Bundle", on_delete=models.PROTECT, null=True, related_name="+")
    entry = models.CharField(max_length=400, blank=True, default="")
    environment = models.CharField(max_length=10, blank=True, default="lock")
    # The parameters that stay as they are, and the space of the others (`workers.contracts.spaces`).
    params = models.JSONField(default=dict)
    space = models.JSONField(default=dict)
    # Of every trial, and of the sampler.
    seed = models.BigIntegerField(default=0)
    # [{"name", "metric", "direction": MINIMISE | MAXIMISE, "limit": number or null}], the most important first.
    objectives = models.JSONField(default=list)
    # {"metric", "lower", "first", "factor", "brackets"}; null: no trial is ended early.
    pruning = models.JSONField(null=True)
    target = models.ForeignKey("compute.ComputeTarget", on_delete=models.PROTECT, null=True, related_name="+")
    # Limits: trials, trials at once, seconds, money in the minor unit of the target's currency, failures in a row.
    max_trials = models.PositiveIntegerField()
    parallel = models.PositiveIntegerField(default=2)
    max_seconds = models.PositiveIntegerField(null=True)
    cost_limit_minor = models.PositiveBigIntegerField(null=True)
    max_failures = models.PositiveIntegerField(default=3)
    # For an hour of a job when the sweep began; null: not priced.
    price_minor = models.PositiveBigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    # The run that those of the trials are nested under.
    run = models.OneToOneField("experiments.Run", on_delete=models.PROTECT, related_name="+")
    # How many trials there are: a change of it is what lets only one of two drivers add the next ones.
    trial_count = models.PositiveIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=300, blank=True, default="")
    # Set with its end: why it takes no further trial, in a sentence. Before that: what it is about to end for.
    cause = models.TextField(blank=True, default="")
    # The state that it takes once its open trials have ended; empty while it goes on.
    ending = models.CharField(max_length=10, choices=State.choices, blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    cloned_from = models.ForeignKey("sweeps.Sweep", on_delete=models.SET_NULL, null=True, related_name="+")
    # What began it when no person did, in words ("schedule Nightly, due ..."), and its page.
    begun_by = models.CharField(max_length=300, blank=True, default="")
    begun_url = models.CharField(max_length=300, blank=True, default="")
    idempotency_key = models.CharField(max_length=200, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="sweeps_key_once"),
            models.CheckConstraint(
                condition=Q(state="RUNNING", ended_at__isnull=True) | ~Q(state="RUNNING") & Q(ended_at__isnull=False),
                name="sweeps_ended_or_running",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="sweeps_by_team"),
            models.Index(fields=["id"], name="sweeps_running", condition=Q(state="RUNNING")),
        ]

    def __str__(self) -> str:
        return self.name


class TrialQuerySet(ScopedQuerySet):
    team_field = "sweep__team_id"


class Trial(BaseModel):
    """One set of values with its launch. The row is there before its launch, so that a crash between loses nothing."""

    class State(models.TextChoices):
        WAITING = "WAITING", "to be launched"
        RUNNING = "RUNNING", "running"
        DONE = "DONE", "done"
        PRUNED = "PRUNED", "ended early"
        FAILED = "FAILED", "failed"
        CANCELLED = "CANCELLED", "cancelled"

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # The values of the parameters that are searched over.
    params = models.JSONField(default=dict)
    # The values of the objectives in their order, once it is done; empty before.
    values = models.JSONField(default=list)
    # Within every limit of the objectives; null before it is done.
    within = models.BooleanField(null=True)
    # Why it failed or ended early, in a sentence.
    cause = models.TextField(blank=True, default="")
    # [step, value, place, of] of the rung at which it was ended early.
    halt = models.JSONField(null=True)
    run = models.OneToOneField("experiments.Run", on_delete=models.PROTECT, null=True, related_name="+")
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, null=True, related_name="+")
    # How long its job ran.
    seconds = models.FloatField(null=True)
    cost_minor = models.FloatField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sweep", "number"], name="sweeps_trial_number_once"),
            models.CheckConstraint(
                condition=~Q(state__in=["FAILED", "PRUNED"]) | ~Q(cause=""), name="sweeps_failure_has_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"Trial {self.number}"
