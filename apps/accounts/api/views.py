"""JSON views of people, teams, roles, invitations, tokens and sessions."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.api import serializers as s
from apps.accounts.models import User
from apps.core.actors import Role
from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.core.errors import Invalid

_PAGE = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
]


def uuid_param(request: Request, name: str) -> uuid.UUID | None:
    """A UUID of the query. Raises Invalid at its name."""
    raw = request.query_params.get(name, "")
    if not raw:
        return None
    try:
        return uuid.UUID(raw)
    except ValueError as error:
        raise Invalid.field(name, "This is not a UUID.") from error


class MeView(ApiView):
    @extend_schema(operation_id="me_get", responses=s.MeSerializer)
    def get(self, request: Request) -> Response:
        """Who am I, and what may I do now?"""
        actor = self.actor
        user: Any = request.user
        body = {
            "id": user.pk,
            "username": user.username,
            "name": str(user),
            "email": user.email,
            "kind": actor.kind.value,
            "mfa": actor.mfa,
            "scopes": sorted(actor.scopes) if actor.scopes is not None else None,
            "roles": user.roles_read,
            "verbs": s.verbs_of(actor),
        }
        # Scripts ask this before anything else, so it is written as it is instead of field by field.
        return Response(body)


class PeopleView(ApiView):
    @extend_schema(
        operation_id="people_list",
        parameters=[
            *_PAGE,
            OpenApiParameter("text", OpenApiTypes.STR, description="Part of name, user name or address."),
            OpenApiParameter("role", OpenApiTypes.STR, enum=[r.value for r in Role]),
            OpenApiParameter("team_id", OpenApiTypes.UUID),
            OpenApiParameter("state", OpenApiTypes.STR, enum=["ACTIVE", "REMOVED"]),
        ],
        responses=s.PersonSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """People you may know of: those of your teams; all for administrators of the site."""
        query = request.query_params
        rows = selectors.user_list(
            self.actor,
            text=query.get("text", "").replace("\0", ""),
            role=query.get("role", "").replace("\0", ""),
            team_id=uuid_param(request, "team_id"),
            state=query.get("state", ""),
        )
        return self.page(rows, s.PersonSerializer, filters=("text", "role", "team_id", "state"))


class PersonView(ApiView):
    @extend_schema(operation_id="person_get", responses=s.PersonSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One person."""
        return Response(s.PersonSerializer(selectors.user_get(self.actor, pk)).data)


class PersonRemovalView(ApiView):
    @extend_schema(operation_id="person_removal_preview", responses=s.RemovalPreviewSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What would end if this person were removed, and whether that would be refused."""
        preview = services.person_removal_preview(actor=self.actor, user_id=pk)
        return Response(s.RemovalPreviewSerializer(asdict(preview)).data)

    @extend_schema(operation_id="person_remove", request=s.ReasonSerializer, responses=s.PersonSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End all sessions, tokens, roles, invitations and pending decisions of a person."""
        data = self.input(s.ReasonSerializer)
        user = services.person_remove(actor=self.actor, user_id=pk, reason=data["reason"])
        return Response(s.PersonSerializer(user).data)


class PersonLinkView(ApiView):
    @extend_schema(operation_id="person_sign_in_link_send", request=None, responses={204: None})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Mail the person a one-time sign-in link."""
        services.sign_in_link_send(actor=self.actor, user_id=pk)
        return Response(status=204)


class TeamsView(ApiView):
    @extend_schema(operation_id="team_list", parameters=_PAGE, responses=s.TeamSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your teams; all, also archived ones, for administrators of the site."""
        return self.page(selectors.team_table(self.actor), s.TeamSerializer)

    @extend_schema(operation_id="team_create", request=s.TeamCreateSerializer, responses={201: s.TeamSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a team."""
        team = services.team_create(actor=self.actor, **self.input(s.TeamCreateSerializer))
        return Response(s.TeamSerializer(team).data, status=201)


class TeamView(ApiView):
    @extend_schema(operation_id="team_get", responses=s.TeamSerializer)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One team."""
        return Response(s.TeamSerializer(selectors.team_get(self.actor, pk, archived=True)).data)

    @extend_schema(operation_id="team_update", request=s.TeamUpdateSerializer, responses=s.TeamSerializer)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the name, or whether deciding takes a second factor; `row_version` guards against lost updates."""
        team = services.team_update(actor=self.actor, team_id=pk, **self.input(s.TeamUpdateSerializer))
        return Response(s.TeamSerializer(team).data)


class TeamArchiveView(ApiView):
    archived = True

    @extend_schema(operation_id="team_archive", request=s.ReasonSerializer, responses=s.TeamSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Put the team away (`archive`) or bring it back (`restore`)."""
        data = self.input(s.ReasonSerializer)
        team = services.team_archive(actor=self.actor, team_id=pk, archived=self.archived, reason=data["reason"])
        return Response(s.TeamSerializer(team).data)


class TeamRestoreView(TeamArchiveView):
    archived = False

    @extend_schema(operation_id="team_restore", request=s.ReasonSerializer, responses=s.TeamSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Bring an archived team back."""
        return super().post(request, pk)


class GrantsView(ApiView):
    @extend_schema(
        operation_id="grant_list",
        parameters=[
            *_PAGE,
            OpenApiParameter("user_id", OpenApiTypes.UUID),
            OpenApiParameter("team_id", OpenApiTypes.UUID),
        ],
        responses=s.GrantSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Roles in your teams and on the site."""
        rows = selectors.grant_list(
            self.actor, user_id=uuid_param(request, "user_id"), team_id=uuid_param(request, "team_id")
        )
        return self.page(rows, s.GrantSerializer, filters=("user_id", "team_id"))

    @extend_schema(operation_id="grant_add", request=s.GrantCreateSerializer, responses={201: s.GrantSerializer})
    @idempotent
    def post(self, request: Request) -> Response:
        """Give a person a role; the same role again only changes its end."""
        data = self.input(s.GrantCreateSerializer)
        grant = services.grant_add(
            actor=self.actor,
            user=selectors.user_get(self.actor, data["user_id"]),
            team=selectors.team_get(self.actor, data["team_id"]) if data["team_id"] else None,
            role=data["role"],
            until=data["until"],
        )
        return Response(s.GrantSerializer(grant).data, status=201)


class GrantView(ApiView):
    @extend_schema(operation_id="grant_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Take a role away."""
        services.grant_remove(actor=self.actor, grant_id=pk)
        return Response(status=204)


class InvitationsView(ApiView):
    @extend_schema(operation_id="invitation_list", parameters=_PAGE, responses=s.InvitationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Open invitations of the teams whose people you manage."""
        return self.page(selectors.invitation_list(self.actor), s.InvitationSerializer)

    @extend_schema(
        operation_id="invitation_create",
        request=s.InvitationCreateSerializer,
        responses={201: s.InvitationSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Invite somebody; the link goes to the mailbox only."""
        data = self.input(s.InvitationCreateSerializer)
        team = selectors.team_get(self.actor, data.pop("team_id"))
        invitation = services.invitation_create(actor=self.actor, team=team, **data)
        return Response(s.InvitationSerializer(invitation).data, status=201)


class InvitationView(ApiView):
    @extend_schema(operation_id="invitation_revoke", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw an open invitation."""
        services.invitation_revoke(actor=self.actor, invitation_id=pk)
        return Response(status=204)


class InvitationResendView(ApiView):
    @extend_schema(operation_id="invitation_resend", request=None, responses=s.InvitationSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Mail a new link; the old one ends."""
        invitation = services.invitation_resend(actor=self.actor, invitation_id=pk)
        return Response(s.InvitationSerializer(invitation).data)


class TokensView(ApiView):
    @extend_schema(operation_id="token_list", parameters=_PAGE, responses=s.TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your own tokens, also ended ones; never their secrets."""
        return self.page(selectors.token_list(self.actor, ended=True), s.TokenSerializer)

    @extend_schema(
        operation_id="token_create", request=s.TokenCreateSerializer, responses={201: s.TokenCreatedSerializer}
    )
    def post(self, request: Request) -> Response:
        """Make a token for yourself. Takes a signed-in person: a token cannot make another."""
        data = self.input(s.TokenCreateSerializer)
        user = User.objects.get(pk=self.actor.person_id)
        token, secret = services.token_create(actor=self.actor, user=user, **data)
        body: dict[str, Any] = {**s.TokenSerializer(token).data, "secret": secret}
        return Response(body, status=201)


class TokenView(ApiView):
    @extend_schema(operation_id="token_revoke", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """End a token at once."""
        services.token_revoke(actor=self.actor, token_id=pk)
        return Response(status=204)


class SessionsView(ApiView):
    @extend_schema(operation_id="session_list", parameters=_PAGE, responses=s.SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your own sessions."""
        return self.page(selectors.session_list(self.actor), s.SessionSerializer)


class SessionView(ApiView):
    @extend_schema(operation_id="session_end", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """End a session. Takes a signed-in person."""
        services.session_end(actor=self.actor, session_id=pk)
        return Response(status=204)
