"""Base models. No business rule lives here."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.ids import id_new


class BaseModel(models.Model):
    """UUIDv7 key, creation time and a counter for optimistic locking."""

    id = models.UUIDField(primary_key=True, default=id_new, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    row_version = models.PositiveIntegerField(default=1)

    class Meta:
        abstract = True


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows of teams: what a stranger asks for does not exist (invariant I28)."""

    team_field = "team_id"

    def visible_to(self, actor: Actor, verb: str = "view") -> Self:
        """Keep the rows of the teams in which the actor may do `verb`."""
        team_ids = actor.team_ids(verb)
        if team_ids is None:
            return self
        return self.filter(**{f"{self.team_field}__in": team_ids})


class TeamOwned(BaseModel):
    """A thing of one team, with the label of who made it (which outlives the person)."""

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class IdempotencyKey(models.Model):
    """The stored answer to a create or launch that carried an Idempotency-Key header."""

    id = models.BigAutoField(primary_key=True)
    actor_id = models.UUIDField()
    key = models.CharField(max_length=200)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor_id", "key"], name="core_idempotency_once")]
        indexes = [models.Index(fields=["created_at"], name="core_idempotency_age")]


class LongTask(models.Model):
    """A piece of work of the installation itself (the demo, a backup) whose progress people watch."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        DONE = "DONE", "done"
        FAILED = "FAILED", "failed"

    key = models.CharField(max_length=60, primary_key=True)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    fraction = models.FloatField(default=0.0)
    text = models.CharField(max_length=300, blank=True, default="")
    url = models.CharField(max_length=300, blank=True, default="")
    started_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class StoredBlob(models.Model):
    """What is known of one file in the content-addressed store; who refers to it is asked of the rooms."""

    class Fault(models.TextChoices):
        NONE = "", "none"
        FLIPPED = "FLIPPED", "bytes differ from their hash"
        MISSING = "MISSING", "not in the store"

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Moves with every write of the same bytes: whoever wrote them last has the grace time to refer to them.
    written_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=8, choices=Fault.choices, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["written_at"], name="core_blob_written"),
            models.Index(fields=["fault"], name="core_blob_faults", condition=~models.Q(fault="")),
        ]

    def __str__(self) -> str:
        return self.sha256


class BlobPlace(models.Model):
    """A store that has a copy of a blob. A blob without a row lies in the installation's own store alone."""

    id = models.BigAutoField(primary_key=True)
    blob = models.ForeignKey(StoredBlob, on_delete=models.CASCADE, related_name="+")
    # A record of the room of stores, or `blob_places.OWN`; a lower room has no foreign key to a higher one.
    place_id = models.UUIDField()
    # Null while the first write goes on, and for good when it broke off.
    ready_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["blob", "place_id"], name="core_place_once")]
        indexes = [models.Index(fields=["place_id"], name="core_place_of")]

    def __str__(self) -> str:
        return f"{self.blob_id} in {self.place_id}"
