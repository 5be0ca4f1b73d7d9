"""Schedules: what is launched at a time or after a change, and each time that it was."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel, ScopedQuerySet, TeamOwned


class Schedule(TeamOwned):
    """A launch that begins by itself, with the rights that its owner has at that moment."""

    class State(models.TextChoices):
        ACTIVE = "ACTIVE", "active"
        PAUSED = "PAUSED", "paused"
        STOPPED = "STOPPED", "stopped"

    class Trigger(models.TextChoices):
        CRON = "CRON", "at a time"
        DATA = "DATA", "a new version of data"
        CODE = "CODE", "a new version of code"
        GIT = "GIT", "a new commit of a git branch"
        PROBLEM = "PROBLEM", "an accepted version of a problem"

    class Act(models.TextChoices):
        TEMPLATE = "TEMPLATE", "a template"
        TRAINING = "TRAINING", "a training"
        EVALUATION = "EVALUATION", "an evaluation"
        SWEEP = "SWEEP", "a sweep"

    class Missed(models.TextChoices):
        SKIP = "SKIP", "leave them out"
        ONCE = "ONCE", "run once for all of them"

    class Overlap(models.TextChoices):
        SKIP = "SKIP", "leave the new one out"
        QUEUE = "QUEUE", "run it afterwards"

    name = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    # Why it is stopped, in a sentence.
    cause = models.CharField(max_length=500, blank=True, default="")
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    cron = models.CharField(max_length=200, blank=True, default="")
    zone = models.CharField(max_length=60, blank=True, default="UTC")
    # What a change is looked for in; a bundle's next version has its name.
    dataset = models.ForeignKey("datasets.Dataset", on_delete=models.PROTECT, null=True, related_name="+")
    bundle_name = models.CharField(max_length=120, blank=True, default="")
    # The remote is asked for the commit of its branch; each commit that the branch was found at is fetched once.
    repository = models.CharField(max_length=500, blank=True, default="", db_default="")
    branch = models.CharField(max_length=200, blank=True, default="", db_default="")
    looked_at = models.DateTimeField(null=True)
    # Where the branch was at the last look, the commits since the first look, and why the last look told nothing.
    head = models.CharField(max_length=64, blank=True, default="", db_default="")
    commits = models.JSONField(default=list)
    look_problem = models.CharField(max_length=500, blank=True, default="", db_default="")
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, null=True, related_name="+")
    # Ids of what was there when it began to look: no changes.
    seen = models.JSONField(default=list)
    act = models.CharField(max_length=10, choices=Act.choices)
    template = models.ForeignKey("training.LaunchTemplate", on_delete=models.PROTECT, null=True, related_name="+")
    # The launch that is done again on the newest data.
    launch = models.ForeignKey("training.Launch", on_delete=models.PROTECT, null=True, related_name="+")
    # Its newest version is evaluated.
    model = models.ForeignKey("registry.Model", on_delete=models.PROTECT, null=True, related_name="+")
    # The sweep that is begun again on the newest data.
    sweep = models.ForeignKey("sweeps.Sweep", on_delete=models.PROTECT, null=True, related_name="+")
    missed = models.CharField(max_length=4, choices=Missed.choices, default=Missed.SKIP)
    overlap = models.CharField(max_length=5, choices=Overlap.choices, default=Overlap.SKIP)
    # When it is due; null for one that waits for a change.
    next_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "team",
                models.functions.Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="schedules_name_once",
            ),
            models.CheckConstraint(
                condition=~Q(trigger="CRON", state="ACTIVE") | Q(next_at__isnull=False), name="schedules_cron_has_next"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="schedules_due", condition=Q(state="ACTIVE", next_at__isnull=False)),
            models.Index(fields=["team", "-id"], name="schedules_by_team"),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleRunQuerySet(ScopedQuerySet):
    team_field = "schedule__team_id"


class ScheduleRun(BaseModel):
    """One time that a schedule was due, or one change that it saw. `key` names it: one change, one run."""

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        LAUNCHED = "LAUNCHED", "launched"
        SKIPPED = "SKIPPED", "left out"
        FAILED = "FAILED", "failed"

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="runs")
    key = models.CharField(max_length=100)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    # "due 02:00 Europe/Berlin", or "version 4 of Boilers", with its page.
    cause = models.CharField(max_length=300)
    cause_url = models.CharField(max_length=300, blank=True, default="")
    # Why it was left out or failed.
    note = models.CharField(max_length=1000, blank=True, default="")
    due_at = models.DateTimeField()
    # The id of what changed.
    change_id = models.UUIDField(null=True)
    job = models.OneToOneField("jobs.Job", on_delete=models.PROTECT, null=True, related_name="+")
    run = models.OneToOneField("experiments.Run", on_delete=models.PROTECT, null=True, related_name="+")
    sweep = models.OneToOneField("sweeps.Sweep", on_delete=models.PROTECT, null=True, related_name="+")

    objects = ScheduleRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "key"], name="schedules_change_once"),
            models.CheckConstraint(
                condition=~Q(state__in=["SKIPPED", "FAILED"]) | ~Q(note=""), name="schedules_why_not"
            ),
        ]
        indexes = [
            models.Index(fields=["schedule", "-id"], name="schedules_runs_newest"),
            models.Index(fields=["id"], name="schedules_runs_waiting", condition=Q(state="WAITING")),
        ]

    def __str__(self) -> str:
        return self.cause
