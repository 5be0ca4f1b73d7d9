"""The audit trail: append-only entries, linked into a hash chain by one sealer."""

from django.db import models
from django.db.models import Q

from apps.core.ids import id_new


class AuditEvent(models.Model):
    """One state change. Names its actor and object by id and label, so that it outlives both."""

    id = models.UUIDField(primary_key=True, default=id_new, editable=False)
    at = models.DateTimeField(auto_now_add=True)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=200)
    on_behalf_of = models.CharField(max_length=200, blank=True, default="")
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    object_label = models.CharField(max_length=300)
    team_id = models.UUIDField(null=True)
    problem_id = models.UUIDField(null=True)
    reason = models.TextField(blank=True, default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    # Filled once by the sealer, in commit order; null while the entry is in the short unsealed tail.
    sequence = models.BigIntegerField(null=True, unique=True)
    previous_hash = models.CharField(max_length=64, null=True)
    hash = models.CharField(max_length=64, null=True)

    class Meta:
        indexes = [
            models.Index(fields=["team_id", "-id"], name="audit_by_team"),
            models.Index(fields=["object_type", "object_id"], name="audit_by_object"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_actor"),
            models.Index(fields=["id"], name="audit_unsealed", condition=Q(sequence__isnull=True)),
        ]
