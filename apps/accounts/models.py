"""People, teams, roles and tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from apps.core.actors import Role
from apps.core.ids import id_new
from apps.core.models import BaseModel


class User(AbstractUser):
    """A person. What they may do is said by grants alone; Django's own permissions are not used."""

    id = models.UUIDField(primary_key=True, default=id_new, editable=False)
    email = models.EmailField(unique=True)
    theme = models.CharField(max_length=8, default="auto")
    last_team = models.ForeignKey("accounts.Team", on_delete=models.SET_NULL, null=True, related_name="+")
    home_seen_at = models.DateTimeField(null=True)
    # The roles held when the request's actor was made, as the API tells them; not a column.
    roles_read: list[dict[str, Any]]

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class Team(BaseModel):
    """A group that shares problems, data and models; what belongs to one does not exist for another."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    decide_needs_mfa = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="accounts_team_name_once")]

    def __str__(self) -> str:
        return self.name


class Grant(BaseModel):
    """A role held by a person in a team, or on the whole site (team empty); may end by itself."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, related_name="grants")
    role = models.CharField(max_length=20, choices=[(r.value, r.value.replace("_", " ").lower()) for r in Role])
    until = models.DateTimeField(null=True, blank=True)
    granted_by_label = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team", "role"], name="accounts_grant_once", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()} in {self.team or 'the whole site'}"


class Invitation(BaseModel):
    """An open invitation by mail; the secret of its link is stored only as a hash."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField()
    role = models.CharField(max_length=20)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    invited_by_label = models.CharField(max_length=200)
    invited_by_id = models.UUIDField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_error = models.CharField(max_length=300, blank=True, default="")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.team}"


class ApiToken(BaseModel):
    """A person's token for scripts: hashed, scoped, expiring."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def state(self) -> str:
        """ACTIVE, EXPIRED or REVOKED, now."""
        if self.revoked_at is not None:
            return "REVOKED"
        return "EXPIRED" if self.expires_at <= timezone.now() else "ACTIVE"


class RunToken(BaseModel):
    """The short-lived token of one job attempt; it can write that attempt's run and nothing else."""

    secret_sha256 = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    job_id = models.UUIDField()
    attempt_id = models.UUIDField()
    run_id = models.UUIDField(null=True)
    label = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["attempt_id"], name="accounts_runtoken_attempt")]


class SignInLink(BaseModel):
    """A link that signs one person in, once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret_sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="accounts_link_ends")
        ]
