"""Webhooks: addresses elsewhere that are told what happens in a team's registry."""

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel, TeamOwned


class Webhook(TeamOwned):
    """An address that is told of some events of a team."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "active"
        DISABLED = "DISABLED", "disabled"

    name = models.CharField(max_length=63)
    description = models.CharField(max_length=1000, blank=True, default="")
    url = models.CharField(max_length=500)
    # Keys of `contracts.EVENTS`.
    events = models.JSONField()
    # What the deliveries are signed with, encrypted; written and never shown.
    secret = models.TextField(blank=True, default="")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    updated_at = models.DateTimeField(auto_now_add=True)
    # Until when a worker may be sending its deliveries, one after the other.
    busy_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Delivery(BaseModel):
    """One event on its way to one webhook, written with the event itself; what was finished stays as a log."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "queued"
        SENT = "SENT", "sent"
        FAILED = "FAILED", "failed"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=60)
    body = models.TextField()
    state = models.CharField(max_length=6, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When it was last sent; what follows is sent while it waits, so the order of attempts is not that of events.
    attempted_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["webhook", "-id"], name="webhooks_delivery_log"),
            models.Index(fields=["webhook", "id"], name="webhooks_delivery_queue", condition=Q(state="QUEUED")),
            models.Index(fields=["webhook", "-attempted_at"], name="webhooks_delivery_tried"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
