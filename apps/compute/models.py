"""Compute targets: the places where jobs run."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel


class ComputeTarget(BaseModel):
    """A place that runs jobs, for the whole installation; who may use it are all teams or chosen ones."""

    class State(models.TextChoices):
        UNTESTED = "UNTESTED", "untested"
        HEALTHY = "HEALTHY", "healthy"
        DEGRADED = "DEGRADED", "degraded"
        DRAINED = "DRAINED", "drained"
        REMOVED = "REMOVED", "removed"

    name = models.CharField(max_length=63)
    description = models.CharField(max_length=1000, blank=True, default="")
    # A name of the executor registry.
    kind = models.CharField(max_length=40)
    address = models.CharField(max_length=500, blank=True, default="")
    # Where jobs on the target find Fairway; empty: the address that this machine uses.
    reach_url = models.CharField(max_length=500, blank=True, default="")
    # What the target asks for to let in, encrypted; written and never shown.
    secret = models.TextField(blank=True, default="")
    # What it has, as a person says; null: not said.
    cores = models.PositiveIntegerField(null=True)
    gpus = models.PositiveIntegerField(null=True)
    memory_bytes = models.BigIntegerField(null=True)
    # How many jobs at once; null: what the installation allows each machine (JOB_SLOTS).
    slots = models.PositiveIntegerField(null=True)
    labels = models.JSONField(default=dict)
    # For an hour of one job, in the currency's minor unit (cents); null: not priced.
    price_minor = models.PositiveBigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    # Limits of jobs that ask for none of their own, by the names of JobLimits.
    limits = models.JSONField(default=dict)
    all_teams = models.BooleanField(default=True)
    teams = models.ManyToManyField("accounts.Team", related_name="+", blank=True)
    # The one that every installation has: this machine.
    builtin = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.UNTESTED)
    state_reason = models.CharField(max_length=500, blank=True, default="")
    state_since = models.DateTimeField(auto_now_add=True)
    # The newest test that passed with the address and the secret that it has now.
    tested_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    # Checks in a row that failed.
    failures = models.PositiveIntegerField(default=0)
    # What the target said of itself at the last check: versions, nodes.
    facts = models.JSONField(default=dict)
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=~Q(state="REMOVED"), name="compute_name_once"),
            models.UniqueConstraint(fields=["builtin"], condition=Q(builtin=True), name="compute_one_builtin"),
            models.CheckConstraint(
                condition=Q(price_minor__isnull=True) | ~Q(currency=""), name="compute_price_has_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TargetTest(BaseModel):
    """One real tiny job on a target, step by step."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        PASSED = "PASSED", "passed"
        FAILED = "FAILED", "failed"

    target = models.ForeignKey(ComputeTarget, on_delete=models.CASCADE, related_name="tests")
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    # [{"key", "state", "seconds", "text"}], in the order in which they are taken.
    steps = models.JSONField(default=list)
    # The last lines of the tiny job.
    output = models.JSONField(default=list)
    # What a person reads first: what failed, and what to do.
    verdict = models.CharField(max_length=1000, blank=True, default="")
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target"], condition=Q(state="RUNNING"), name="compute_one_test_at_a_time")
        ]
        indexes = [models.Index(fields=["target", "-id"], name="compute_tests")]

    def __str__(self) -> str:
        return f"Test of {self.target}"
