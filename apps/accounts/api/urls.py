"""Addresses under /api/v1/."""

from django.urls import path

from apps.accounts.api import views

urlpatterns = [
    path("me", views.MeView.as_view(), name="api-me"),
    path("people", views.PeopleView.as_view(), name="api-people"),
    path("people/<uuid:pk>", views.PersonView.as_view(), name="api-person"),
    path("people/<uuid:pk>/removal", views.PersonRemovalView.as_view(), name="api-person-removal"),
    path("people/<uuid:pk>/sign-in-link", views.PersonLinkView.as_view(), name="api-person-link"),
    path("teams", views.TeamsView.as_view(), name="api-teams"),
    path("teams/<uuid:pk>", views.TeamView.as_view(), name="api-team"),
    path("teams/<uuid:pk>/archive", views.TeamArchiveView.as_view(), name="api-team-archive"),
    path("teams/<uuid:pk>/restore", views.TeamRestoreView.as_view(), name="api-team-restore"),
    path("grants", views.GrantsView.as_view(), name="api-grants"),
    path("grants/<uuid:pk>", views.GrantView.as_view(), name="api-grant"),
    path("invitations", views.InvitationsView.as_view(), name="api-invitations"),
    path("invitations/<uuid:pk>", views.InvitationView.as_view(), name="api-invitation"),
    path("invitations/<uuid:pk>/resend", views.InvitationResendView.as_view(), name="api-invitation-resend"),
    path("tokens", views.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:pk>", views.TokenView.as_view(), name="api-token"),
    path("sessions", views.SessionsView.as_view(), name="api-sessions"),
    path("sessions/<int:pk>", views.SessionView.as_view(), name="api-session"),
]
