"""Gates: the problem's limits judged on an evaluation."""

from __future__ import annotations

from django.db import models

from apps.core.models import BaseModel


class Outcome(models.TextChoices):
    PASS = "PASS", "pass"
    FAIL = "FAIL", "fail"
    NOT_PROVEN = "NOT_PROVEN", "not proven"
    NOT_EVALUATED = "NOT_EVALUATED", "not evaluated"


class GateResult(BaseModel):
    """One rule judged for one group, or one critical behaviour test; sealed by the database."""

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    evaluation = models.ForeignKey("evaluations.Evaluation", on_delete=models.PROTECT, related_name="+")
    # What is judged: one of the two.
    objective = models.ForeignKey("problems.Objective", on_delete=models.PROTECT, null=True, related_name="+")
    behaviour = models.ForeignKey("problems.BehaviourVersion", on_delete=models.PROTECT, null=True, related_name="+")
    position = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    group_key = models.CharField(max_length=300)
    group_label = models.CharField(max_length=300)
    protected = models.BooleanField(default=False)
    critical = models.BooleanField(default=False)
    outcome = models.CharField(max_length=14, choices=Outcome.choices)
    # Whether this outcome stands in the way of a release; said in the sentence.
    blocks = models.BooleanField()
    sentence = models.TextField()
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    limit = models.FloatField(null=True)
    rows = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "objective", "group_key"], name="gates_result_once"),
            models.UniqueConstraint(fields=["evaluation", "behaviour"], name="gates_behaviour_once"),
            models.CheckConstraint(
                condition=models.Q(objective__isnull=False, behaviour__isnull=True)
                | models.Q(objective__isnull=True, behaviour__isnull=False),
                name="gates_judges_one",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="FAIL") | models.Q(blocks=True), name="gates_fail_blocks"
            ),
        ]
