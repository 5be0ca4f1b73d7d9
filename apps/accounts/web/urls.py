"""Addresses of the pages. Those of allauth that write get one transaction around change and audit entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account import views as account_views
from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as code_views
from allauth.mfa.totp import views as totp_views
from allauth.mfa.webauthn import views as key_views
from django.db import transaction
from django.http import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from apps.accounts.web.views import account, entrance, people, teams


def _whole(route: str, view: Any, name: str) -> URLPattern:
    """allauth's view at allauth's address, in one transaction."""
    whole: Callable[..., HttpResponseBase] = transaction.atomic(view)
    return path(f"accounts/{route}", whole, name=name)


urlpatterns = [
    path("admin/people/", people.person_list, name="person-list"),
    path("admin/people/invite/", people.invitation_create, name="invitation-create"),
    path("admin/people/<uuid:pk>/", people.person_detail, name="person-detail"),
    path("admin/people/<uuid:pk>/roles/", people.grant_create, name="grant-create"),
    path("admin/people/<uuid:pk>/remove/", people.person_remove, name="person-remove"),
    path("admin/people/<uuid:pk>/link/", people.person_link, name="person-link"),
    path("admin/roles/<uuid:pk>/remove/", people.grant_delete, name="grant-delete"),
    path("admin/tokens/<uuid:pk>/revoke/", people.person_token_revoke, name="person-token-revoke"),
    path("admin/sessions/<int:pk>/end/", people.person_session_end, name="person-session-end"),
    path("admin/invitations/", people.invitation_list, name="invitation-list"),
    path("admin/invitations/<uuid:pk>/", people.invitation_change, name="invitation-change"),
    path("admin/invitations/<uuid:pk>/resend/", people.invitation_resend, name="invitation-resend"),
    path("admin/invitations/<uuid:pk>/revoke/", people.invitation_revoke, name="invitation-revoke"),
    path("admin/teams/", teams.team_list, name="team-list"),
    path("admin/teams/new/", teams.team_create, name="team-create"),
    path("admin/teams/<uuid:pk>/", teams.team_detail, name="team-detail"),
    path("admin/teams/<uuid:pk>/edit/", teams.team_update, name="team-update"),
    path("admin/teams/<uuid:pk>/archive/", teams.team_archive, name="team-archive"),
    path("admin/roles/", teams.roles_matrix, name="roles-matrix"),
    path("account/", account.account, name="account"),
    path("account/tokens/", account.token_list, name="token-list"),
    path("account/tokens/new/", account.token_create, name="token-create"),
    path("account/tokens/<uuid:pk>/revoke/", account.token_revoke, name="token-revoke"),
    path("account/sessions/", account.session_list, name="session-list"),
    path("account/sessions/<int:pk>/end/", account.session_end, name="session-end"),
    path("account/sessions/end-others/", account.sessions_end_others, name="sessions-end-others"),
    path("account/team/", account.team_switch, name="team-switch"),
    path("accounts/link/", entrance.link_use, name="account-link-use"),
    path("accounts/link/<str:secret>/", entrance.link_open, name="account-link"),
    path("invitation/", entrance.invitation_accept, name="invitation-accept"),
    path("invitation/<str:secret>/", entrance.invitation_open, name="invitation-open"),
    path(
        "accounts/sessions/",
        RedirectView.as_view(pattern_name="session-list"),
        name="usersessions_list",
    ),
    _whole("login/", account_views.login, "account_login"),
    _whole("logout/", account_views.logout, "account_logout"),
    _whole("email/", account_views.email, "account_email"),
    _whole("password/change/", account_views.password_change, "account_change_password"),
    _whole("password/set/", account_views.password_set, "account_set_password"),
    re_path(
        r"^accounts/confirm-email/(?P<key>[-:\w]+)/$",
        transaction.atomic(account_views.confirm_email),
        name="account_confirm_email",
    ),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        transaction.atomic(account_views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    _whole("2fa/authenticate/", mfa_views.authenticate, "mfa_authenticate"),
    _whole("2fa/totp/activate/", totp_views.activate_totp, "mfa_activate_totp"),
    _whole("2fa/totp/deactivate/", totp_views.deactivate_totp, "mfa_deactivate_totp"),
    _whole("2fa/recovery-codes/generate/", code_views.generate_recovery_codes, "mfa_generate_recovery_codes"),
    _whole("2fa/webauthn/add/", key_views.add_webauthn, "mfa_add_webauthn"),
    _whole("2fa/webauthn/login/", key_views.login_webauthn, "mfa_login_webauthn"),
    _whole("2fa/webauthn/keys/<int:pk>/remove/", key_views.remove_webauthn, "mfa_remove_webauthn"),
]
