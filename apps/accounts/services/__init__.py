"""All writes of people, teams, roles, invitations, tokens and sessions."""

from apps.accounts.selectors import deciders_need_mfa
from apps.accounts.services.account import (
    account_update,
    home_seen,
    session_end,
    sessions_end_others,
    team_switch,
)
from apps.accounts.services.grants import grant_add, grant_remove
from apps.accounts.services.invitations import (
    invitation_accept,
    invitation_create,
    invitation_resend,
    invitation_revoke,
)
from apps.accounts.services.links import sign_in_link_create, sign_in_link_send, sign_in_link_use
from apps.accounts.services.people import RemovalPreview, person_removal_preview, person_remove, user_create
from apps.accounts.services.teams import team_archive, team_create, team_update
from apps.accounts.services.tokens import run_token_issue, run_tokens_revoke, token_create, token_revoke

__all__ = [
    "RemovalPreview",
    "account_update",
    "deciders_need_mfa",
    "grant_add",
    "grant_remove",
    "home_seen",
    "invitation_accept",
    "invitation_create",
    "invitation_resend",
    "invitation_revoke",
    "person_removal_preview",
    "person_remove",
    "run_token_issue",
    "run_tokens_revoke",
    "session_end",
    "sessions_end_others",
    "sign_in_link_create",
    "sign_in_link_send",
    "sign_in_link_use",
    "team_archive",
    "team_create",
    "team_switch",
    "team_update",
    "token_create",
    "token_revoke",
    "user_create",
]
