"""What people are told, in the app and by mail."""

from django.db import models
from django.db.models import Q

from apps.core.models import BaseModel


class Notice(BaseModel):
    """One thing to tell one person; mail is sent by a task after commit and repeated until it went out."""

    class Mail(models.TextChoices):
        NONE = "NONE", "not by mail"
        QUEUED = "QUEUED", "queued"
        SENT = "SENT", "sent"
        FAILED = "FAILED", "failed"

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True, default="")
    url = models.CharField(max_length=300)
    # The same event tells the same person once.
    dedupe = models.CharField(max_length=200)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, choices=Mail.choices, default=Mail.QUEUED)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_next_at = models.DateTimeField(null=True)
    mail_error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "dedupe"], name="notices_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notices_by_user"),
            models.Index(fields=["id"], name="notices_mail_queue", condition=Q(mail="QUEUED")),
        ]
