"""How allauth behaves here: no open sign-up, people come by invitation; secrets of second factors are sealed."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.mail import address_mail
from apps.accounts.web.theme import theme_set
from apps.core.encryption import text_decrypt, text_encrypt

NO_MATCH = "This name or address and this password do not belong together."
"""The same for both, so that it says nothing about who is here."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closed sign-up; mail that fails is said in the log and never breaks a page."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": NO_MATCH,
        "email_password_mismatch": NO_MATCH,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        response = super().post_login(request, user, **kwargs)
        theme_set(response, user.theme)
        return response

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        context = {**context, "public_url": settings.PUBLIC_URL}
        address_mail(self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context}))

    def get_reset_password_from_key_url(self, key: str) -> str:
        # The stated address of the installation, never the Host that a request claims.
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return f"{settings.PUBLIC_URL}{path}".replace("UID-KEY", key)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return f"{settings.PUBLIC_URL}{reverse('account_confirm_email', args=[emailconfirmation.key])}"


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keys of authenticator apps and recovery codes are encrypted with a key made of the installation's secret."""

    def encrypt(self, text: str) -> str:
        return text_encrypt("second factor", text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises ValueError when the installation's secret is another one than at enrolment."""
        return text_decrypt("second factor", encrypted_text)
