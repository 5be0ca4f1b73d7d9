"""Requests for approval, decisions and the talk around them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.core.models import BaseModel, TeamOwned


class ApprovalRequest(TeamOwned):
    """A model version asks to go live in an environment, on stated evidence."""

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        APPROVED = "APPROVED", "approved"
        REJECTED = "REJECTED", "rejected"
        WITHDRAWN = "WITHDRAWN", "withdrawn"
        EXPIRED = "EXPIRED", "expired"
        STALE = "STALE", "stale"

    number = models.PositiveIntegerField()
    problem = models.ForeignKey("problems.Problem", on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    evaluation = models.ForeignKey("evaluations.Evaluation", on_delete=models.PROTECT, related_name="+")
    environment = models.CharField(max_length=40, default="production")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    requested_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    message = models.TextField(blank=True, default="")
    evidence_digest = models.CharField(max_length=64)
    # What the digest was taken over, for showing what changed.
    evidence = models.JSONField(default=dict)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    supersedes = models.ForeignKey("reviews.ApprovalRequest", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["problem", "number"], name="reviews_number_once"),
            models.UniqueConstraint(
                fields=["model_version", "environment"], condition=Q(state="OPEN"), name="reviews_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"Request {self.number} of {self.problem}"


class Decision(BaseModel):
    """A vote with its reason and the evidence it saw; never edited, only followed by another."""

    class Vote(models.TextChoices):
        APPROVE = "APPROVE", "approved"
        REFUSE = "REFUSE", "refused"
        WITHDRAW = "WITHDRAW", "approval withdrawn"

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, related_name="decisions")
    person = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    person_label = models.CharField(max_length=200)
    role = models.CharField(max_length=20)
    vote = models.CharField(max_length=10, choices=Vote.choices)
    reason = models.TextField()
    evidence_digest = models.CharField(max_length=64)
    # Approved although a gate blocks: said again and typed by the person.
    override = models.BooleanField(default=False)
    overridden_gates = models.JSONField(default=list)
    auth_strength = models.CharField(max_length=12, default="PASSWORD")
    # Copied from the request and its version, so that the database itself keeps the two-person rule.
    requested_by_id = models.UUIDField()
    trained_by_id = models.UUIDField(null=True)
    registered_by_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(vote="WITHDRAW")
                | (
                    ~Q(person_id=F("requested_by_id"))
                    & (Q(trained_by_id__isnull=True) | ~Q(person_id=F("trained_by_id")))
                    & (Q(registered_by_id__isnull=True) | ~Q(person_id=F("registered_by_id")))
                ),
                name="reviews_two_persons",
            ),
            models.UniqueConstraint(
                fields=["request"], condition=Q(vote__in=["APPROVE", "REFUSE"]), name="reviews_decided_once"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reviews_reason_given"),
        ]

    def __str__(self) -> str:
        return f"{self.request}: {self.get_vote_display()} by {self.person_label}"


class RequestMessage(BaseModel):
    """A question or an answer on a request."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    author_label = models.CharField(max_length=200)
    text = models.TextField()
