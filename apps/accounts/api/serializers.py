"""JSON of people, teams, roles, invitations, tokens and sessions."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apps.accounts.models import ApiToken, Grant, Invitation, Team, User
from apps.core.actors import SCOPE_VERBS, VERB_ROLES, Actor, Role
from apps.core.api.rows import ModelSerializer

ROLES = [(role.value, role.value.replace("_", " ").lower()) for role in Role]


class TeamSerializer(ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["id", "name", "slug", "decide_needs_mfa", "archived_at", "created_at", "row_version"]


class TeamCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    decide_needs_mfa = serializers.BooleanField(default=False)


class TeamUpdateSerializer(serializers.Serializer[Any]):
    row_version = serializers.IntegerField(min_value=1, max_value=2_147_483_647)
    name = serializers.CharField(max_length=120, required=False)
    decide_needs_mfa = serializers.BooleanField(required=False)


class GrantSerializer(ModelSerializer[Grant]):
    role = serializers.ChoiceField(choices=ROLES)
    user_id = serializers.UUIDField()
    team_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = Grant
        fields = ["id", "user_id", "team_id", "role", "until", "granted_by_label", "created_at"]


class GrantCreateSerializer(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    team_id = serializers.UUIDField(allow_null=True, default=None, help_text="Empty: the whole site.")
    role = serializers.ChoiceField(choices=ROLES)
    until = serializers.DateTimeField(allow_null=True, default=None)


class PersonSerializer(ModelSerializer[User]):
    name = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ["id", "username", "name", "email", "state", "date_joined", "last_login"]

    def get_name(self, user: User) -> str:
        return str(user)

    def get_state(self, user: User) -> str:
        return "ACTIVE" if user.is_active else "REMOVED"


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000, default="", allow_blank=True)


class RemovalPreviewSerializer(serializers.Serializer[Any]):
    sessions = serializers.IntegerField()
    tokens = serializers.IntegerField()
    grants = serializers.IntegerField()
    invitations = serializers.IntegerField()
    factors = serializers.IntegerField()
    others = serializers.ListField(child=serializers.CharField())
    refusal = serializers.CharField(allow_blank=True)


class InvitationSerializer(ModelSerializer[Invitation]):
    team_id = serializers.UUIDField()
    state = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "team_id",
            "role",
            "state",
            "invited_by_label",
            "mailed_at",
            "mail_error",
            "expires_at",
            "created_at",
        ]

    def get_state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "ACCEPTED"
        if invitation.revoked_at:
            return "REVOKED"
        return "EXPIRED" if invitation.expires_at <= timezone.now() else "OPEN"


class InvitationCreateSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    team_id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=ROLES)
    days = serializers.IntegerField(min_value=1, max_value=30, default=7)


class TokenSerializer(ModelSerializer[ApiToken]):
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(SCOPE_VERBS)))
    state = serializers.SerializerMethodField()

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "scopes", "state", "created_at", "expires_at", "last_used_at", "revoked_at"]

    def get_state(self, token: ApiToken) -> str:
        return token.state


class TokenCreatedSerializer(TokenSerializer):
    secret = serializers.CharField(read_only=True, help_text="Shown in this answer and never again.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "secret"]


class TokenCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=list(SCOPE_VERBS)), allow_empty=False)
    days = serializers.IntegerField(min_value=1, max_value=365)


class SessionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class MeSerializer(serializers.Serializer[Any]):
    """The person behind the request and what they may do now."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.EmailField()
    kind = serializers.ChoiceField(choices=["USER", "TOKEN"])
    mfa = serializers.BooleanField(help_text="Signed in with a second factor.")
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="Empty: all.")
    roles = GrantSerializer(many=True)
    verbs = serializers.DictField(
        child=serializers.ListField(child=serializers.UUIDField(), allow_null=True),
        help_text="For each verb the teams in which it may be done; null: everywhere.",
    )


def verbs_of(actor: Actor) -> dict[str, list[str] | None]:
    """Each verb with its teams (None: all); verbs that are held nowhere are left out."""
    held: dict[str, list[str] | None] = {}
    for verb in VERB_ROLES:
        team_ids = actor.team_ids(verb)
        if team_ids is None:
            held[verb] = None
        elif team_ids:
            held[verb] = sorted(str(pk) for pk in team_ids)
    return held
