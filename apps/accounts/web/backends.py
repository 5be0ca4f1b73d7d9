"""How a session becomes a person."""

from __future__ import annotations

import uuid
from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from apps.accounts.models import User
from apps.accounts.selectors import person_with_roles


class PersonBackend(AuthenticationBackend):
    """Signs in by user name or address. Every page passes here, so a person comes with their roles in one statement."""

    def get_user(self, user_id: Any) -> User | None:
        try:
            user = person_with_roles(uuid.UUID(str(user_id)))
        except ValueError:
            return None
        return user if user is not None and self.user_can_authenticate(user) else None
